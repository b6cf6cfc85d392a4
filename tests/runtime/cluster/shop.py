"""The app that is started and killed here: a purchase's chain with a gateway, timers and a heartbeat.

Each instance writes down what it has handled, in order: an event lost, repeated or out of order shows in its state.
"""

from actors import After, Aggregate, App, Event, Gateway, Heartbeat, on


class AttemptedPurchase(Event, origin=True):
    player_id: str
    number: int


class CompletedPurchase(Event):
    player_id: str
    number: int


class CreditsGranted(Event):
    player_id: str
    number: int
    total: int


class ReceiptDue(Event):
    player_id: str
    number: int


class Payments(Gateway):
    @on(idempotent=True)
    async def charge(self, event: AttemptedPurchase) -> CompletedPurchase:
        return CompletedPurchase(player_id=event.player_id, number=event.number)


class Orders(Aggregate, key="player_id"):
    """In the order of the log: what was published one after the other."""

    numbers: list[int] = []

    @on
    def note(self, event: AttemptedPurchase) -> None:
        self.numbers.append(event.number)


class Wallet(Aggregate, key="player_id"):
    """In the order in which the payments went through."""

    numbers: list[int] = []

    @on
    def grant(self, event: CompletedPurchase) -> CreditsGranted:
        self.numbers.append(event.number)
        return CreditsGranted(player_id=self.id, number=event.number, total=len(self.numbers))


class Receipts(Aggregate, key="player_id"):
    totals: list[int] = []
    sent: list[int] = []

    @on
    def prepare(self, event: CreditsGranted) -> After[ReceiptDue]:
        self.totals.append(event.total)
        return After(ReceiptDue(player_id=self.id, number=event.number), seconds=0.1, name=str(event.number))

    @on
    def send(self, event: ReceiptDue) -> None:
        self.sent.append(event.number)


class Pulse(Aggregate, key="player_id"):
    """Ticks, as a live instance heard them."""

    ticks: list[int] = []
    missed: list[int] = []

    @on
    def begin(self, event: AttemptedPurchase) -> None: ...

    @on
    def beat(self, event: Heartbeat) -> None:
        self.ticks.append(event.tick)
        self.missed.append(event.missed)


def shop(name: str, *, heartbeat: float | None = None) -> App:
    return App(name, Payments, Orders, Wallet, Receipts, Pulse, heartbeat=heartbeat or 1000)
