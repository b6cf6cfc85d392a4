"""A player's credits."""

from actors import Aggregate, on
from apps.prankcall.events import CompletedPurchase, CreditsGranted


class Wallet(Aggregate, key="player_id"):
    """Holds what a player bought."""

    credits: int = 0
    purchases: int = 0

    @on
    def grant(self, event: CompletedPurchase) -> CreditsGranted:
        self.credits += event.credits
        self.purchases += 1
        return CreditsGranted(player_id=self.id, credits=event.credits, balance=self.credits)
