"""What a wiring error says, in full: its kind, the classes and the event, file and line of each, and what to do."""

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from actors import After, Aggregate, App, At, Cancel, Event, Gateway, WiringError, cron, on
from tests.actors.wired import Answered, Ask, Asked, Hearing, Noted, place

SOURCES = sorted((Path(__file__).resolve().parents[2] / "actors").glob("*.py"))


class Daily(Event, origin=True):
    missed: int = 0


def at(*things: Any) -> str:
    """The line of a text that says where classes and handlers stand."""
    return "  at " + " and ".join(map(place, things))


def two_owners() -> tuple[list[Any], str]:
    class Rival(Aggregate, key="key"):
        @on
        def reply(self, event: Asked) -> Answered: ...  # type: ignore[empty-body]

    return (
        [Ask, Rival],
        f"""\
TwoOwners: Answered has two owners, Ask.ask and Rival.reply
{at(Ask.ask, Rival.reply)}
  fix: let one of them emit it and the other listen to it.""",
    )


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


def bad_parameter() -> tuple[list[Any], str]:
    class Greedy(Aggregate, key="key"):
        @on  # type: ignore[arg-type]
        def hear(self, event: Asked, rate: float, *, limit: int) -> None: ...

    return (
        [Greedy],
        f"""\
BadParameter: Greedy.hear wants rate, limit, and is called with an event alone
{at(Greedy.hear)}
  fix: take it from the event or from self, or give it a default.""",
    )


def emits_origin() -> tuple[list[Any], str]:
    class Forger(Aggregate, key="key"):
        @on(max_hops=1)
        def forge(self, event: Answered) -> Asked: ...  # type: ignore[empty-body]

    return (
        [Ask, Forger],
        f"""\
EmitsOrigin: Forger.forge emits Asked, which comes from outside (origin=True)
{at(Forger.forge, Asked)}
  fix: emit an event of its own, or take origin=True away.""",
    )


def unowned() -> tuple[list[Any], str]:
    class Canceller(Aggregate, key="key"):
        @on
        def hear(self, event: Asked) -> Cancel[Answered]: ...  # type: ignore[empty-body]

    return (
        [Ask, Canceller],
        f"""\
Unowned: Canceller.hear cancels Answered, for which Canceller sets no timer
{at(Canceller.hear, Answered)}
  fix: a timer belongs to the class that sets it: return After(Answered(...)) from a handler of Canceller, or let its \
owner cancel it.""",
    )


def listener_of_nothing() -> tuple[list[Any], str]:
    class Deaf(Aggregate, key="key"):
        @on
        def hear(self, event: Noted) -> None: ...

    return (
        [Deaf],
        f"""\
ListenerOfNothing: Deaf.hear listens to Noted, which nobody emits
{at(Deaf.hear, Noted)}
  fix: let a handler emit Noted, or publish it from outside: class Noted(Event, origin=True).""",
    )


def two_handlers() -> tuple[list[Any], str]:
    class Twice(Aggregate, key="key"):
        @on
        def one(self, event: Asked) -> None: ...

        @on
        def other(self, event: Asked) -> None: ...

    return (
        [Twice],
        f"""\
TwoHandlers: Twice.one and Twice.other both listen to Asked
{at(Twice.one, Twice.other)}
  fix: make them one handler, or let one listen to a more specific event.""",
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


def stated_time() -> tuple[list[Any], str]:
    class Dating(Aggregate, key="key"):
        @on
        def hear(self, event: Asked) -> At[Noted]: ...  # type: ignore[empty-body]

    return (
        [Dating],
        f"""\
StatedTime: Dating.hear returns At[...]: only a gateway states times
{at(Dating.hear)}
  fix: what an aggregate emits happens at self.now; return the event itself.""",
    )


def gateway_timer() -> tuple[list[Any], str]:
    class Payments(Gateway):
        @on
        async def charge(self, event: Asked) -> After[Noted]: ...  # type: ignore[empty-body]

    return (
        [Payments],
        f"""\
GatewayTimer: Payments.charge sets a timer: only an aggregate's instance can own one
{at(Payments.charge)}
  fix: emit an event, and let an aggregate return After(...).""",
    )


def sync_gateway() -> tuple[list[Any], str]:
    class Payments(Gateway):
        @on
        def charge(self, event: Asked) -> None: ...

    return (
        [Payments],
        f"""\
SyncGateway: Payments.charge is not async
{at(Payments.charge)}
  fix: a gateway's handler is `async def`.""",
    )


def async_aggregate() -> tuple[list[Any], str]:
    class Waiting(Aggregate, key="key"):
        @on
        async def hear(self, event: Asked) -> None: ...

    return (
        [Waiting],
        f"""\
AsyncAggregate: Waiting.hear is async, and an aggregate's handler never waits
{at(Waiting.hear)}
  fix: move what waits into a Gateway, and emit an event for it.""",
    )


def bad_hint() -> tuple[list[Any], str]:
    class Silent(Aggregate, key="key"):
        @on
        def hear(self, event: Asked): ...  # type: ignore[no-untyped-def]

    return (
        [Silent],
        f"""\
BadHint: Silent.hear: it has no return hint: say what it emits, or None
{at(Silent.hear)}
  fix: def handler(self, event: SomeEvent) -> OtherEvent | None: ...; one that yields several has """
        """-> Iterator[OtherEvent | AnotherEvent].""",
    )


def unroutable_key_nobody_names() -> tuple[list[Any], str]:
    class Lost(Aggregate):
        @on
        def hear(self, event: Asked) -> None: ...

    return (
        [Lost],
        f"""\
UnroutableKey: Lost.hear listens to Asked, and nothing says to which Lost it goes
{at(Lost.hear, Asked)}
  fix: class Lost(Aggregate, key='...'), or singleton=True, or @on(key=...).""",
    )


def unroutable_key_that_is_not_there() -> tuple[list[Any], str]:
    class Lost(Aggregate, key="kee"):
        @on
        def hear(self, event: Asked) -> None: ...

    return (
        [Lost],
        f"""\
UnroutableKey: Lost.hear listens to Asked, which has no field 'kee' to route by
{at(Lost.hear, Asked)}
  fix: @on(key=...) names another field of Asked; or give the event the field; or declare class Asked(Event, \
broadcast=True).""",
    )


def unroutable_key_of_another_type() -> tuple[list[Any], str]:
    class Lost(Aggregate, key="weight"):
        @on
        def hear(self, event: Asked) -> None: ...

    return (
        [Lost],
        f"""\
UnroutableKey: Lost.hear routes Asked by 'weight', which is a float
{at(Lost.hear, Asked)}
  fix: a key is a str, an int or a UUID; @on(key=function) makes one of anything.""",
    )


def undeclared_cycle() -> tuple[list[Any], str]:
    class Echo(Aggregate, key="key"):
        @on
        def hear(self, event: Answered) -> Noted: ...  # type: ignore[empty-body]

    class Again(Aggregate, key="key"):
        @on
        def start(self, event: Asked) -> Answered: ...  # type: ignore[empty-body]

        @on
        def hear(self, event: Noted) -> Answered: ...  # type: ignore[empty-body]

    return (
        [Echo, Again],
        f"""\
UndeclaredCycle: events lead back to themselves: Noted → Again.hear → Answered → Echo.hear → Noted
{at(Again.hear, Echo.hear)}
  fix: break it with a timer (After), or declare its bound on one of the handlers: @on(max_hops=8).""",
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


MISTAKES = [
    *(
        two_owners,
        no_handler,
        no_handler_at_all,
        no_parts,
        bad_parameter,
        emits_origin,
        unowned,
        listener_of_nothing,
        two_handlers,
        same_name,
        given_twice,
        same_wire_type,
        bad_name,
    ),
    *(shared_field_mismatch, shares_nothing, stated_time, gateway_timer, sync_gateway, async_aggregate, bad_hint),
    *(unroutable_key_nobody_names, unroutable_key_that_is_not_there, unroutable_key_of_another_type),
    *(undeclared_cycle, reserved_name, private_attribute, no_default, not_stored, polymorphic_field, bad_argument),
    *(same_schedule, missing_settings),
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.__name__)
def test_a_mistake_is_told_in_full(mistake: Callable[[], tuple[list[Any], str]]) -> None:
    parts, text = mistake()
    schedules = [part for part in parts if not isinstance(part, type)]

    with pytest.raises(WiringError) as caught:
        App("shop", *(part for part in parts if isinstance(part, type)), schedules=schedules)

    assert str(caught.value) == f"the wiring of app 'shop' has a problem\n\n{text}"


def test_every_kind_of_mistake_has_its_text_here() -> None:
    kinds = {
        call.args[0].value
        for path in SOURCES
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call) and call.args and isinstance(call.args[0], ast.Constant)
        if ast.unparse(call.func).rpartition(".")[2] in ("add", "problem", "WiringProblem")
        if isinstance(call.args[0].value, str) and call.args[0].value[:1].isupper()
    }

    assert kinds == {mistake()[1].partition(":")[0] for mistake in MISTAKES}
