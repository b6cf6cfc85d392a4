"""Whichever process is killed or stopped in the middle of a run, the run ends as if nothing had happened."""

import os
import signal
from contextlib import suppress
from random import Random

import pytest

from actors import Heartbeat
from tests.conftest import Start
from tests.runtime.cluster.actors_of import wait_for_another
from tests.runtime.cluster.disturbing import (
    PLAYERS,
    pulse_is_whole,
    purchases,
    signal_to,
    states,
    undisturbed,
    wait_for_their_end,
)
from tests.runtime.cluster.shop import shop

KILL, STOP, CONT = signal.SIGKILL, signal.SIGSTOP, signal.SIGCONT


@pytest.fixture(autouse=True)
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that does not answer for so long counts as stopped."""
    monkeypatch.setenv("TRUNKLINE_PATIENCE", "1")


@pytest.mark.parametrize(
    ("how", "who"),
    [
        *((how, [who]) for how in (KILL, STOP) for who in ("host-0", "Router", "Gateways", "Supervisor")),
        (KILL, ["Router", "host-0"]),
        (KILL, ["Supervisor", "Router"]),
    ],
    ids=lambda of: of.name if isinstance(of, signal.Signals) else " and ".join(of),
)
def test_a_process_is_lost_in_the_middle(start: Start, app_name: str, how: signal.Signals, who: list[str]) -> None:
    rt = start(shop(app_name, heartbeat=0.25))
    before = rt.publish(purchases(1, 50), wait=False)

    lost = signal_to(rt, how, *who)
    after = rt.publish(purchases(51, 50), wait=False)
    wait_for_their_end(lost)
    rt.drain(timers=True)

    assert len({*before.result(), *after.result()}) == 400
    assert states(rt) == undisturbed(100)
    # The heart beats on, too.
    since = rt.publish(purchases(101, 1))[0]
    next(rt.tail(Heartbeat, since=since, follow=True))
    rt.drain()
    assert pulse_is_whole(rt)


@pytest.mark.parametrize("how", [KILL, STOP], ids=lambda how: how.name)
def test_some_of_several_hosts_are_lost_in_the_middle(
    start: Start, app_name: str, monkeypatch: pytest.MonkeyPatch, how: signal.Signals
) -> None:
    monkeypatch.setenv("TRUNKLINE_HOSTS", "3")
    rt = start(shop(app_name))
    before = rt.publish(purchases(1, 50), wait=False)

    lost = signal_to(rt, how, "host-0", "host-2")
    after = rt.publish(purchases(51, 50), wait=False)
    wait_for_their_end(lost)
    rt.drain(timers=True)

    assert len({*before.result(), *after.result()}) == 400
    assert states(rt) == undisturbed(100)
    hosts = {instance: host for host, held in rt.status()["where"].items() for instance in held}
    assert len({hosts[f"Wallet/{player}"] for player in PLAYERS}) > 1, "they are on several hosts"


def test_one_is_stopped_while_there_is_nobody_to_notice(start: Start, app_name: str) -> None:
    rt = start(shop(app_name))
    before = rt.publish(purchases(1, 50), wait=False)

    stopped = signal_to(rt, STOP, "Router", "host-0")
    killed = signal_to(rt, KILL, "Supervisor")
    after = rt.publish(purchases(51, 50), wait=False)
    wait_for_their_end([*killed, *stopped])
    rt.drain(timers=True)

    assert len({*before.result(), *after.result()}) == 400
    assert states(rt) == undisturbed(100)


def test_children_outlive_one_supervisor_after_the_other(start: Start, app_name: str) -> None:
    rt = start(shop(app_name))
    children = {name: pid for name, pid in rt.processes().items() if not name.endswith((":Supervisor", ":spare"))}

    for _ in range(4):
        wait_for_their_end(signal_to(rt, KILL, "Supervisor"))
    (host,) = signal_to(rt, KILL, "host-0")
    rt.publish(purchases(1, 1))
    rt.drain(timers=True)
    another = wait_for_another(rt, f"{app_name}:host-0", host)

    assert children.pop(f"{app_name}:host-0") == host
    assert (children | {f"{app_name}:host-0": another}).items() <= rt.processes().items()


def test_all_are_stopped_for_a_while_and_woken(start: Start, app_name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUNKLINE_PATIENCE", "60")
    rt = start(shop(app_name, heartbeat=0.25))
    processes = rt.processes()
    before = rt.publish(purchases(1, 50), wait=False)

    signal_to(rt, STOP, "Router", "host-0", "Gateways", "Supervisor")
    after = rt.publish(purchases(51, 50), wait=False)
    for pid in processes.values():
        os.kill(pid, CONT)
    rt.drain(timers=True)

    assert len({*before.result(), *after.result()}) == 400
    assert states(rt) == undisturbed(100)
    assert processes.items() <= rt.processes().items()


@pytest.mark.parametrize("seed", [1])
def test_processes_are_killed_at_random_while_load_goes_on(start: Start, app_name: str, seed: int) -> None:
    random = Random(seed)
    rt = start(shop(app_name, heartbeat=0.25))
    published = []

    for round in range(8):
        published.append(rt.publish(purchases(1 + 10 * round, 10), wait=False))
        processes = sorted(rt.processes().values())
        victims = random.sample(processes, min(random.choice((1, 2)), len(processes)))
        for pid in victims:
            with suppress(ProcessLookupError):
                os.kill(pid, random.choice((KILL, KILL, STOP)))
        # On, at once or when there is somebody again.
        published[random.randrange(len(published))].result()
    rt.drain(timers=True)

    assert len({id for ids in published for id in ids.result()}) == 320
    assert states(rt) == undisturbed(80)
    assert pulse_is_whole(rt)
