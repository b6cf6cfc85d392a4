"""What was written to a player about their orders."""

from actors import Aggregate, on
from apps.prankcall.events import CompletedPurchase, DeclinedPurchase, ReceiptSent


class Receipts(Aggregate, key="player_id"):
    """One receipt for each order, paid or declined."""

    paid: int = 0
    declined: int = 0
    credits: int = 0

    @on
    def confirm(self, event: CompletedPurchase) -> ReceiptSent:
        self.paid += 1
        self.credits += event.credits
        return ReceiptSent(player_id=self.id, order=event.order, paid=True)

    @on
    def regret(self, event: DeclinedPurchase) -> ReceiptSent:
        self.declined += 1
        return ReceiptSent(player_id=self.id, order=event.order, paid=False)
