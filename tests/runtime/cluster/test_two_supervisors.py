"""Two of a kind at once: a second supervisor, and a router whose successor has been started."""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import ray

from actors import App, Heartbeat
from runtime import Runtime, rivals
from runtime.core.rows import SUPERVISOR
from runtime.journal import open_reader
from runtime.shells.launch import find
from runtime.shells.processes import Router
from runtime.shells.supervisor import SupervisorConfig
from tests.conftest import Start
from tests.runtime.cluster.disturbing import (
    pulse_is_whole,
    purchases,
    signal_to,
    states,
    undisturbed,
    wait_for_their_end,
)
from tests.runtime.cluster.shop import shop


@pytest.fixture(autouse=True)
def long_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody who is stopped here is ended for it."""
    monkeypatch.setenv("TRUNKLINE_PATIENCE", "60")


@contextmanager
def second_supervisor(app: App) -> Iterator[None]:
    """It is up, and knows the first one's children."""
    with asyncio.Runner() as runner:
        second = rivals.second_supervisor(app.name)
        runner.run(second.__aenter__())  # type: ignore[arg-type]
        try:
            yield
        finally:
            runner.run(second.__aexit__(None, None, None))  # type: ignore[arg-type]


def ticks(rt: Runtime, count: int) -> list[int]:
    """The next ticks."""
    found: list[int] = []
    for recorded in rt.tail(Heartbeat, since=rt.publish(purchases(1000, 1))[0], follow=True):
        assert isinstance(recorded.event, Heartbeat)
        found.append(recorded.event.tick)
        if len(found) == count:
            break
    return found


def supervisors_epoch(rt: Runtime) -> int:
    reader = open_reader(rt.journal)
    try:
        return reader.epochs()[SUPERVISOR]
    finally:
        reader.close()


def test_two_supervisors_beat_each_tick_once(start: Start, app_name: str) -> None:
    app = shop(app_name, heartbeat=0.1)
    rt = start(app)
    ticks(rt, 2)
    with second_supervisor(app):
        found = ticks(rt, 20)
    rt.drain()

    assert supervisors_epoch(rt) >= 2
    assert found == sorted(set(found))
    assert pulse_is_whole(rt)


def test_when_the_second_of_two_supervisors_is_gone_the_first_goes_on(start: Start, app_name: str) -> None:
    app = shop(app_name, heartbeat=0.1)
    rt = start(app)
    ticks(rt, 2)
    with second_supervisor(app):
        ticks(rt, 5)

    found = ticks(rt, 10)
    assert found == sorted(set(found))
    signal_to(rt, signal.SIGKILL, "host-0")
    rt.publish(purchases(1, 10))
    rt.drain(timers=True)


def test_a_supervisor_that_was_stopped_wakes_beside_its_successor(start: Start, app_name: str) -> None:
    app = shop(app_name, heartbeat=0.1)
    rt = start(app)
    ticks(rt, 2)
    processes = rt.processes()

    with second_supervisor(app):
        (first,) = signal_to(rt, signal.SIGSTOP, "Supervisor")
        while_stopped = ticks(rt, 20)
        os.kill(first, signal.SIGCONT)
        woken = ticks(rt, 20)
    rt.drain()

    # On a busy machine some are missed, and the next one says so.
    assert while_stopped == sorted(set(while_stopped))
    assert woken == sorted(set(woken))
    assert pulse_is_whole(rt)
    # Nor does it take those for dead who were silent while it slept.
    assert processes.items() <= rt.processes().items()


def test_a_router_that_was_stopped_commits_nothing_beside_its_successor(start: Start, app_name: str) -> None:
    app = shop(app_name)
    rt = start(app)
    rt.publish(purchases(1, 10))
    rt.drain(timers=True)
    (zombie,) = signal_to(rt, signal.SIGSTOP, "Router")

    # Where a lock does not hold, as on some network's disks.
    os.unlink(f"{rt.journal}.lock")
    actor: Any = Router
    supervisor = rt.processes()[f"{app_name}:Supervisor"]
    config: SupervisorConfig = ray.get(find(app_name).config.remote())
    successor = actor.options(num_cpus=0, max_concurrency=1000).remote(supervisor, config.router)
    ray.get(successor.begin.remote())
    to_the_zombie = rt.publish(purchases(21, 10), wait=False)
    with Runtime.attach(app) as other:
        other.publish(purchases(11, 10))
        os.kill(zombie, signal.SIGCONT)
        wait_for_their_end([zombie])
        other.drain(timers=True)

    assert len(set(to_the_zombie.result())) == 40
    rt.drain(timers=True)
    assert states(rt) == undisturbed(30)
    ray.kill(successor)
    rt.publish(purchases(31, 10))
    rt.drain(timers=True)
    assert states(rt) == undisturbed(40)
