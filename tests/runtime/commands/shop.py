"""A shop: a wallet that may refuse, a reminder that waits, receipts in another partition, a payment that is called."""

from collections.abc import Iterator

from actors import After, Aggregate, App, Cancel, Event, Gateway, on


class AttemptedPurchase(Event, origin=True):
    player_id: str
    credits: int


class CompletedPurchase(Event):
    player_id: str
    credits: int
    note: str = ""


class CreditsGranted(Event):
    player_id: str
    balance: int


class Reminded(Event):
    player_id: str


class Spent(Event, origin=True):
    player_id: str
    credits: int


class Announced(Event, origin=True, broadcast=True):
    text: str


class Payments(Gateway):
    @on
    async def charge(self, event: AttemptedPurchase) -> CompletedPurchase:
        return CompletedPurchase(player_id=event.player_id, credits=event.credits, note="\x1b[31m")


class Wallet(Aggregate, key="player_id"):
    credits: int = 0
    news: str = ""

    @on
    def grant(self, event: CompletedPurchase) -> Iterator[CreditsGranted | After[Reminded]]:
        self.credits += event.credits
        yield CreditsGranted(player_id=self.id, balance=self.credits)
        yield After(Reminded(player_id=self.id), days=1)

    @on
    def spend(self, event: Spent) -> Cancel[Reminded] | None:
        if event.credits > self.credits:
            raise ValueError(f"{self.id} has {self.credits}")
        self.credits -= event.credits
        return Cancel(Reminded)

    @on
    def hear(self, event: Announced) -> None:
        self.news = event.text


class Receipts(Aggregate, key="player_id"):
    balances: list[int] = []

    @on
    def send(self, event: CreditsGranted) -> None:
        self.balances.append(event.balance)


class Totals(Aggregate, singleton=True):
    granted: int = 0

    @on
    def count(self, event: CreditsGranted) -> None:
        self.granted += 1


app = App("shop", Payments, Wallet, Receipts, Totals)
