"""An order of credits: one purchase, however often it is made."""

from actors import After, Aggregate, on
from apps.prankcall.events import AttemptedPurchase, PaymentDue, RefusedPurchase, UnsettledPurchase
from apps.prankcall.rules import ASK_AGAIN


class Order(Aggregate, key="order"):
    """The first of its name. An instance for each, so that nobody has to remember all orders of a player."""

    player_id: str = ""
    credits: int = 0

    @on
    def make(self, event: AttemptedPurchase) -> PaymentDue | RefusedPurchase:
        """Whoever orders under the name again, pays nothing and is granted nothing."""
        if self.player_id:
            return RefusedPurchase(player_id=event.player_id, order=self.id, reason="there is an order of this name")
        self.player_id, self.credits = event.player_id, event.credits
        return self._due()

    @on
    def ask_again(self, event: UnsettledPurchase) -> After[PaymentDue]:
        """Until it is known. Who may have paid is not told of a decline; who may not have paid is granted nothing."""
        return After(self._due(), seconds=ASK_AGAIN)

    def _due(self) -> PaymentDue:
        return PaymentDue(player_id=self.player_id, credits=self.credits, order=self.id)
