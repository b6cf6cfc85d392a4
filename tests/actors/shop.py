"""A shop for scenarios: purchases, wallets, and one who watches."""

from datetime import datetime

from actors import Aggregate, App, ChainHalted, Envelope, Event, on
from actors.testing import Scenario


class Attempted(Event, origin=True):
    player_id: str = "ada"
    credits: int = 10


class Refused(Event, origin=True):
    player_id: str = "ada"


class Completed(Event):
    player_id: str
    credits: int


class Granted(Event):
    player_id: str
    credits: int


class Announced(Event, origin=True, broadcast=True):
    text: str = "hello"


class DailyBoard(Event, origin=True):
    missed: int = 0


class Shop(Aggregate, key="player_id"):
    attempts: int = 0

    @on
    def attempt(self, event: Attempted) -> Completed:
        self.attempts += 1
        return Completed(player_id=self.id, credits=event.credits)


class Wallet(Aggregate, key="player_id"):
    credits: int = 0
    heard: list[str] = []
    at: list[datetime] = []
    envelopes: list[dict[str, str]] = []

    @on
    def grant(self, event: Completed) -> Granted:
        if event.credits < 0:
            raise ValueError("no such purchase")
        self.credits += event.credits
        self.at = [*self.at, self.now]
        self.envelopes = [*self.envelopes, shown(self.event)]
        return Granted(player_id=self.id, credits=event.credits)

    @on
    def hear(self, event: Announced) -> None:
        self.heard = [*self.heard, event.text]

    @on
    def close(self, event: Refused) -> None:
        self.retire()


def shown(e: Envelope) -> dict[str, str]:
    """What of an envelope is text, and its hops."""
    names = ("id", "source", "type", "subject", "dataschema", "sequence", "partitionkey", "correlationid")
    return {name: getattr(e, name) for name in (*names, "causationid")} | {"hops": str(e.hops)}


class Watch(Aggregate, singleton=True):
    halted: int = 0
    path: tuple[str, ...] = ()
    reason: str = ""
    days: list[datetime] = []
    missed: int = 0

    @on
    def halt(self, event: ChainHalted) -> None:
        self.halted += 1
        self.path, self.reason = event.path, event.reason

    @on
    def daily(self, event: DailyBoard) -> None:
        self.days = [*self.days, self.now]
        self.missed += event.missed


app = App("shop", Shop, Wallet, Watch)


def wallet(play: Scenario, id: str = "ada") -> Wallet:
    found = play.get(Wallet, id)
    assert found is not None
    return found
