"""Who leads."""

from actors import Aggregate, on
from apps.prankcall.events import AdvancedPlayer
from apps.prankcall.rules import BOARD_SIZE


class Leaderboard(Aggregate, singleton=True):
    """The best players. A player's points only rise, so the order in which players are heard changes nothing."""

    standings: dict[str, int] = {}
    """Points by player."""

    @on
    def rank(self, event: AdvancedPlayer) -> None:
        standings = self.standings | {event.player_id: max(event.points, self.standings.get(event.player_id, 0))}
        best = sorted(standings.items(), key=lambda item: (-item[1], item[0]))[:BOARD_SIZE]
        self.standings = dict(sorted(best))

    def ranking(self) -> list[tuple[str, int]]:
        """(player, points), the best first; equals by name."""
        return sorted(self.standings.items(), key=lambda item: (-item[1], item[0]))
