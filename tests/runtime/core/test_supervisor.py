"""The supervisor decides who is started, when the dead are started again, who is killed, which ticks are due."""

from actors import Event, Heartbeat, cron
from actors.schedule import Beat
from runtime.core.supervisor import SECOND, Kill, Start, SupervisorCore, first_children

MINUTE = 60 * SECOND
NAMES = ("Router", "Gateways", "host-0")


class Daily(Event, origin=True):
    missed: int = 0


def up(*names: str, now: int = 0) -> SupervisorCore:
    """A supervisor whose children have all come up."""
    core = SupervisorCore(names or NAMES, ())
    core.actions(now)
    for name in core.names():
        core.came_up(name, now)
    return core


# ------------------------------------------------------------ starts


def test_an_app_needs_a_router_its_hosts_and_its_gateways_if_it_has_any() -> None:
    assert first_children(2, gateways=True) == ["Router", "host-0", "host-1", "Gateways"]
    assert first_children(1, gateways=False) == ["Router", "host-0"]


def test_every_child_is_started_once() -> None:
    core = SupervisorCore(NAMES, ())

    first, second = core.actions(0), core.actions(100 * SECOND)

    assert first == [Start(name) for name in NAMES]
    assert second == []


def test_a_child_is_up_when_it_has_said_so() -> None:
    core = SupervisorCore(NAMES, ())
    core.actions(0)
    before = core.is_up("Router")

    core.came_up("Router", 1)

    assert not before
    assert core.is_up("Router")
    assert not core.is_up("Gateways")
    assert not core.is_up("nobody")


def test_a_host_that_the_router_needs_is_started() -> None:
    core = up()

    core.want("spare")
    core.want("host-0")

    assert core.actions(1) == [Start("spare")]


def test_processes_of_dedicated_instances_are_started_two_at_a_time() -> None:
    core = up()
    for name in ("Call/1", "Call/2", "Call/3"):
        core.want(name)

    first, then = core.actions(1), core.actions(2)
    core.came_up("Call/1", 3)
    when_there_is_room = core.actions(4)

    assert (first, then) == ([Start("Call/1"), Start("Call/2")], [])
    assert when_there_is_room == [Start("Call/3")]


def test_nobody_that_an_app_can_do_without_is_started_beside_its_router() -> None:
    core = up()
    core.died("Router", 1)
    core.want("Call/1")

    beside, still = core.actions(2), core.actions(3)
    core.came_up("Router", 4)
    after = core.actions(5)

    assert (beside, still) == ([Start("Router")], [])
    assert after == [Start("Call/1")]


def test_the_spare_host_waits_for_no_dedicated_instances_process() -> None:
    core = up()
    for name in ("Call/1", "Call/2", "Call/3", "spare"):
        core.want(name)

    assert core.actions(1) == [Start("Call/1"), Start("Call/2"), Start("spare")]


def test_a_dedicated_instances_process_does_not_wait_for_the_spare_host() -> None:
    core = up()
    core.want("spare")
    spare = core.actions(1)
    core.want("Call/1")

    assert (spare, core.actions(2)) == ([Start("spare")], [Start("Call/1")])


def test_a_process_that_an_earlier_supervisor_was_starting_counts_among_the_two() -> None:
    core = SupervisorCore(("Router",), ())
    core.found("Router", 0)
    core.came_up("Router", 0)
    core.found("Call/1", 0)
    for name in ("Call/2", "Call/3"):
        core.want(name)

    assert core.actions(1) == [Start("Call/2")]


def test_a_host_that_is_no_longer_needed_is_not_started_again() -> None:
    core = up()
    core.want("spare")
    core.actions(1)
    core.came_up("spare", 1)

    core.unwant("spare")
    core.died("spare", 2)

    assert core.actions(100 * SECOND) == []
    assert core.names() == list(NAMES)


# ------------------------------------------------------------ deaths


def test_a_dead_child_is_started_again_at_once() -> None:
    core = up()

    core.died("Router", 5)

    assert core.actions(5) == [Start("Router")]
    assert not core.is_up("Router")


def waits(core: SupervisorCore, deaths: int, every: int = 0) -> list[int]:
    """How long after each death the child is started again (µs, to a hundredth of a second)."""
    found = []
    now = 0
    for _ in range(deaths):
        now += every
        core.died("Router", now)
        wait = 0
        while not core.actions(now + wait):
            wait += SECOND // 100
        now += wait
        core.came_up("Router", now)
        found.append(wait)
    return found


def test_a_child_that_keeps_dying_is_started_again_later_and_later_up_to_five_seconds() -> None:
    quarter = SECOND // 4

    assert waits(up("Router"), 9) == [
        0,
        0,
        *(quarter << n for n in range(1, 5)),
        5 * SECOND,
        5 * SECOND,
        5 * SECOND,
    ]


def test_a_child_that_dies_now_and_then_is_always_started_at_once() -> None:
    assert waits(up("Router"), 6, every=40 * SECOND) == [0] * 6


def test_a_child_that_dies_while_it_starts_is_started_again() -> None:
    core = SupervisorCore(("Router",), ())
    core.actions(0)

    core.died("Router", 1)

    assert core.actions(1) == [Start("Router")]


def test_how_much_later_follows_from_what_counts_as_a_second() -> None:
    core = SupervisorCore(("Router",), (), second=SECOND // 100)
    core.actions(0)
    core.came_up("Router", 0)

    found = []
    for _ in range(8):
        core.died("Router", 0)
        found.append(next(wait for wait in range(0, 51_000, 500) if core.actions(wait)))

    assert found == [0, 0, 5000, 10_000, 20_000, 40_000, 50_000, 50_000]


def test_one_childs_deaths_are_not_anothers() -> None:
    core = up()
    for _ in range(5):
        core.died("Router", 0)

    core.died("Gateways", 0)

    assert core.actions(0) == [Start("Gateways")]


def test_the_death_of_somebody_unknown_is_nothing() -> None:
    core = up()

    core.died("nobody", 1)
    core.heard("nobody", 1)

    assert core.actions(1) == []


# ------------------------------------------------------------ patience


def watched(core: SupervisorCore, since: int, until: int) -> list[tuple[int, Start | Kill]]:
    """What is done from one second to another, looked at every second."""
    return [(now, action) for now in range(since, until + 1) for action in core.actions(now * SECOND)]


def test_a_child_that_does_not_answer_is_killed_and_only_its_death_lets_a_successor_start() -> None:
    core = up("Router")

    silent = watched(core, 0, 20)
    core.died("Router", 21 * SECOND)

    assert silent == [(11, Kill("Router"))]
    assert core.actions(21 * SECOND) == [Start("Router")]


def test_one_that_a_kill_has_not_reached_is_killed_again() -> None:
    core = up("Router")

    assert watched(core, 0, 40) == [(11, Kill("Router")), (22, Kill("Router")), (33, Kill("Router"))]


def test_one_that_answers_after_a_kill_that_came_to_nothing_is_left_alone() -> None:
    core = up("Router")
    watched(core, 0, 11)

    core.heard("Router", 15 * SECOND)

    assert watched(core, 12, 30) == [(26, Kill("Router"))]


def test_an_answer_renews_the_patience() -> None:
    core = up("Router")
    watched(core, 0, 9)

    core.heard("Router", 9 * SECOND)

    assert watched(core, 10, 30) == [(20, Kill("Router"))]


def test_a_successor_is_given_the_same_patience() -> None:
    core = up("Router")
    watched(core, 0, 20)
    core.died("Router", 21 * SECOND)
    watched(core, 21, 21)
    core.came_up("Router", 22 * SECOND)

    assert watched(core, 22, 40) == [(33, Kill("Router"))]


def test_a_child_may_start_slowly_but_not_for_ever() -> None:
    core = SupervisorCore(("Router",), ())

    assert watched(core, 0, 250) == [(0, Start("Router")), (121, Kill("Router")), (242, Kill("Router"))]


def test_a_child_that_answers_may_take_any_time_to_come_up() -> None:
    core = SupervisorCore(("Router",), ())
    watched(core, 0, 100)

    core.heard("Router", 100 * SECOND)

    assert watched(core, 101, 220) == []


def test_a_child_that_waits_for_its_next_start_is_not_killed() -> None:
    core = up("Router")
    for _ in range(10):
        core.died("Router", 0)

    assert core.actions(4 * SECOND) == []


def test_a_child_that_an_earlier_supervisor_has_started_is_not_started() -> None:
    core = SupervisorCore(("Router",), ())

    core.found("Router", 0)
    core.found("Wallet/ada", 0)

    assert core.actions(0) == []
    assert core.names() == ["Router", "Wallet/ada"]
    assert not core.is_up("Router")


def test_one_that_was_found_and_does_not_answer_is_killed_though_it_has_not_said_that_it_is_up() -> None:
    core = SupervisorCore(("Router",), ())

    core.found("Router", 0)

    assert watched(core, 0, 20) == [(11, Kill("Router"))]


def test_one_that_was_found_and_answers_is_given_the_time_it_takes_to_come_up() -> None:
    core = SupervisorCore(("Router",), ())
    core.found("Router", 0)
    watched(core, 0, 8)

    core.heard("Router", 8 * SECOND)
    until_it_is_up = watched(core, 9, 18)
    core.came_up("Router", 18 * SECOND)

    assert until_it_is_up == []
    assert core.is_up("Router")
    assert watched(core, 19, 30) == [(29, Kill("Router"))]


def test_one_that_was_found_and_has_died_is_started_and_may_take_its_time() -> None:
    core = SupervisorCore(("Router",), ())
    core.found("Router", 0)

    core.died("Router", SECOND)

    assert watched(core, 1, 100) == [(1, Start("Router"))]


def test_one_that_comes_up_when_it_is_needed_no_longer_is_nobodys_child() -> None:
    core = up("Router")
    core.want("spare")
    core.actions(1)
    core.unwant("spare")

    core.came_up("spare", 2)

    assert not core.wants("spare")
    assert core.names() == ["Router"]


def test_a_supervisor_that_stood_still_itself_takes_nobody_for_stopped() -> None:
    core = up("Router")
    watched(core, 0, 3)

    after_the_pause = watched(core, 60, 70)

    assert after_the_pause == []
    assert watched(core, 71, 80) == [(71, Kill("Router"))]


# ------------------------------------------------------------ ticks


def beating(*schedules: object, started: int = 1000 * SECOND) -> SupervisorCore:
    core = SupervisorCore((), schedules)  # type: ignore[arg-type]
    core.started = started
    return core


def test_a_tick_is_due_at_each_whole_period_since_the_apps_first_start() -> None:
    core = beating(Beat(10))

    early = core.ticks(1010 * SECOND - 1)
    ((_, due),) = core.ticks(1013 * SECOND)

    assert early == []
    assert (due.moment, due.time) == (1, 1010 * SECOND)
    assert due.event == Heartbeat(tick=1, missed=0)


def test_ticks_that_were_missed_come_as_one_that_says_how_many() -> None:
    core = beating(Beat(10))
    core.taken["heartbeat"] = 3

    ((_, due),) = core.ticks(1097 * SECOND)

    assert due.event == Heartbeat(tick=9, missed=5)


def test_a_tick_that_was_taken_is_not_due_again() -> None:
    core = beating(Beat(10))
    core.taken["heartbeat"] = 9

    assert core.ticks(1097 * SECOND) == []
    assert core.next_tick(1097 * SECOND) == 1100 * SECOND


def test_a_clock_that_goes_back_makes_no_tick() -> None:
    core = beating(Beat(10))
    core.taken["heartbeat"] = 9

    assert core.ticks(1050 * SECOND) == []
    assert core.next_tick(1050 * SECOND) == 1100 * SECOND


def test_two_supervisors_find_the_same_tick_with_the_same_moment() -> None:
    """What is taken once is decided by the router: see `test_ticks`."""
    one, other = beating(Beat(10)), beating(Beat(10))

    assert one.ticks(1025 * SECOND) == other.ticks(1027 * SECOND)


def test_every_schedule_has_its_own_ticks() -> None:
    midnight = 86_400 * SECOND
    core = beating(Beat(3600), cron("0 0 * * *", Daily), started=0)

    due = {schedule.name: due.event for schedule, due in core.ticks(midnight + SECOND)}

    assert due == {"heartbeat": Heartbeat(tick=24, missed=23), "cron 0 0 * * * UTC daily": Daily(missed=0)}
    assert core.next_tick(midnight + SECOND) == midnight + 3600 * SECOND


def test_without_schedules_nothing_is_due() -> None:
    core = beating()

    assert core.ticks(10**15) == []
    assert core.next_tick(10**15) is None


def test_a_supervisor_that_was_fenced_off_claims_again_when_nobody_else_beats() -> None:
    beat = Beat(1.0)
    core = SupervisorCore((), (beat,))
    core.taken = {"heartbeat": 4}
    ((_, due),) = core.ticks(5 * SECOND)

    first = core.fenced(beat, due, {"heartbeat": 4})
    second = core.fenced(beat, due, {"heartbeat": 4})

    assert (first, second) == (False, True)


def test_a_supervisor_that_was_fenced_off_claims_nothing_while_another_one_beats() -> None:
    beat = Beat(1.0)
    core = SupervisorCore((), (beat,))
    claims = []
    for tick in range(5, 10):
        ((_, due),) = core.ticks(tick * SECOND)
        # Asked before the other one has beaten, and again when it has.
        claims.append(core.fenced(beat, due, {"heartbeat": tick - 1}))
        claims.append(core.fenced(beat, due, {"heartbeat": tick}))

    assert claims == [False] * 10
    assert core.taken == {"heartbeat": 9}
