"""A player: points and calls."""

from actors import Aggregate, on
from apps.prankcall.events import AdvancedPlayer, RefusedCall, ScoredCall, UnconnectedCall


class Player(Aggregate, key="player_id"):
    """What a player has won so far."""

    points: int = 0
    calls: int = 0
    seconds: int = 0
    best: int = 0
    """Points of the best call."""
    refused: int = 0
    unanswered: int = 0

    @on
    def score(self, event: ScoredCall) -> AdvancedPlayer:
        self.points += event.points
        self.calls += 1
        self.seconds += event.seconds
        self.best = max(self.best, event.points)
        return AdvancedPlayer(player_id=self.id, points=self.points, calls=self.calls)

    @on
    def miss(self, event: UnconnectedCall) -> None:
        self.unanswered += 1

    @on
    def bounce(self, event: RefusedCall) -> None:
        self.refused += 1
