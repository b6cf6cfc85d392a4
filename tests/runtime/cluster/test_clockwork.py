"""What happens by itself, an hour in a second; and what handlers do wrong."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from pathlib import Path

import pytest

from actors import ChainHalted, Heartbeat
from runtime import Runtime
from runtime.shells.clock import ScaledClock

from .clockwork import (
    Asked,
    Ball,
    Careful,
    Careless,
    Clock,
    Done,
    Heard,
    Hourly,
    Referee,
    Rung,
    Started,
    Stopped,
    Tower,
    Tried,
    Wound,
    app,
)

NOON = datetime(2001, 2, 3, 12, tzinfo=UTC)
PERIOD = timedelta(seconds=600)


@pytest.fixture(scope="module")
def clock() -> ScaledClock:
    return ScaledClock.starting_now(3600)


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("journal") / "clockwork.db"


@pytest.fixture(scope="module")
def rt(ray_cluster: Path, clock: ScaledClock, journal: Path) -> Iterator[Runtime]:
    with Runtime.start(app, journal=journal, clock=clock) as rt:
        yield rt


# ------------------------------------------------------------ heartbeat and schedules


def beats(rt: Runtime, count: int, since: datetime | None = None) -> list[tuple[datetime, Heartbeat]]:
    """So many of the first, as soon as there are so many."""
    found = []
    for recorded in islice(rt.tail(Heartbeat, since=since, follow=True), count):
        assert isinstance(recorded.event, Heartbeat)
        found.append((recorded.time, recorded.event))
    return found


def must_be_continuous(found: list[tuple[datetime, Heartbeat]]) -> None:
    """Ticks only rise, each happened at its scheduled moment, and what is between two was missed."""
    for (at, tick), (next_at, next_tick) in pairwise(found):
        assert next_tick.tick == tick.tick + 1 + next_tick.missed
        assert next_at - at == (next_tick.tick - tick.tick) * PERIOD


def test_the_heart_beats_at_its_period_to_every_live_instance(rt: Runtime) -> None:
    rt.publish([Wound(name="old"), Wound(name="clock"), Stopped(name="old")])
    rt.drain()

    found = beats(rt, 8)
    rt.drain()

    must_be_continuous(found)
    first = found[0][1]
    assert first.tick == 1 + first.missed
    clock = rt.get(Clock, "clock")
    assert clock is not None
    assert clock.ticks == list(dict.fromkeys(clock.ticks))
    assert set(clock.ticks) & {tick.tick for _, tick in found}
    assert rt.get(Clock, "old") is None
    assert rt.get(Clock, "never wound") is None


def test_a_schedule_comes_at_its_moment(rt: Runtime) -> None:
    (hourly,) = islice(rt.tail(Hourly, follow=True), 1)
    rt.drain()

    assert (hourly.time.minute, hourly.time.second, hourly.time.microsecond) == (0, 0, 0)
    assert hourly.recorded >= hourly.time
    tower = rt.get(Tower)
    assert tower is not None
    assert isinstance(hourly.event, Hourly)
    assert tower.struck[0] == f"{hourly.time:%H:%M} {hourly.event.missed}"


def test_drains_do_not_wait_for_ticks(rt: Runtime) -> None:
    for _ in range(20):
        rt.drain(timeout=60)


# ------------------------------------------------------------ timers


def test_a_timer_happens_when_it_was_due_and_is_recorded_no_earlier(rt: Runtime) -> None:
    past = rt.publish(Asked(name="past", hours=2, text="tea"), time=NOON)
    soon = rt.publish(Asked(name="soon", hours=1, text="tea"))
    rt.drain(timers=True)

    clock = rt.get(Clock, "past")
    assert clock is not None
    assert clock.rings == ["tea 14:00"]
    assert rt.chain(past)[1].time == NOON + timedelta(hours=2)
    asked, rung = rt.chain(soon)
    assert rung.time == asked.time + timedelta(hours=1)
    assert rung.recorded >= rung.time
    assert (rung.source, rung.cause, rung.correlation) == ("Clock/soon", soon, soon)


def test_a_timer_that_is_set_again_is_replaced_and_one_of_a_retired_instance_is_gone(rt: Runtime) -> None:
    rt.publish([Asked(name="again", hours=24, text="tea"), Asked(name="again", hours=1, text="cake")])
    rt.publish([Asked(name="gone", hours=1, text="tea"), Stopped(name="gone")])
    rt.drain(timers=True)

    again = rt.get(Clock, "again")
    assert again is not None
    assert [ring.partition(" ")[0] for ring in again.rings] == ["cake"]
    assert rt.get(Clock, "gone") is None


# ------------------------------------------------------------ loops


def test_a_loop_is_stopped_where_it_says_and_nothing_of_it_is_lost(rt: Runtime) -> None:
    id = rt.publish(Started(name="ball"))
    rt.drain()

    halted = rt.chain(id)[-1].event
    assert isinstance(halted, ChainHalted)
    assert (halted.event_type, halted.payload) == ("bounced", '{"name":"ball","times":8}')
    assert halted.emitter == "Ball.bounce"
    assert "more than 8 hops" in halted.reason
    assert halted.path[-1] == "bounced"
    assert rt.get(Ball, "ball") == Ball(bounces=8)
    referee = rt.get(Referee)
    assert referee is not None
    assert referee.halted == [f"{halted.event_type} {halted.payload}"]


# ------------------------------------------------------------ handlers that do it wrong


WRONG = {
    "raises": ("ValueError", "Careful.try_it raised ValueError: no while"),
    "one of ours": ("TrunklineError", "Careful.try_it raised TrunklineError: it is not so"),
    "ends its thread": ("SystemExit", "Careful.try_it raised SystemExit: 1"),
    "another event": ("UnexpectedEmission", "Careful.try_it returned Rung(name='another event', text=''), which its"),
    "no event": ("UnexpectedEmission", "Careful.try_it returned 'done', which its return hint does not name"),
    "a large event": ("EventRejected", "Done is 1,048,"),
    "an event without a key": ("BadKey", "'' can't route Done to a Heard"),
    "a wrong state": ("StateNotRoundTrip", "the state of Careful/a wrong state does not survive being stored"),
    "a large state": ("StateTooLarge", "the state of Careful/a large state has 1,048,"),
}


def test_each_is_a_dead_letter_that_says_what_and_where_and_nothing_is_lost(rt: Runtime) -> None:
    rt.publish([Tried(name=how, how=how) for how in WRONG])
    rt.publish([Tried(name=how, how="right") for how in WRONG])
    rt.drain()
    letters = {letter.address.removeprefix("Careful/"): letter for letter in rt.dead_letters.list()}

    for letter in letters.values():
        rt.dead_letters.skip(letter)
    rt.drain()

    assert letters.keys() == WRONG.keys()
    for how, (error, said) in WRONG.items():
        assert letters[how].error == error, letters[how]
        assert said in letters[how].message, letters[how].message
        assert letters[how].tries == 4, how
        # Its failed turn left no trace, and what came later was held and is handled.
        assert rt.get(Careful, how) == Careful(done=["right"]), how
        assert rt.get(Heard, how) is None


def test_a_dead_letter_says_what_led_to_it(rt: Runtime) -> None:
    id = rt.publish(Tried(name="poison", how="a poison"))
    rt.drain()
    found = [letter for letter in rt.dead_letters.list() if letter.address == "Heard/poison"]
    for letter in rt.dead_letters.list():
        rt.dead_letters.skip(letter)

    (letter,) = found
    assert letter.recorded.event == Done(name="poison", text="poison")
    assert letter.causes == (rt.chain(id)[0],)
    assert letter.message.startswith("Heard.hear raised ValueError: it is poison while Heard/poison handled Done")


def test_who_skips_failures_goes_on_by_itself(rt: Runtime) -> None:
    id = rt.publish(Tried(name="careless", how="raises"))
    rt.publish(Tried(name="careless", how="right"))
    rt.drain()
    for letter in rt.dead_letters.list():
        rt.dead_letters.skip(letter)
    rt.drain()

    assert rt.get(Careless, "careless") == Careless(done=["right"])
    parked = [r.event for r in rt.chain(id) if r.type == "trunkline.parked"]
    assert {"address": "Careless/careless", "error": "ValueError"} in parked


# ------------------------------------------------------------ over a restart


def test_time_goes_on_over_a_restart(rt: Runtime, clock: ScaledClock, journal: Path) -> None:
    rt.publish(Wound(name="restart"))
    rt.publish(Asked(name="restart", hours=4, text="tea"))
    rt.publish(Asked(name="later", hours=24 * 365, text="tea"))
    rt.drain()
    rt.close()

    with Runtime.start(app, journal=journal, clock=clock) as again:
        rung = next(r.event for r in again.tail(Rung, follow=True) if r.source == "Clock/restart")
        found = [(r.time, r.event) for r in again.tail(Heartbeat) if isinstance(r.event, Heartbeat)]
        again.drain()
        instance = again.get(Clock, "restart")
        pending = again.status()["timers"]

    must_be_continuous(found)
    assert any(tick.missed for _, tick in found), "some were due while it was down"
    assert rung == Rung(name="restart", text="tea")
    assert instance is not None
    assert [ring.partition(" ")[0] for ring in instance.rings] == ["tea"]
    assert instance.ticks == sorted(set(instance.ticks))
    assert pending == 1
