"""What people give for an event, a class or a key, and what is made of it."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from actors import Aggregate, App, ChainHalted, Event, Gateway, on
from actors.errors import EventRejected, TrunklineError
from runtime.encode import key_digest
from runtime.names import Names
from runtime.reading import Reading


class Deposit(Event, origin=True):
    account: str


class Transfer(Event, origin=True):
    accounts: list[str]


class Moved(Event, origin=True):
    account: str
    to: str


class Audited(Event, origin=True):
    by: str


class Printed(Event, origin=True):
    page: int


class Confirmed(Event):
    account: str


class Account(Aggregate, key="account"):
    @on
    def add(self, event: Deposit) -> Confirmed:
        return Confirmed(account=event.account)

    @on(key="accounts")
    def move(self, event: Transfer) -> None: ...

    @on(key=lambda moved: (moved.account, moved.to))
    def both(self, event: Moved) -> None: ...


class Books(Aggregate, singleton=True):
    @on
    def audit(self, event: Audited) -> None: ...


class Ledger(Aggregate, key="account"):
    """Of no app."""


class Printer(Gateway):
    @on
    async def print(self, event: Printed) -> None: ...


class Asked:
    """A source that notes which keys it is asked for."""

    def __init__(self) -> None:
        self.digests: list[bytes] = []

    async def read(self, kind: Any, method: str, *arguments: Any) -> Any:
        raise AssertionError

    async def has_key(self, digest: bytes) -> bool:
        self.digests.append(digest)
        return True

    async def decide(self, what: str, at: int, address: str) -> bool:
        raise AssertionError


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
def reading(asked: Asked) -> Reading:
    return Reading(asked, App("bank", Account, Books, Printer))


@pytest.mark.parametrize("named", [Deposit, "deposit", "Deposit"])
def test_a_key_is_looked_for_by_the_wire_type_however_the_event_is_named(
    reading: Reading, asked: Asked, named: type[Event] | str
) -> None:
    assert asyncio.run(reading.has(named, "zz", "ada"))

    assert asked.digests == [key_digest("deposit", "ada", "zz")]


@pytest.mark.parametrize("named", [Deposit, "deposit", "Deposit"])
def test_without_the_routing_key_that_such_events_have_it_is_asked_for(
    reading: Reading, asked: Asked, named: type[Event] | str
) -> None:
    with pytest.raises(TrunklineError, match="needs a routing key") as raised:
        asyncio.run(reading.has(named, "zz"))

    assert raised.value.hint.startswith("has(Deposit, 'zz', account)")
    assert asked.digests == []


@pytest.mark.parametrize(
    ("event", "subject"), [(Audited, "Books"), (Printed, ""), (Transfer, ""), (Moved, "")], ids=lambda of: str(of)
)
def test_it_is_not_asked_for_where_there_is_none_or_only_one(
    reading: Reading, asked: Asked, event: type[Event], subject: str
) -> None:
    assert asyncio.run(reading.has(event, "zz"))

    assert asked.digests == [key_digest(event.__trunkline__.name, subject, "zz")]


def other(cls: type) -> type:
    """A class of this name in a program that another one imports."""
    made: type = type(cls)(
        cls.__name__,
        (cls.__base__,),
        {"__module__": "program"},
        **{Deposit: {"origin": True}, Account: {"key": "account"}}[cls],
    )
    return made


@pytest.mark.parametrize(
    "ask",
    [
        lambda reading: reading.get(other(Account), "ada"),
        lambda reading: reading.has(other(Deposit), "zz", "ada"),
    ],
    ids=["get", "has"],
)
def test_of_a_class_that_only_has_the_name_of_one_of_the_apps_it_is_said_how_to_have_that(
    reading: Reading, ask: Callable[[Reading], Coroutine[Any, Any, object]]
) -> None:
    with pytest.raises(TrunklineError, match=r"is not the class that app 'bank' has: .* is program") as raised:
        asyncio.run(ask(reading))

    assert "Runtime.attach(app)" in raised.value.hint


def test_a_class_of_another_name_is_none_of_the_apps(reading: Reading) -> None:
    with pytest.raises(TrunklineError, match="Ledger is no aggregate of app 'bank'"):
        asyncio.run(reading.get(Ledger, "ada"))


def test_what_no_handler_emits_is_no_reply_to_a_request() -> None:
    names = Names(App("bank", Account, Books, Printer))

    with pytest.raises(EventRejected, match="Audited can't be the reply to a request: no handler emits it"):
        names.replies([Confirmed, Audited])

    assert names.replies([Confirmed, ChainHalted]) == {"confirmed", "chain_halted"}
