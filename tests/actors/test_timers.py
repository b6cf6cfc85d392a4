"""Durable timers: one for each instance, event type and name; set, replaced, cancelled, fired."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest

from actors import After, Aggregate, App, Cancel, Event, TrunklineError, on
from actors.errors import UnexpectedEmission
from actors.testing import Scenario, both_orders, given, scenario
from tests.actors.rig import Rig


class Rang(Event, origin=True):
    call_id: str = "c-1"
    seconds: float = 60
    name: str | None = None


class Answered(Event, origin=True):
    call_id: str = "c-1"
    name: str | None = None


class Ended(Event, origin=True):
    call_id: str = "c-1"


class Expired(Event):
    call_id: str
    rings: int = 0


class Call(Aggregate, key="call_id"):
    rings: int = 0
    heard: list[datetime] = []
    expired: int = 0

    @on
    def ring(self, event: Rang) -> After[Expired]:
        self.rings += 1
        return After(Expired(call_id=self.id, rings=self.rings), seconds=event.seconds, name=event.name)

    @on
    def answer(self, event: Answered) -> Cancel[Expired]:
        return Cancel(Expired, name=event.name)

    @on
    def expire(self, event: Expired) -> None:
        self.expired = event.rings
        self.heard = [*self.heard, self.now]

    @on
    def end(self, event: Ended) -> Iterator[After[Expired]]:
        yield After(Expired(call_id=self.id), hours=1)
        self.retire()


app = App("calls", Call)


def heard(play: Scenario, id: str = "c-1") -> list[datetime]:
    """When each timer of a call was due, as the call saw it."""
    call = play.get(Call, id)
    return [] if call is None else call.heard


# ---------------------------------------------------------------- After


@pytest.mark.parametrize(
    ("delay", "seconds"),
    [
        ({"days": 1}, 86_400.0),
        ({"hours": 2}, 7_200.0),
        ({"minutes": 10}, 600.0),
        ({"seconds": 0.5}, 0.5),
        ({"days": 1, "hours": 1, "minutes": 1, "seconds": 1}, 90_061.0),
        ({"seconds": 0}, 0.0),
        ({"seconds": Fraction(1, 2)}, 0.5),
        ({"seconds": 0.000001}, 0.000001),
    ],
    ids=str,
)
def test_a_delay_is_the_sum_of_its_parts(delay: dict[str, float], seconds: float) -> None:
    assert After(Expired(call_id="c-1"), **delay).delay_us == round(seconds * 1_000_000)


@pytest.mark.parametrize("seconds", [-1.0, -1e-9, float("nan"), float("inf"), 1e10])
def test_a_delay_that_no_clock_could_reach_is_refused(seconds: float) -> None:
    with pytest.raises(TrunklineError, match=r"After\(Expired\) has a delay of") as caught:
        After(Expired(call_id="c-1"), seconds=seconds)

    assert caught.value.hint == "a timer fires now (0) or later, and within a hundred years."


def test_a_delay_is_said_also_if_it_is_nought() -> None:
    with pytest.raises(TrunklineError, match=r"After\(Expired\) has no delay in days, hours") as caught:
        After(Expired(call_id="c-1"), name="first")

    assert "seconds=0" in caught.value.hint


@pytest.mark.parametrize("delay", [10, timedelta(minutes=10), "first"], ids=str)
def test_a_delay_is_said_in_its_unit(delay: Any) -> None:
    with pytest.raises(TrunklineError, match=r"After\(Expired\) was given .*, and not in which unit") as caught:
        After(Expired(call_id="c-1"), delay)

    assert "After(..., minutes=10" in caught.value.hint


@pytest.mark.parametrize("unit", ["days", "hours", "minutes", "seconds"])
@pytest.mark.parametrize("delay", ["10", timedelta(minutes=10), [10]], ids=repr)
def test_a_delay_that_is_no_number_is_refused(unit: str, delay: Any) -> None:
    with pytest.raises(TrunklineError, match=r"After\(Expired\) has a delay of .*, which is no number") as caught:
        After(Expired(call_id="c-1"), **{unit: delay})

    assert "seconds=delta.total_seconds()" in caught.value.hint


def test_timers_print_as_what_was_written() -> None:
    assert repr(After(Ended(), minutes=1, name="x")) == "After(Ended(call_id='c-1'), seconds=60, name='x')"
    assert repr(Cancel(Ended)) == "Cancel(Ended, name='')"


def test_a_timer_is_due_at_the_turns_time_plus_its_delay_and_carries_that_moment_as_its_time() -> None:
    play = scenario(app)
    start = play.now
    play.publish(Rang(seconds=60))

    play.advance(hours=5)

    assert heard(play) == [start + timedelta(seconds=60)]


def test_a_timer_fires_once() -> None:
    play = scenario(app)
    play.publish(Rang(seconds=60))

    play.advance(seconds=60)
    play.advance(days=1)

    assert len(heard(play)) == 1
    assert play.timers == []


def test_a_timer_never_fires_early() -> None:
    play = scenario(app)
    play.publish(Rang(seconds=60))

    play.advance(seconds=59.999999)

    assert heard(play) == []


def test_a_timer_without_a_delay_fires_after_what_its_turn_led_to() -> None:
    play = scenario(app)

    play.publish(Rang(seconds=0))

    assert [type(event).__name__ for event in play.events] == ["Rang", "Expired"]
    assert heard(play) == [play.now]


def test_setting_a_timer_again_replaces_it() -> None:
    play = scenario(app)
    start = play.now
    play.publish(Rang(seconds=60))
    play.advance(seconds=30)

    play.publish(Rang(seconds=60))
    play.advance(days=1)

    assert heard(play) == [start + timedelta(seconds=90)]
    assert play.get(Call, "c-1").expired == 2  # type: ignore[union-attr]


def test_setting_a_timer_again_can_bring_it_forward() -> None:
    play = scenario(app)
    start = play.now
    play.publish(Rang(seconds=60))

    play.publish(Rang(seconds=10))
    play.advance(days=1)

    assert heard(play) == [start + timedelta(seconds=10)]


def test_timers_of_other_names_are_others() -> None:
    play = scenario(app)
    start = play.now

    play.publish(Rang(seconds=60))
    play.publish(Rang(seconds=10, name="soon"))

    assert [(timer.name, timer.due) for timer in play.timers] == [
        ("soon", start + timedelta(seconds=10)),
        ("", start + timedelta(seconds=60)),
    ]


def test_timers_of_other_instances_are_others() -> None:
    play = scenario(app)

    play.publish(Rang(call_id="c-1"))
    play.publish(Rang(call_id="c-2"))
    play.advance(minutes=1)

    assert (len(heard(play, "c-1")), len(heard(play, "c-2"))) == (1, 1)


# ---------------------------------------------------------------- Cancel


def test_a_cancelled_timer_does_not_fire() -> None:
    play = scenario(app)
    play.publish(Rang())

    play.publish(Answered())
    play.advance(days=1)

    assert heard(play) == []


def test_a_cancel_takes_the_timer_of_its_name_only() -> None:
    play = scenario(app)
    play.publish(Rang(seconds=60, name="a"))
    play.publish(Rang(seconds=60, name="b"))

    play.publish(Answered(name="a"))

    assert [timer.name for timer in play.timers] == ["b"]


def test_a_cancel_without_a_timer_does_nothing() -> None:
    play = scenario(app)

    play.publish(Answered())

    assert play.dead_letters == []


def test_a_cancelled_timer_can_be_set_again() -> None:
    play = scenario(app)
    play.publish(Rang())
    play.publish(Answered())

    play.publish(Rang(seconds=5))
    play.advance(seconds=5)

    assert len(heard(play)) == 1


def test_a_cancel_before_the_firing_wins_and_after_it_the_event_is_a_fact() -> None:
    outcomes = []
    for play in both_orders(app):
        play.publish(Rang(seconds=60))
        play.advance(seconds=60)
        play.publish(Answered())
        play.advance(seconds=1)
        outcomes.append(len(heard(play)))

    assert outcomes == [1, 0]


def test_the_last_word_of_a_turn_on_a_timer_holds() -> None:
    class Fickle(Aggregate, key="call_id"):
        @on
        def ring(self, event: Rang) -> Iterator[After[Expired] | Cancel[Expired]]:
            yield After(Expired(call_id=self.id), seconds=1)
            yield Cancel(Expired)
            yield After(Expired(call_id=self.id), seconds=2, name="kept")
            yield After(Expired(call_id=self.id), seconds=3, name="kept")

    play = scenario(App("calls", Fickle))

    play.publish(Rang())

    assert [(timer.name, timer.due - play.now) for timer in play.timers] == [("kept", timedelta(seconds=3))]


# ---------------------------------------------------------------- who owns a timer


def test_retiring_cancels_the_instances_timers_and_no_others() -> None:
    play = scenario(app)
    play.publish(Rang(call_id="c-1", seconds=60, name="a"))
    play.publish(Rang(call_id="c-1", seconds=60, name="b"))
    play.publish(Rang(call_id="c-2", seconds=60))

    play.publish(Ended(call_id="c-1"))

    assert [timer.event for timer in play.timers] == [Expired(call_id="c-2", rings=1)]


def test_retiring_cancels_what_the_same_turn_has_set() -> None:
    result = Rig(Call, id="c-1").turn(Ended())

    assert result.retired
    assert result.timers == []


def test_a_timer_that_fires_is_routed_as_any_event_of_its_type() -> None:
    class Registry(Aggregate, singleton=True):
        expired: list[str] = []

        @on
        def note(self, event: Expired) -> None:
            self.expired = [*self.expired, event.call_id]

    play = scenario(App("calls", Call, Registry))
    play.publish(Rang(seconds=1))

    play.advance(seconds=1)

    registry = play.get(Registry)
    assert registry is not None
    assert registry.expired == ["c-1"]
    assert len(heard(play)) == 1


@pytest.mark.parametrize("wrong", [After(Answered(), seconds=1), Cancel(Answered)], ids=repr)
def test_a_timer_that_the_hint_does_not_name_fails_the_turn(wrong: Any) -> None:
    class Sloppy(Aggregate, key="call_id"):
        @on
        def ring(self, event: Rang) -> After[Expired] | Cancel[Expired]:
            return wrong  # type: ignore[no-any-return]

    with pytest.raises(UnexpectedEmission, match=r"Sloppy\.ring returned"):
        Rig(Sloppy, id="c-1").turn(Rang())


def test_a_hint_that_says_later_does_not_say_at_once() -> None:
    class Hasty(Aggregate, key="call_id"):
        @on
        def ring(self, event: Rang) -> After[Expired]:
            return Expired(call_id=self.id)  # type: ignore[return-value]

    with pytest.raises(UnexpectedEmission):
        given(Hasty, "c-1").when(Rang())


def test_a_chain_through_timers_replays_the_same_whatever_the_steps_in_which_time_passes() -> None:
    at_once, in_steps = scenario(app), scenario(app)
    for play in (at_once, in_steps):
        play.publish(Rang(seconds=7))
        play.publish(Rang(seconds=30, name="later"))

    at_once.advance(seconds=60)
    for _ in range(60):
        in_steps.advance(seconds=1)

    assert at_once.events == in_steps.events
    assert heard(at_once) == heard(in_steps)
    assert len(heard(at_once)) == 2
