"""Whichever process is killed or stopped in the middle of a run, the run ends as if nothing had happened."""

import signal

import pytest

from actors import Heartbeat
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

KILL, STOP, CONT = signal.SIGKILL, signal.SIGSTOP, signal.SIGCONT


@pytest.fixture(autouse=True)
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that does not answer for so long counts as stopped."""
    monkeypatch.setenv("TRUNKLINE_PATIENCE", "1")


@pytest.mark.parametrize("who", ["host-0", "Router", "Gateways", "Supervisor"])
@pytest.mark.parametrize("how", [KILL, STOP], ids=lambda how: how.name)
def test_a_process_is_lost_in_the_middle(start: Start, app_name: str, who: str, how: signal.Signals) -> None:
    rt = start(shop(app_name, heartbeat=0.25))
    before = rt.publish(purchases(1, 30), wait=False)

    lost = signal_to(rt, how, who)
    after = rt.publish(purchases(31, 30), wait=False)
    wait_for_their_end(lost)
    rt.drain(timers=True)

    assert len({*before.result(), *after.result()}) == 240
    assert states(rt) == undisturbed(60)
    # The heart beats on, too.
    since = rt.publish(purchases(61, 1))[0]
    next(rt.tail(Heartbeat, since=since, follow=True))
    rt.drain()
    assert pulse_is_whole(rt)
