"""The points of a call, kept in the call's own memory."""

from datetime import datetime

from actors import Aggregate, on
from apps.prankcall.call import Call
from apps.prankcall.events import AnsweredCall, CompletedCall, ReportsOverdue, ScoredCall
from apps.prankcall.rules import CALL_LIMIT, points


class Score(Aggregate, shares=Call):
    """Counts when both ends of a call are known, by the times that the events carry."""

    player_id: str = ""
    friend: str = ""
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    released: bool = False
    scored: bool = False
    points: int = 0

    @on
    def count(self, event: AnsweredCall | CompletedCall | ReportsOverdue) -> ScoredCall | None:
        if self.scored or self.released or self.answered_at is None or self.ended_at is None:
            return None
        self.scored = True
        lasted = round((self.ended_at - self.answered_at).total_seconds())
        seconds = min(max(lasted, 0), CALL_LIMIT)
        self.points = points(seconds)
        return ScoredCall(
            call_id=self.id, player_id=self.player_id, friend=self.friend, seconds=seconds, points=self.points
        )
