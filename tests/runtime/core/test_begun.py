"""Lives of an app whose schedules change: ticks rise and keep coming; nothing is missed of a time without them."""

from datetime import UTC, datetime, timedelta

from actors import Event, Heartbeat, cron
from actors.aggregate import EPOCH
from actors.schedule import Beat, Schedule
from runtime.core.rows import BegunRow
from runtime.core.supervisor import SECOND, SupervisorCore, begin

HOUR = 3600 * SECOND
DAY = 24 * HOUR
MIDNIGHT = (datetime(2026, 1, 1, tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)


class DailyBoard(Event, origin=True):
    missed: int = 0


DAILY = cron("0 9 * * *", DailyBoard)
HOURLY = cron("0 * * * *", DailyBoard)


class Lives:
    """What the journal keeps of an app that is started anew again and again."""

    def __init__(self) -> None:
        self.taken: dict[str, int] = {}
        self.begun: tuple[BegunRow, ...] = ()

    def live(self, *schedules: Schedule, since: int, until: int) -> list[tuple[int, Event]]:
        """A life with these schedules: what came, and when."""
        self.begun = begin(schedules, self.begun, self.taken, since)
        core = SupervisorCore((), schedules)
        core.started, core.taken = MIDNIGHT, self.taken
        core.begun = {row.name: row.since for row in self.begun}
        came = []
        now = since
        while now <= until:
            for schedule, due in core.ticks(now):
                assert due.moment > self.taken.get(schedule.name, -1)
                core.taken[schedule.name] = due.moment
                came.append((due.time, due.event))
            now = core.next_tick(now) or until + 1
        return came


def ticks(came: list[tuple[int, Event]]) -> list[tuple[int, int]]:
    return [(event.tick, event.missed) for _, event in came if isinstance(event, Heartbeat)]


# ------------------------------------------------------------ heartbeat


def test_a_heartbeat_counts_on_over_lives_and_says_what_was_missed_between_them() -> None:
    lives = Lives()

    first = lives.live(Beat(10), since=MIDNIGHT, until=MIDNIGHT + 30 * SECOND)
    second = lives.live(Beat(10), since=MIDNIGHT + 65 * SECOND, until=MIDNIGHT + 80 * SECOND)

    assert ticks(first) == [(1, 0), (2, 0), (3, 0)]
    assert ticks(second) == [(6, 2), (7, 0), (8, 0)]
    assert second[-1][0] == MIDNIGHT + 80 * SECOND


def test_a_heartbeat_with_another_period_goes_on_at_once_and_rises() -> None:
    lives = Lives()
    lives.live(Beat(10), since=MIDNIGHT, until=MIDNIGHT + DAY)

    slower = lives.live(Beat(60), since=MIDNIGHT + DAY, until=MIDNIGHT + DAY + 120 * SECOND)
    faster = lives.live(Beat(1), since=MIDNIGHT + 2 * DAY, until=MIDNIGHT + 2 * DAY + 2 * SECOND)
    back = lives.live(Beat(10), since=MIDNIGHT + 3 * DAY, until=MIDNIGHT + 3 * DAY + 20 * SECOND)

    assert ticks(slower) == [(8641, 0), (8642, 0)]
    assert [at for at, _ in slower] == [MIDNIGHT + DAY + 60 * SECOND, MIDNIGHT + DAY + 120 * SECOND]
    assert ticks(faster) == [(8643, 0), (8644, 0)]
    assert ticks(back) == [(8645, 0), (8646, 0)]


def test_the_heart_goes_on_beating_when_the_clock_was_set_back_between_two_lives() -> None:
    lives = Lives()
    lives.live(Beat(10), since=MIDNIGHT + 7 * DAY, until=MIDNIGHT + 8 * DAY)

    came = lives.live(Beat(10), since=MIDNIGHT, until=MIDNIGHT + 20 * SECOND)

    assert ticks(came) == [(8641, 0), (8642, 0)]


def test_a_heartbeat_that_was_not_there_for_a_time_has_missed_nothing_of_it() -> None:
    lives = Lives()
    lives.live(since=MIDNIGHT, until=MIDNIGHT + DAY)

    added = lives.live(Beat(10), since=MIDNIGHT + DAY, until=MIDNIGHT + DAY + 20 * SECOND)
    lives.live(since=MIDNIGHT + 2 * DAY, until=MIDNIGHT + 3 * DAY)
    again = lives.live(Beat(10), since=MIDNIGHT + 4 * DAY, until=MIDNIGHT + 4 * DAY + 10 * SECOND)

    assert ticks(added) == [(1, 0), (2, 0)]
    assert ticks(again) == [(3, 0)]


# ------------------------------------------------------------ cron


def test_a_schedule_that_an_old_app_gets_has_missed_nothing() -> None:
    lives = Lives()
    lives.live(HOURLY, since=MIDNIGHT, until=MIDNIGHT + 400 * DAY)

    came = lives.live(HOURLY, DAILY, since=MIDNIGHT + 400 * DAY + HOUR, until=MIDNIGHT + 400 * DAY + 9 * HOUR)

    assert came.count((MIDNIGHT + 400 * DAY + 9 * HOUR, DailyBoard(missed=0))) == 2
    assert not any(event.missed for _, event in came if isinstance(event, DailyBoard))


def test_what_a_schedule_missed_while_down_comes_though_nothing_of_it_was_ever_taken() -> None:
    lives = Lives()
    lives.live(since=MIDNIGHT - 100 * DAY, until=MIDNIGHT)
    lives.live(DAILY, since=MIDNIGHT, until=MIDNIGHT + HOUR)

    came = lives.live(DAILY, since=MIDNIGHT + 3 * DAY, until=MIDNIGHT + 3 * DAY + HOUR)

    assert came == [(MIDNIGHT + 2 * DAY + 9 * HOUR, DailyBoard(missed=2))]


def test_a_schedule_that_was_not_there_for_a_time_has_missed_nothing_of_it() -> None:
    lives = Lives()
    lives.live(DAILY, since=MIDNIGHT, until=MIDNIGHT + DAY)
    lives.live(since=MIDNIGHT + DAY, until=MIDNIGHT + 5 * DAY)

    came = lives.live(DAILY, since=MIDNIGHT + 6 * DAY, until=MIDNIGHT + 7 * DAY)

    assert came == [(MIDNIGHT + 6 * DAY + 9 * HOUR, DailyBoard(missed=0))]
