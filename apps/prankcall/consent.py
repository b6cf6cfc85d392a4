"""Whether a friend agrees to be called: asked before every call."""

from actors import Aggregate, on
from apps.prankcall.events import ConsentConfirmed, ConsentGiven, ConsentMissing, ConsentWithdrawn, RegisteredCall


class Consent(Aggregate, key="friend"):
    """The players that a friend lets call."""

    players: set[str] = set()

    @on
    def give(self, event: ConsentGiven) -> None:
        self.players.add(event.player_id)

    @on
    def withdraw(self, event: ConsentWithdrawn) -> None:
        self.players.discard(event.player_id)

    @on
    def check(self, event: RegisteredCall) -> ConsentConfirmed | ConsentMissing:
        if event.player_id not in self.players:
            return ConsentMissing(call_id=event.call_id, player_id=event.player_id, friend=self.id)
        return ConsentConfirmed(call_id=event.call_id, player_id=event.player_id, friend=self.id, prank=event.prank)
