"""Instances that share a host leave memory when they rest, and go on from their state."""

import pytest

from actors import After, Aggregate, App, Event, on
from tests.conftest import Start


class Knocked(Event, origin=True):
    door: str


class Wound(Event, origin=True):
    clock: str


class Rung(Event):
    clock: str


class Door(Aggregate, key="door"):
    knocks: int = 0

    @on
    def knock(self, event: Knocked) -> None:
        self.knocks += 1


class Clock(Aggregate, key="clock"):
    """Rings when a door that was knocked at before has rested for long."""

    @on
    def wind(self, event: Wound) -> After[Rung]:
        return After(Rung(clock=self.id), seconds=3)

    @on
    def ring(self, event: Rung) -> None: ...


def test_one_that_rests_leaves_memory_and_goes_on_from_its_state(
    start: Start, app_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRUNKLINE_IDLE", "1")
    rt = start(App(app_name, Door, Clock))
    rt.publish(Knocked(door="front"))
    rt.drain()
    before = rt.status()["where"]

    rt.publish(Wound(clock="alarm"))
    rt.drain(timers=True)
    resting = rt.status()["where"]
    rt.publish(Knocked(door="front"))
    rt.drain()
    door = rt.get(Door, "front")

    assert before == {"host-0": ["Door/front"]}
    assert resting == {"host-0": ["Clock/alarm"]}
    assert door is not None
    assert door.knocks == 2
