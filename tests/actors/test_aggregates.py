"""Aggregates: what a handler sees derives from event, class and instance alone; an instance can end, or be shared."""

from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from actors import After, Aggregate, App, Envelope, Event, WiringError, on
from actors.errors import HandlerFailed, OutsideTurn
from actors.testing import given, scenario
from tests.actors.rig import Rig


class Rolled(Event, origin=True):
    key: str = "ada"


class Dice(Aggregate, key="key"):
    seen: list[str] = []

    @on
    def roll(self, event: Rolled) -> None:
        self.seen = [str(self.random.random()), self.new_id(), self.new_id()]


class OtherDice(Dice, key="key"): ...


def seen(cls: type[Aggregate] = Dice, *, instance: str = "ada", event: str = "0-1") -> list[str]:
    rig = Rig(cls, id=instance)
    rig.turn(Rolled(), id=event)
    found: list[str] = rig.state.seen
    return found


# ---------------------------------------------------------------- deterministic


def test_an_instance_starts_with_its_fields_defaults() -> None:
    rig = Rig(Dice)

    assert rig.state.seen == []
    assert rig.stored is None


def test_instances_do_not_share_a_mutable_default() -> None:
    one, other = Rig(Dice), Rig(Dice)

    one.state.seen.append("x")

    assert other.state.seen == []


def test_random_numbers_and_ids_are_the_same_whenever_an_event_is_handled_by_an_instance() -> None:
    assert seen() == seen()


@pytest.mark.parametrize("other", [{"event": "0-2"}, {"instance": "bob"}, {"cls": OtherDice}], ids=str)
def test_random_numbers_and_ids_differ_by_event_instance_and_class(other: dict[str, Any]) -> None:
    assert set(seen()).isdisjoint(seen(**other))


def test_new_ids_are_uuids_and_each_is_new() -> None:
    _, one, other = seen()

    assert UUID(one).version == UUID(other).version == 4
    assert one != other


class Clock(Aggregate, key="key"):
    now_seen: datetime | None = None
    event_id: str = ""

    @on
    def hear(self, event: Rolled) -> None:
        self.now_seen = self.now
        self.event_id = self.event.id


def test_now_is_the_events_time_to_the_microsecond() -> None:
    rig = Rig(Clock)
    time = datetime(2031, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)

    rig.turn(Rolled(), time=time)

    assert rig.state.now_seen == time


def test_the_event_seen_by_a_handler_is_the_envelope_without_when_it_was_recorded() -> None:
    rig = Rig(Clock)

    rig.turn(Rolled(), id="3-14")

    assert rig.state.event_id == "3-14"
    assert not any("recorded" in field.name for field in fields(Envelope))


@pytest.mark.parametrize("use", ["now", "random", "event", "new_id", "retire"])
def test_what_belongs_to_a_turn_is_an_error_outside_one(use: str) -> None:
    wallet = given(Dice, "ada").state

    with pytest.raises(OutsideTurn, match=f"Dice.{use} was used where no turn runs"):
        getattr(wallet, use)()


def test_an_instance_has_its_id_outside_a_turn_too() -> None:
    assert given(Dice, "ada").state.id == "ada"
    assert given(Dice, "a/b").state.id == "a/b"


def test_an_object_that_is_no_instance_has_no_id() -> None:
    with pytest.raises(OutsideTurn, match="this Dice is no instance"):
        _ = Dice().id


def test_a_turn_that_failed_leaves_no_turn_behind() -> None:
    class Broken(Aggregate, key="key"):
        @on
        def hear(self, event: Rolled) -> None:
            raise RuntimeError

    rig = Rig(Broken)
    with pytest.raises(HandlerFailed):
        rig.turn(Rolled())

    with pytest.raises(OutsideTurn):
        _ = rig.state.now


# ---------------------------------------------------------------- retire


class Started(Event, origin=True):
    call: str


class Ended(Event, origin=True):
    call: str


class Rang(Event):
    call: str


class Alarm(Event, origin=True, broadcast=True): ...


class Call(Aggregate, key="call"):
    rings: int = 0
    alarms: int = 0

    @on
    def start(self, event: Started) -> After[Rang]:
        self.rings += 1
        return After(Rang(call=event.call), minutes=1)

    @on
    def ring(self, event: Rang) -> None:
        self.rings += 1

    @on
    def hear(self, event: Alarm) -> None:
        self.alarms += 1

    @on
    def end(self, event: Ended) -> None:
        self.rings += 100
        self.retire()


def test_retiring_empties_the_state() -> None:
    rig = Rig(Call, id="c", state={"rings": 3, "unknown": 1})

    result = rig.turn(Ended(call="c"))

    assert (result.retired, result.changed, result.state) == (True, True, None)
    assert rig.stored is None
    assert rig.state.rings == 0


def test_retiring_cancels_the_instances_timers() -> None:
    play = scenario(App("calls", Call))
    play.publish(Started(call="c"))
    play.publish(Started(call="d"))

    play.publish(Ended(call="c"))
    play.advance(minutes=2)

    assert [event for event in play.events if isinstance(event, Rang)] == [Rang(call="d")]


def test_a_retired_instance_is_begun_anew_by_a_later_keyed_event() -> None:
    play = scenario(App("calls", Call))
    play.publish(Started(call="c"))
    play.publish(Ended(call="c"))
    assert play.get(Call, "c") is None

    play.publish(Started(call="c"))

    again = play.get(Call, "c")
    assert again is not None
    assert again.rings == 1


def test_a_broadcast_goes_to_live_instances_only() -> None:
    play = scenario(App("calls", Call))
    for call in "abc":
        play.publish(Started(call=call))
    play.publish(Ended(call="b"))

    play.publish(Alarm())
    play.publish(Started(call="b"))

    assert [play.get(Call, call).alarms for call in "abc"] == [1, 0, 1]  # type: ignore[union-attr]


def test_what_was_emitted_before_retiring_is_emitted() -> None:
    class Farewell(Event):
        call: str

    class Brief(Aggregate, key="call"):
        @on
        def end(self, event: Ended) -> Iterator[Farewell]:
            self.retire()
            yield Farewell(call=self.id)

    assert given(Brief, "c").when(Ended(call="c")) == [Farewell(call="c")]


# ---------------------------------------------------------------- shares=


class Score(Aggregate, shares=Call):
    rings: int = 0
    points: int = 0

    @on
    def start(self, event: Started) -> None:
        self.points = self.rings * 10

    @on
    def ring(self, event: Rang) -> None:
        self.points += self.rings
        self.rings += 1000


def test_a_field_of_the_same_name_is_the_same_storage() -> None:
    rig = Rig(Call, Score, id="c")

    rig.turn(Started(call="c"))

    assert rig.stored == {"alarms": 0, "points": 10, "rings": 1}


def test_classes_that_share_an_instance_handle_an_event_in_one_turn_in_the_apps_order() -> None:
    assert Rig(Call, Score, id="c").group.classes == (Call, Score)

    rig = Rig(Score, Call, id="c")
    rig.turn(Started(call="c"))

    assert rig.stored == {"alarms": 0, "points": 0, "rings": 1}


def test_what_one_class_writes_the_other_reads_in_later_turns() -> None:
    play = scenario(App("calls", Call, Score))

    play.publish(Started(call="c"))
    play.advance(minutes=1)

    call, score = play.get(Call, "c"), play.get(Score, "c")
    assert call is not None
    assert score is not None
    assert (call.rings, score.rings, score.points) == (1002, 1002, 12)


def test_a_turn_that_fails_in_one_class_leaves_no_trace_in_the_other() -> None:
    class Broken(Aggregate, shares=Call):
        @on
        def start(self, event: Started) -> None:
            raise RuntimeError("no")

    rig = Rig(Call, Broken, id="c")

    with pytest.raises(HandlerFailed):
        rig.turn(Started(call="c"))

    assert rig.stored is None
    assert rig.state.rings == 0


def test_retiring_ends_the_instance_for_all_classes_that_share_it() -> None:
    rig = Rig(Call, Score, id="c", state={"rings": 2, "points": 5})

    rig.turn(Ended(call="c"))

    call, score = rig.instance.objects()
    assert call.model_dump() == {"rings": 0, "alarms": 0}
    assert score.model_dump() == {"rings": 0, "points": 0}


def test_a_new_sharing_class_finds_the_state_that_was_stored_without_it() -> None:
    rig = Rig(Call, Score, id="c", state={"rings": 2, "alarms": 7})

    rig.turn(Rang(call="c"))

    assert rig.stored == {"alarms": 7, "points": 3, "rings": 1003}


def test_each_sharing_class_has_a_version_of_its_own() -> None:
    class Rated(Aggregate, shares=Call, version=2, upcasters={1: lambda s: {"stars": s["points"]}}):
        stars: int = 0

        @on
        def start(self, event: Started) -> None:
            self.stars += 1

    rig = Rig(Call, Rated, id="c", state={"rings": 2, "alarms": 7, "points": 4})

    rig.turn(Started(call="c"))

    assert [one.model_dump() for one in rig.instance.objects()] == [{"rings": 3, "alarms": 7}, {"stars": 5}]
    assert Rig(Call, Rated, id="c", state=rig.stored).instance.objects() == rig.instance.objects()


def test_versions_keep_to_their_classes_when_the_app_names_them_in_another_order() -> None:
    class Rated(Aggregate, shares=Call, version=3, upcasters={1: dict, 2: dict}):
        stars: int = 0

        @on
        def start(self, event: Started) -> None:
            self.stars += 1

    stored = Rig(Call, Rated, id="c", state={"rings": 2, "stars": 4, "__version__:Rated": 2})
    stored.turn(Started(call="c"))

    again = Rig(Rated, Call, id="c", state=stored.stored)

    assert stored.stored["__version__:Rated"] == 3
    assert [one.model_dump() for one in again.instance.objects()] == [{"stars": 5}, {"rings": 3, "alarms": 0}]
    again.turn(Started(call="c"))
    assert again.stored == {"__version__:Rated": 3, "alarms": 0, "rings": 4, "stars": 6}


def test_a_shared_field_has_one_default() -> None:
    class Other(Aggregate, shares=Call):
        rings: int = 5

    with pytest.raises(
        WiringError, match=r"Call\.rings and Other\.rings are the same storage.*defaults differ: 0 and 5"
    ):
        App("calls", Call, Other)
