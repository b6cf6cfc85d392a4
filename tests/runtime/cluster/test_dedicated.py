"""Instances with a Ray actor of their own: it ends when they rest, and another is started for their next event."""

import pytest

from actors import Aggregate, App, Event, on
from tests.conftest import Start
from tests.processes import those_that_go_on


class Knocked(Event, origin=True):
    door: str


class Door(Aggregate, key="door", placement="dedicated"):
    knocks: int = 0

    @on
    def knock(self, event: Knocked) -> None:
        self.knocks += 1


def test_the_process_of_an_instance_that_rests_ends_and_another_goes_on_from_its_state(
    start: Start, app_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRUNKLINE_IDLE", "1")
    rt = start(App(app_name, Door))
    name = f"{app_name}:Door/front"
    rt.publish(Knocked(door="front"))
    rt.drain()
    first = rt.processes()[name]

    left = those_that_go_on([first])
    rt.publish(Knocked(door="front"))
    rt.drain()
    door = rt.get(Door, "front")

    assert left == []
    assert door is not None
    assert door.knocks == 2
    assert rt.processes().get(name) != first
