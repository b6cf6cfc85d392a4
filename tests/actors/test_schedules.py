"""The heartbeat and cron schedules: which moments are due, what was missed, and what each is keyed by."""

import pickle
import random
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from actors import Aggregate, App, Event, Heartbeat, TrunklineError, WiringError, cron, on
from actors.aggregate import EPOCH
from actors.schedule import BadSchedule, Beat, Cron, Schedule


class DailyBoard(Event, origin=True):
    missed: int = 0
    board: str = "daily"


class Boards(Aggregate, singleton=True):
    @on
    def draw(self, event: DailyBoard) -> None: ...


SECOND = 1_000_000
MINUTE = 60 * SECOND
START = 1_767_225_600 * SECOND


def us(text: str) -> int:
    """µs since the epoch of a UTC time."""
    return (datetime.fromisoformat(text).replace(tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)


def moments(schedule: Schedule, begin: str, count: int) -> list[str]:
    """The following moments after this one, in UTC."""
    now = us(begin)
    found = []
    for _ in range(count):
        now = schedule.next(None, 0, now)
        found.append((EPOCH + timedelta(microseconds=now)).strftime("%m-%d %H:%M"))
    return found


# ---------------------------------------------------------------- heartbeat


def test_a_tick_is_the_number_of_whole_periods_since_the_apps_first_start() -> None:
    beat = Beat(10)

    due = beat.due(None, START, START + 10 * SECOND)

    assert due is not None
    assert due.event == Heartbeat(tick=1, missed=0)
    assert due.moment == 1
    assert due.time == START + 10 * SECOND


def test_nothing_is_due_before_the_first_period_is_over() -> None:
    assert Beat(10).due(None, START, START + 10 * SECOND - 1) is None


def test_a_tick_that_was_taken_is_not_due_again() -> None:
    beat = Beat(10)

    assert beat.due(3, START, START + 39 * SECOND) is None
    assert beat.due(3, START, START + 40 * SECOND) is not None


def test_what_was_missed_while_down_comes_as_one_tick_that_counts_it() -> None:
    due = Beat(10).due(3, START, START + 77 * SECOND)

    assert due is not None
    assert due.event == Heartbeat(tick=7, missed=3)
    assert due.time == START + 70 * SECOND, "its scheduled moment, not when it was beaten"


def test_ticks_only_rise_also_when_the_clock_was_set_back() -> None:
    beat = Beat(10)

    assert beat.due(7, START, START + 20 * SECOND) is None
    assert beat.next(7, START, START + 20 * SECOND) == START + 80 * SECOND


@pytest.mark.parametrize("period", [0.001, 0.1, 1 / 3, 10, 86_400])
def test_each_next_tick_is_due_at_its_moment_and_not_before(period: float) -> None:
    beat = Beat(period)
    taken: int | None = None
    now = START

    for tick in range(1, 50):
        at = beat.next(taken, START, now)
        early, due = beat.due(taken, START, at - 1), beat.due(taken, START, at)

        assert early is None
        assert due is not None
        assert (due.moment, due.time, due.event) == (tick, at, Heartbeat(tick=tick, missed=0))
        taken, now = due.moment, at


def test_a_heartbeat_is_a_broadcast_origin_event_to_every_listener() -> None:
    class Pulse(Aggregate, key="player_id"):
        @on
        def beat(self, event: Heartbeat) -> None: ...

    app = App("shop", Pulse, heartbeat=10)
    plan = app.catalogue.by_class[Heartbeat]

    assert (plan.origin, plan.broadcast, plan.owner) == (True, True, None)
    assert [schedule.name for schedule in app.schedules] == ["heartbeat"]


def test_an_app_has_no_heartbeat_unless_it_says_so() -> None:
    assert App("shop", Boards).schedules == ()


def test_a_listener_of_the_heartbeat_of_an_app_without_one_is_refused() -> None:
    class Pulse(Aggregate, key="player_id"):
        @on
        def beat(self, event: Heartbeat) -> None: ...

    with pytest.raises(WiringError) as caught:
        App("shop", Pulse)

    assert "ListenerOfNothing: Pulse.beat listens to Heartbeat, and the app has none" in str(caught.value)
    assert "fix: App('shop', ..., heartbeat=10) beats every 10 seconds." in str(caught.value)


@pytest.mark.parametrize("period", [0, -1, 1e-7, float("nan"), float("inf"), 1e12])
def test_a_heartbeat_without_a_period_that_can_be_kept_is_refused(period: float) -> None:
    with pytest.raises(TrunklineError, match="a heartbeat can't have a period of"):
        App("shop", Boards, heartbeat=period)


# ---------------------------------------------------------------- cron


def test_a_schedule_is_due_at_its_moment_in_its_time_zone() -> None:
    berlin, utc = cron("0 8 * * *", DailyBoard, tz="Europe/Berlin"), cron("0 8 * * *", DailyBoard)

    assert moments(berlin, "2026-06-01 00:00", 2) == ["06-01 06:00", "06-02 06:00"]
    assert moments(utc, "2026-06-01 00:00", 2) == ["06-01 08:00", "06-02 08:00"]


def test_a_schedule_is_keyed_by_its_scheduled_moment() -> None:
    due = cron("0 8 * * *", DailyBoard).due(None, us("2026-06-01 00:00"), us("2026-06-01 08:00:07"))

    assert due is not None
    assert due.moment == due.time == us("2026-06-01 08:00")
    assert due.event == DailyBoard(missed=0)


def test_a_moment_that_was_taken_is_not_due_again() -> None:
    daily = cron("0 8 * * *", DailyBoard)
    taken = us("2026-06-01 08:00")

    assert daily.due(taken, 0, us("2026-06-02 07:59:59.999999")) is None
    assert daily.due(taken, 0, us("2026-06-02 08:00")) is not None


def test_nothing_is_due_that_was_before_the_apps_first_start() -> None:
    daily = cron("0 8 * * *", DailyBoard)

    assert daily.due(None, us("2026-06-01 08:00:01"), us("2026-06-02 07:00")) is None


def test_moments_that_were_missed_while_down_come_as_one_event() -> None:
    due = cron("0 8 * * *", DailyBoard).due(us("2026-06-01 08:00"), 0, us("2026-06-05 09:00"))

    assert due is not None
    assert due.event == DailyBoard(missed=3)
    assert due.moment == us("2026-06-05 08:00")


def test_fields_that_were_given_stand_in_each_event() -> None:
    due = cron("0 8 * * *", DailyBoard, board="weekly").due(None, us("2026-06-01 00:00"), us("2026-06-01 08:00"))

    assert due is not None
    assert due.event == DailyBoard(missed=0, board="weekly")


def test_a_time_that_daylight_saving_leaves_out_comes_as_soon_as_it_is_over() -> None:
    # On 29 March 2026 clocks in Berlin go from 01:59 (00:59 UTC) to 03:00.
    night = cron("30 2 * * *", DailyBoard, tz="Europe/Berlin")

    assert moments(night, "2026-03-28 00:00", 3) == ["03-28 01:30", "03-29 01:00", "03-30 00:30"]


def test_a_time_that_daylight_saving_repeats_comes_once() -> None:
    # On 25 October 2026 clocks in Berlin go from 02:59 (00:59 UTC) to 02:00.
    night = cron("30 2 * * *", DailyBoard, tz="Europe/Berlin")

    assert moments(night, "2026-10-24 12:00", 2) == ["10-25 00:30", "10-26 01:30"]


def test_what_comes_every_half_hour_also_does_over_a_change_of_daylight_saving() -> None:
    often = cron("*/30 * * * *", DailyBoard, tz="Europe/Berlin")

    for begin in ("2026-03-28 20:00", "2026-10-24 20:00"):
        now, found = us(begin), []
        for _ in range(24):
            now = often.next(None, 0, now)
            found.append(now)

        assert {later - earlier for earlier, later in pairwise(found)} == {30 * MINUTE}


@pytest.mark.parametrize("seed", range(100))
def test_the_newest_due_moment_and_what_was_missed_are_those_that_one_by_one_would_have_come(seed: int) -> None:
    draw = random.Random(seed)
    zones = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/St_Johns", "UTC"]
    changes = ["2026-03-28 20:00", "2026-10-24 20:00", "2026-03-08 00:00", "2026-11-01 00:00", "2026-04-04 10:00"]
    expressions = ["30 2 * * *", "*/30 * * * *", "15 */2 * * *", "0 8 * * mon", "59 1-3 * * *", "0 2,3 * * *"]
    schedule = cron(draw.choice(expressions), DailyBoard, tz=draw.choice(zones))
    taken = us(draw.choice(changes)) + draw.randrange(0, 12 * 60) * MINUTE
    now = taken + draw.randrange(0, 36 * 60) * MINUTE

    due = schedule.due(taken, 0, now)

    came = []
    at = taken
    while (at := schedule.next(None, 0, at)) <= now:
        came.append(at)
    if came:
        assert due is not None
        assert (due.moment, due.event) == (came[-1], DailyBoard(missed=len(came) - 1))
    else:
        assert due is None


def test_a_schedule_is_the_same_after_pickling() -> None:
    daily = cron("0 8 * * *", DailyBoard, tz="Europe/Berlin", board="weekly")

    assert pickle.loads(pickle.dumps(daily)) == daily


def test_a_schedules_name_keeps_over_a_rename_of_its_event() -> None:
    class NewBoard(Event, origin=True, name="daily_board"):
        missed: int = 0

    assert cron("0 8 * * *", NewBoard).name == cron("0 8 * * *", DailyBoard).name


# ---------------------------------------------------------------- what can't be followed


@pytest.mark.parametrize("expression", ["", "nonsense", "61 * * * *", "0 8 * *", "0 0 31 2 *"])
def test_an_expression_that_can_not_be_followed_is_refused(expression: str) -> None:
    with pytest.raises(BadSchedule, match="can't be followed") as caught:
        cron(expression, DailyBoard)

    assert repr(expression) in str(caught.value)
    assert "minute, hour, day, month, weekday" in caught.value.hint


@pytest.mark.parametrize("zone", ["Berlin", "", "Europe/berlin/x", "../etc/passwd"])
def test_a_zone_that_there_is_not_is_refused(zone: str) -> None:
    with pytest.raises(BadSchedule, match="there is no time zone"):
        cron("0 8 * * *", DailyBoard, tz=zone)


def test_only_an_origin_event_can_be_scheduled() -> None:
    class Drawn(Event):
        missed: int = 0

    with pytest.raises(BadSchedule, match="Drawn can't be scheduled: it does not come from outside") as caught:
        cron("0 8 * * *", Drawn)

    assert caught.value.hint == "class Drawn(Event, origin=True)."


def test_an_event_without_a_field_for_what_was_missed_can_not_be_scheduled() -> None:
    class Plain(Event, origin=True):
        board: str = "daily"

    with pytest.raises(BadSchedule, match="it has no field `missed`"):
        cron("0 8 * * *", Plain)


@pytest.mark.parametrize("fields", [{"board": 7}, {"colour": "red"}])
def test_fields_that_do_not_fit_the_event_are_refused_at_once(fields: dict[str, object]) -> None:
    with pytest.raises(BadSchedule, match="can't be made from its schedule"):
        cron("0 8 * * *", DailyBoard, **fields)


def test_two_schedules_that_are_the_same_are_refused() -> None:
    daily = cron("0 8 * * *", DailyBoard)

    with pytest.raises(WiringError, match="SameSchedule: there are two schedules"):
        App("shop", Boards, schedules=[daily, daily])


def test_two_schedules_of_one_event_that_differ_are_two() -> None:
    app = App("shop", Boards, schedules=[cron("0 8 * * *", DailyBoard), cron("0 8 * * *", DailyBoard, board="weekly")])

    assert len({schedule.name for schedule in app.schedules}) == 2


def test_the_zone_is_the_one_that_was_asked_for() -> None:
    schedule: Cron = cron("0 8 * * *", DailyBoard, tz="America/New_York")

    at = EPOCH + timedelta(microseconds=schedule.next(None, 0, START))

    assert at.astimezone(ZoneInfo("America/New_York")).hour == 8
