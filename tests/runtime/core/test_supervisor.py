"""What a supervisor decides: whom to start, and when; whom to end."""

from runtime.core.supervisor import SECOND, Kill, Start, SupervisorCore

PATIENCE = 10 * SECOND


def up(*names: str) -> SupervisorCore:
    """One whose children have come up, at 0."""
    core = SupervisorCore(names, (), patience=PATIENCE)
    core.actions(0)
    for name in names:
        core.came_up(name, 0)
    return core


def test_every_child_is_started_once() -> None:
    core = SupervisorCore(("Router", "host-0"), ())

    first, second = core.actions(0), core.actions(SECOND)

    assert first == [Start("Router"), Start("host-0")]
    assert second == []


def test_a_dead_child_is_started_again_at_once() -> None:
    core = up("Router", "host-0")

    core.died("host-0", SECOND)

    assert core.actions(SECOND) == [Start("host-0")]


def test_one_that_keeps_dying_is_started_less_and_less_often() -> None:
    core = up("host-0")
    waits, now = [], 0

    for _ in range(9):
        core.died("host-0", now)
        died = now
        while not core.actions(now):
            now += SECOND // 4
        core.came_up("host-0", now)
        waits.append((now - died) / SECOND)

    assert waits[:2] == [0, 0]
    assert waits[2:] == sorted(waits[2:])
    assert waits[-1] == 5


def test_one_that_does_not_answer_is_ended_once_and_replaced_when_it_is_dead() -> None:
    core = up("Router", "host-0")
    for now in range(SECOND, PATIENCE + 2 * SECOND, SECOND):
        core.heard("host-0", now)
        asked = core.actions(now)

    later = core.actions(now + SECOND)
    core.died("Router", now + 2 * SECOND)

    assert asked == [Kill("Router")]
    assert later == []
    assert core.actions(now + 2 * SECOND) == [Start("Router")]


def test_after_it_stood_still_itself_nobody_is_late() -> None:
    core = up("Router", "host-0")
    core.actions(SECOND)

    woken = core.actions(60 * SECOND)
    soon = core.actions(61 * SECOND)

    assert (woken, soon) == ([], [])
    silent = [core.actions(now) for now in range(62 * SECOND, 72 * SECOND, SECOND)]
    assert silent[-1] == [Kill("Router"), Kill("host-0")]
