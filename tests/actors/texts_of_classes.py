"""What is said of a class that is wrong in itself, or beside the others: its name, fields, arguments, settings."""

from typing import Any

import pytest

from actors import Aggregate, Event, Gateway, cron, on
from tests.actors.wired import Answered, Ask, Asked, Hearing, at


class Daily(Event, origin=True):
    missed: int = 0


def no_handler() -> tuple[list[Any], str]:
    class Forgot(Aggregate, key="key"):
        @on
        def hear(self, event: Asked) -> None: ...

        def answer(self, event: Answered) -> None: ...

    return (
        [Ask, Forgot],
        f"""\
NoHandler: Forgot.answer takes an event, and has no @on: nothing would call it
{at(Forgot.answer)}
  fix: put @on above it; if it is called from elsewhere, name it _answer.""",
    )


def no_handler_at_all() -> tuple[list[Any], str]:
    class Idle(Aggregate, key="key"): ...

    return (
        [Ask, Idle],
        f"""\
NoHandler: Idle has no handler: no event would come to it
{at(Idle)}
  fix: put @on above a method of it that takes an event, or leave Idle out of the app.""",
    )


def no_parts() -> tuple[list[Any], str]:
    return (
        [],
        """\
NoParts: app 'shop' has no aggregate and no gateway: nothing would come of any event
  fix: App('shop', Wallet, ...).""",
    )


def same_name() -> tuple[list[Any], str]:
    class Other(Hearing, key="key", name="Ask"): ...

    return (
        [Ask, Other],
        f"""\
SameName: Ask and Other have the same name 'Ask'
{at(Ask, Other)}
  fix: give one of them another: class X(..., name='...').""",
    )


def given_twice() -> tuple[list[Any], str]:
    class Bell(Gateway):
        @on
        async def ring(self, event: Asked) -> None: ...

    return (
        [Bell, Ask, Bell],
        f"""\
GivenTwice: Bell is given twice
{at(Bell)}
  fix: leave one out; gateways of different settings are of two classes.""",
    )


def same_wire_type() -> tuple[list[Any], str]:
    class Replied(Event, name="answered"):
        key: str

    class Reply(Aggregate, key="key"):
        @on
        def reply(self, event: Asked) -> Replied: ...  # type: ignore[empty-body]

    return (
        [Ask, Reply],
        f"""\
SameWireType: Answered and Replied are both 'answered' on the wire
{at(Answered, Replied)}
  fix: give one of them another: class X(Event, name='...').""",
    )


def bad_name() -> tuple[list[Any], str]:
    class Named(Hearing, key="key", name="a/b"): ...

    return (
        [Named],
        f"""\
BadName: 'a/b' can't be a class's name
{at(Named)}
  fix: letters, digits, '_', '-' and '.', as in name='billing.Wallet'.""",
    )


def shared_field_mismatch() -> tuple[list[Any], str]:
    class Call(Hearing, key="key"):
        state: str = ""

    class Score(Aggregate, shares=Call):
        state: int = 0

    return (
        [Call, Score],
        f"""\
SharedFieldMismatch: Call.state and Score.state are the same storage, and their types differ: <class 'str'> and \
<class 'int'>
{at(Call, Score)}
  fix: give the field the same type in both, or another name in one.""",
    )


def shares_nothing() -> tuple[list[Any], str]:
    class Call(Hearing, key="key"): ...

    class Score(Hearing, shares=Call): ...

    return (
        [Score],
        f"""\
SharesNothing: Score shares Call, which is not in the app or shares another itself
{at(Score, Call)}
  fix: App('shop', ..., Call, Score).""",
    )


def reserved_name() -> tuple[list[Any], str]:
    class Named(Hearing, key="key"):
        def retire(self) -> None: ...

    return (
        [Named],
        f"""\
ReservedName: Named.retire is a name of Aggregate itself
{at(Named)}
  fix: give the field another name.""",
    )


def private_attribute() -> tuple[list[Any], str]:
    class Secretive(Hearing, key="key"):
        _cache: int = 0

    return (
        [Secretive],
        f"""\
PrivateAttribute: Secretive._cache is a private attribute, which would be lost between turns
{at(Secretive)}
  fix: make it a field (without the underscore), or compute it in the handler.""",
    )


def no_default() -> tuple[list[Any], str]:
    class Wanting(Hearing, key="key"):
        credits: int

    return (
        [Wanting],
        f"""\
NoDefault: Wanting.credits has no default, and an instance starts empty
{at(Wanting)}
  fix: credits: int = ...""",
    )


def not_stored() -> tuple[list[Any], str]:
    from pydantic import Field

    class Forgetful(Hearing, key="key"):
        credits: int = Field(default=0, exclude=True)

    return (
        [Forgetful],
        f"""\
NotStored: Forgetful.credits is excluded from what is stored, and would be lost between turns
{at(Forgetful)}
  fix: take exclude=True away, or compute it in the handler.""",
    )


def polymorphic_field() -> tuple[list[Any], str]:
    class Loose(Hearing, key="key"):
        thing: object = None

    return (
        [Loose],
        f"""\
PolymorphicField: Loose.thing may hold anything, and is read back as plain JSON
{at(Loose)}
  fix: name the classes that it can hold, as a union with a discriminator.""",
    )


def bad_argument() -> tuple[list[Any], str]:
    class Odd(Hearing, key="key", failures="ignore"): ...  # type: ignore[arg-type]

    return (
        [Odd],
        f"""\
BadArgument: Odd has failures='ignore', which means nothing
{at(Odd)}
  fix: 'hold' or 'skip'.""",
    )


def same_schedule() -> tuple[list[Any], str]:
    class Board(Aggregate, singleton=True):
        @on
        def draw(self, event: Daily) -> None: ...

    daily = cron("0 8 * * *", Daily)
    return (
        [Board, daily, daily],
        f"""\
SameSchedule: there are two schedules 'cron 0 8 * * * UTC daily'
{at(Daily)}
  fix: leave one out, or give them different fields: cron(..., board='daily').""",
    )


def missing_settings() -> tuple[list[Any], str]:
    class Payments(Gateway):
        token: str

        @on
        async def charge(self, event: Asked) -> None: ...

    with pytest.raises(ValueError, match="token") as caught:
        Payments()  # type: ignore[call-arg]
    return (
        [Payments],
        f"""\
MissingSettings: Payments has settings without a default: {caught.value}
{at(Payments)}
  fix: App('shop', ..., Payments(setting=...)).""",
    )


MISTAKES = (
    no_handler,
    no_handler_at_all,
    no_parts,
    same_name,
    given_twice,
    same_wire_type,
    bad_name,
    shared_field_mismatch,
    shares_nothing,
    reserved_name,
    private_attribute,
    no_default,
    not_stored,
    polymorphic_field,
    bad_argument,
    same_schedule,
    missing_settings,
)
