"""Instances with a Ray actor of their own: named, limited in number, ended when they rest, replaced when they die."""

import os
import signal

import pytest

from actors import Aggregate, App, Event, on
from runtime import Runtime
from tests.conftest import Start
from tests.processes import those_that_go_on
from tests.runtime.cluster.actors_of import actors_of, wait_for_own_hosts


class Knocked(Event, origin=True):
    door: str


class Door(Aggregate, key="door", placement="dedicated"):
    knocks: int = 0

    @on
    def knock(self, event: Knocked) -> None:
        self.knocks += 1


def process_of(app: App, door: str) -> int:
    """As Ray knows it: the supervisor may not have heard yet that it is up."""
    (pid,) = (actor.pid for actor in actors_of(app) if actor.name == f"{app.name}:Door/{door}")
    return pid


def knocks(rt: Runtime, *doors: str) -> list[int]:
    found = [rt.get(Door, door) for door in doors]
    return [door.knocks for door in found if door is not None]


def test_nothing_waits_for_the_process_of_one_to_start(start: Start, app_name: str) -> None:
    app = App(app_name, Door)
    rt = start(app)
    supervisor = rt.processes()[f"{app_name}:Supervisor"]

    os.kill(supervisor, signal.SIGSTOP)
    rt.publish(Knocked(door="front"))
    rt.drain()
    where = rt.status()["where"]
    os.kill(supervisor, signal.SIGCONT)
    wait_for_own_hosts(rt, "Door/front")
    rt.publish(Knocked(door="front"))
    rt.drain()

    assert where == {"host-0": ["Door/front"]}
    assert knocks(rt, "front") == [2]


def test_the_process_of_an_instance_that_rests_ends_and_another_goes_on_from_its_state(
    start: Start, app_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Longer than a host takes to start on a busy machine: one that rests before that is not moved to its own.
    monkeypatch.setenv("TRUNKLINE_IDLE", "8")
    app = App(app_name, Door)
    rt = start(app)
    rt.publish(Knocked(door="front"))
    wait_for_own_hosts(rt, "Door/front")
    first = process_of(app, "front")

    left = those_that_go_on([first])
    rt.publish(Knocked(door="front"))
    rt.drain()
    door = rt.get(Door, "front")

    assert left == []
    assert door is not None
    assert door.knocks == 2


def test_they_stand_in_rays_list_under_their_names_and_above_the_limit_share(
    start: Start, app_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRUNKLINE_DEDICATED", "2")
    app = App(app_name, Door)
    rt = start(app)

    for door in ("front", "back", "side", "trap"):
        rt.publish(Knocked(door=door))
    rt.drain()
    wait_for_own_hosts(rt, "Door/front", "Door/back")

    own = [actor for actor in actors_of(app) if "/" in actor.name]
    assert [(actor.name, actor.cls) for actor in own] == [
        (f"{app_name}:Door/back", "Host"),
        (f"{app_name}:Door/front", "Host"),
    ]
    assert knocks(rt, "front", "back", "side", "trap") == [1, 1, 1, 1]


def test_one_whose_process_is_killed_goes_on_in_another(start: Start, app_name: str) -> None:
    app = App(app_name, Door)
    rt = start(app)
    rt.publish(Knocked(door="front"))
    wait_for_own_hosts(rt, "Door/front")
    first = process_of(app, "front")

    before = rt.publish([Knocked(door="front") for _ in range(500)], wait=False)
    os.kill(first, signal.SIGKILL)
    after = rt.publish([Knocked(door="front") for _ in range(500)], wait=False)
    rt.drain()
    wait_for_own_hosts(rt, "Door/front")

    assert len({*before.result(), *after.result()}) == 1000
    assert knocks(rt, "front") == [1001]
    assert process_of(app, "front") != first
