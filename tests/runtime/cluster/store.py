"""The app that most tests of this folder look at: orders, a wallet, receipts, a board of all."""

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from actors import After, Aggregate, App, Cancel, Event, on


class Bought(Event, origin=True):
    player_id: str
    credits: int = 1


class Granted(Event):
    player_id: str
    balance: int


class Printed(Event):
    player_id: str


class Gifted(Event, origin=True):
    """Goes to two wallets at once: they agree on no key."""

    giver: str
    taker: str
    credits: int


class Noticed(Event, origin=True):
    """Nobody's key; nobody's in particular."""

    text: str


class Tabled(Event, origin=True):
    table: UUID
    seat: int


class Closed(Event, origin=True):
    player_id: str


class Broken(Event, origin=True):
    """Whoever handles it fails, until the file is there."""

    player_id: str
    until: str


class Reminder(Event):
    player_id: str
    text: str


class RemindMe(Event, origin=True):
    player_id: str
    hours: int
    text: str


class Forget(Event, origin=True):
    player_id: str


class Announced(Event, origin=True, broadcast=True):
    text: str


class Pinged(Event, origin=True):
    """Changes nothing where it is heard."""

    player_id: str


class Wallet(Aggregate, key="player_id"):
    credits: int = 0
    at: datetime | None = None

    @on
    def grant(self, event: Bought) -> Granted:
        self.credits += event.credits
        self.at = self.now
        return Granted(player_id=self.id, balance=self.credits)

    @on(key=lambda event: (event.giver, event.taker))
    def gift(self, event: Gifted) -> None:
        self.credits += event.credits if self.id == event.taker else -event.credits

    @on
    def close(self, event: Closed) -> None:
        self.retire()

    @on
    def ping(self, event: Pinged) -> None:
        """Nothing."""


class Receipts(Aggregate, key="player_id"):
    balances: list[int] = []

    @on
    def print(self, event: Granted) -> Printed:
        self.balances.append(event.balance)
        return Printed(player_id=self.id)

    @on
    def fail(self, event: Broken) -> Printed:
        from pathlib import Path

        if not Path(event.until).exists():
            raise RuntimeError(f"no {event.until}")
        self.balances.append(-1)
        return Printed(player_id=self.id)


class Board(Aggregate, singleton=True):
    texts: list[str] = []

    @on
    def post(self, event: Noticed) -> None:
        self.texts.append(event.text)


class Table(Aggregate, key="table"):
    seats: list[int] = []

    @on
    def sit(self, event: Tabled) -> None:
        self.seats.append(event.seat)


class Diary(Aggregate, key="player_id"):
    """Keeps what it is reminded of, and what is announced, each with the hour at which it came."""

    lines: list[str] = []

    @on
    def remind(self, event: RemindMe) -> After[Reminder]:
        return After(Reminder(player_id=self.id, text=event.text), hours=event.hours, name=event.text)

    @on
    def forget(self, event: Forget) -> Iterator[Cancel[Reminder]]:
        yield Cancel(Reminder, name="tea")

    @on
    def note(self, event: Reminder) -> None:
        self.lines.append(f"{event.text} {self.now:%H:%M}")

    @on
    def hear(self, event: Announced) -> None:
        self.lines.append(event.text)


class Total(Aggregate, shares=Wallet):
    """The same wallet, as the bookkeeper sees it."""

    credits: int = 0
    bought: int = 0

    @on
    def count(self, event: Bought) -> None:
        self.bought += 1


app = App("store", Wallet, Total, Receipts, Board, Table, Diary)
