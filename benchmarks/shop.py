"""The workload of the figures: the purchase chain, with payments as an aggregate, or as a gateway."""

from actors import Aggregate, App, Event, Gateway, on


class AttemptedPurchase(Event, origin=True):
    player_id: str
    credits: int


class CompletedPurchase(Event):
    player_id: str
    credits: int


class CreditsGranted(Event):
    player_id: str
    credits: int


class ReceiptSent(Event):
    player_id: str
    number: int


class Payments(Aggregate, key="player_id"):
    """Payments without the outside world: every purchase goes through."""

    count: int = 0

    @on
    def charge(self, event: AttemptedPurchase) -> CompletedPurchase:
        self.count += 1
        return CompletedPurchase(player_id=event.player_id, credits=event.credits)


class PaymentGateway(Gateway, name="Payments", concurrency=5000):
    """The same as a gateway, that answers at once."""

    @on(idempotent=True)
    async def charge(self, event: AttemptedPurchase) -> CompletedPurchase:
        return CompletedPurchase(player_id=event.player_id, credits=event.credits)


class Wallet(Aggregate, key="player_id"):
    credits: int = 0

    @on
    def grant(self, event: CompletedPurchase) -> CreditsGranted:
        self.credits += event.credits
        return CreditsGranted(player_id=self.id, credits=event.credits)


class Receipts(Aggregate, key="player_id"):
    sent: int = 0

    @on
    def send(self, event: CompletedPurchase) -> ReceiptSent:
        self.sent += 1
        return ReceiptSent(player_id=self.id, number=self.sent)


PLAYERS = 100
PARTS = (Payments, Wallet, Receipts)
GATEWAY_PARTS = (PaymentGateway, Wallet, Receipts)


def shop(name: str = "shop", *, gateway: bool = False) -> App:
    """The app."""
    return App(name, *(GATEWAY_PARTS if gateway else PARTS))


def purchase(number: int) -> AttemptedPurchase:
    """The nth purchase: 5 credits, by one of the players in turn."""
    return AttemptedPurchase(player_id=f"p{number % PLAYERS}", credits=5)
