"""What was written to a player about orders and calls."""

from actors import Aggregate, on
from apps.prankcall.events import (
    CompletedPurchase,
    CreditsCaptured,
    CreditsReleased,
    DeclinedPurchase,
    ReceiptSent,
    UnsettledPurchase,
)


class Receipts(Aggregate, key="player_id"):
    """One receipt for each order, paid or declined, and for each call, charged or released; and one whenever it is not
    known yet what became of an order."""

    paid: int = 0
    declined: int = 0
    unsettled: int = 0
    charged: int = 0
    released: int = 0
    credits: int = 0
    """Bought, by the receipts."""

    @on
    def confirm(self, event: CompletedPurchase) -> ReceiptSent:
        self.paid += 1
        self.credits += event.credits
        return ReceiptSent(player_id=self.id, about=event.order, what="paid")

    @on
    def regret(self, event: DeclinedPurchase) -> ReceiptSent:
        self.declined += 1
        return ReceiptSent(player_id=self.id, about=event.order, what="declined")

    @on
    def put_off(self, event: UnsettledPurchase) -> ReceiptSent:
        self.unsettled += 1
        return ReceiptSent(player_id=self.id, about=event.order, what="unsettled")

    @on
    def charge(self, event: CreditsCaptured) -> ReceiptSent:
        self.charged += 1
        return ReceiptSent(player_id=self.id, about=event.call_id, what="charged")

    @on
    def release(self, event: CreditsReleased) -> ReceiptSent:
        self.released += 1
        return ReceiptSent(player_id=self.id, about=event.call_id, what="released")
