"""An app that is started again without something that its journal still has work for."""

import asyncio
from pathlib import Path

import pytest

from actors import After, Aggregate, App, Event, Gateway, on
from runtime import JournalMismatch

from .inside import inside


class Paid(Event, origin=True):
    who: str


class Due(Event):
    who: str


class Wallet(Aggregate, key="who"):
    paid: int = 0

    @on
    def pay(self, event: Paid) -> None:
        self.paid += 1


class Reminders(Aggregate, key="who"):
    @on
    def later(self, event: Paid) -> After[Due]:
        return After(Due(who=self.id), days=1)


class Dunning(Aggregate, key="who"):
    dunned: int = 0

    @on
    def dun(self, event: Due) -> None:
        self.dunned += 1


class Mailer(Gateway):
    @on
    async def mail(self, event: Paid) -> None: ...


def start(journal: Path, *parts: type, host: bool = True) -> None:
    """Start an app of these parts, publish a payment, end it; without a host what it leads to waits."""

    async def main() -> None:
        async with inside(App("shop", *parts), journal, host=host, gateways=False) as shop:
            rt = shop.client()
            await rt.publish(Paid(who="ada"))
            if host:
                await rt.drain()
            await rt.close()

    asyncio.run(main())


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "shop.db"


@pytest.mark.parametrize(
    ("before", "host", "after", "said"),
    [
        ((Wallet, Reminders, Dunning), False, (Reminders, Dunning), "by Wallet/ada, and this app has no Wallet"),
        ((Wallet, Mailer), False, (Wallet,), "by Mailer, and this app has no Mailer"),
        ((Wallet, Reminders, Dunning), True, (Wallet,), "by Dunning/ada, and this app has no Dunning"),
    ],
    ids=["an aggregate", "a gateway", "a timer's"],
)
def test_what_is_still_to_be_handled_must_have_somebody_to_handle_it(
    journal: Path, before: tuple[type, ...], host: bool, after: tuple[type, ...], said: str
) -> None:
    start(journal, *before, host=host)

    with pytest.raises(JournalMismatch, match=said) as raised:
        start(journal, *after)

    assert "start the version that has it" in raised.value.hint


class Trips(Aggregate, key="who"):
    """Fails at every payment."""

    @on
    def pay(self, event: Paid) -> None:
        raise ValueError("no")


def test_so_must_a_dead_letter(journal: Path) -> None:
    start(journal, Wallet, Trips)

    with pytest.raises(JournalMismatch, match="by Trips/ada, and this app has no Trips"):
        start(journal, Wallet)


def test_what_is_handled_needs_nobody(journal: Path) -> None:
    class Books(Aggregate, key="who"):
        paid: int = 0

        @on
        def pay(self, event: Paid) -> None:
            self.paid += 1

    start(journal, Wallet)

    start(journal, Books)


def renamed(listens: bool) -> type[Aggregate]:
    """A wallet of a version that has another event in the place of `Paid`."""

    class PaidIn(Event, origin=True, name="paid" if listens else None):
        who: str

    class Wallet(Aggregate, key="who"):
        paid: int = 0

        @on
        def pay(self, event: PaidIn) -> None:
            self.paid += 1

    return Wallet


def test_an_event_that_is_not_known_any_longer_is_a_dead_letter_that_says_so(journal: Path) -> None:
    async def main() -> None:
        start_without_host = App("shop", Wallet)
        async with inside(start_without_host, journal, host=False) as shop:
            await shop.client().publish(Paid(who="ada"))
        new = renamed(listens=False)
        async with inside(App("shop", new), journal) as shop:
            rt = shop.client()
            await rt.drain()
            (letter,) = await rt.dead_letters.list()
            await rt.leave(1.0)
        again = renamed(listens=True)
        async with inside(App("shop", again), journal) as shop:
            rt = shop.client()
            await rt.dead_letters.retry(letter)
            await rt.drain()
            wallet = await rt.get(again, "ada")
            await rt.leave(1.0)

        assert letter.error == "EventRejected"
        assert "paid is no event of this app any longer" in letter.message
        assert "have name='paid'" in letter.message
        assert letter.recorded.event == {"who": "ada"}
        assert wallet == again(paid=1)

    asyncio.run(main())
