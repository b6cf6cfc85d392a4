"""Where a start finds its Ray, what stands in its way, and what is left when its driver is gone."""

import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.runtime.lifetimes.programs import (
    BOUGHT,
    BUY,
    ROOT,
    SHOP,
    Outcome,
    environment,
    run,
    run_python,
    running,
    said_processes,
    wait_for_the_end_of,
)

pytestmark = pytest.mark.slow


def start(folder: Path, **variables: str) -> Outcome:
    (folder / "shop.py").write_text(SHOP + BUY)
    return run([sys.executable, "shop.py"], folder, env=environment(PYTHONPATH=str(ROOT), **variables))


def test_no_home_to_keep_rays_token_in(tmp_path: Path) -> None:
    outcome = start(tmp_path, HOME="/dev/null")

    assert outcome.status == 1, str(outcome)
    assert "StartFailed" in outcome.text, str(outcome)
    assert "set RAY_AUTH_TOKEN" in outcome.text, str(outcome)


def test_no_home_but_a_token(tmp_path: Path) -> None:
    outcome = start(tmp_path, HOME="/dev/null", RAY_AUTH_TOKEN="0123456789abcdef" * 4)

    outcome.must_have_said(BOUGHT)


@pytest.fixture
def nobody_listens_at() -> Iterator[str]:
    """An address that is taken, so that nobody else listens there meanwhile."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{taken.getsockname()[1]}"


def test_a_cluster_that_was_killed_and_left_its_address_behind(tmp_path: Path, nobody_listens_at: str) -> None:
    # Sockets stand there as well: their paths must be short.
    with TemporaryDirectory(dir="/tmp") as folder:
        (Path(folder) / "ray").mkdir()
        (Path(folder) / "ray" / "ray_current_cluster").write_text(nobody_listens_at)

        outcome = start(tmp_path, RAY_TMPDIR=folder)

    outcome.must_have_said(BOUGHT)


@pytest.mark.parametrize("how", ["RAY_ADDRESS", "address="])
def test_an_address_where_nobody_listens(tmp_path: Path, nobody_listens_at: str, how: str) -> None:
    if how == "RAY_ADDRESS":
        outcome = start(tmp_path, RAY_ADDRESS=nobody_listens_at)
    else:
        outcome = run_python(
            ["-c", f"from runtime import Runtime; Runtime.attach('shop', address={nobody_listens_at!r})"], tmp_path
        )

    assert outcome.status == 1, str(outcome)
    assert f"nobody listens at {nobody_listens_at}" in outcome.text, str(outcome)


WAIT = """
import sys
from runtime import Runtime

if __name__ == "__main__":
    with Runtime.start(app) as rt:
        rt.publish(AttemptedPurchase(player_id="ada", credits=7))
        rt.drain()
        print("processes", *rt.processes().values(), flush=True)
        sys.stdin.read()
        print("at the end it holds", rt.get(Wallet, "ada").credits)
"""
ATTACH = """
from runtime import Runtime

with Runtime.attach("shop") as rt:
    _, Wallet, _ = rt.app.parts
    AttemptedPurchase = rt.app.catalogue.events["attempted_purchase"].cls
    rt.publish(AttemptedPurchase(player_id="ada", credits=7))
    rt.drain()
    print("it holds", rt.get(Wallet, "ada").credits)
"""


def test_another_process_is_told_to_attach_and_can_publish_then(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(SHOP + WAIT)
    (tmp_path / "other.py").write_text(SHOP + BUY)
    with running(["shop.py"], tmp_path, "processes") as (shop, said):
        second = run_python(["other.py"], tmp_path)
        attached = run_python(["-c", ATTACH], tmp_path)
        rest, _ = shop.communicate()
    afterwards = run_python(["-c", ATTACH], tmp_path)

    assert "AlreadyRunning" in second.text, str(second)
    assert "Runtime.attach('shop')" in second.text, str(second)
    attached.must_have_said("it holds 20")
    assert shop.returncode == 0, said + rest
    assert "at the end it holds 20" in rest, said + rest
    assert "NotRunning: no app 'shop'" in afterwards.text, str(afterwards)
    assert "Runtime.start(app)" in afterwards.text, str(afterwards)


def test_of_apps_on_rays_of_their_own_each_is_found_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(SHOP + WAIT)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "store.py").write_text(SHOP.replace('App("shop"', 'App("store"') + WAIT)
    with running(["shop.py"], tmp_path, "processes"), running(["store.py"], tmp_path, "processes"):
        attached = [run_python(["-c", ATTACH.replace("shop", name)], tmp_path) for name in ("shop", "store", "shop")]
        tailed = run_python(["-m", "runtime", "tail", "--app", "store", "-t", "attempted_purchase", "--json"], tmp_path)
        unnamed = run_python(["-m", "runtime", "tail"], elsewhere)

    for outcome, words in zip(attached, ("it holds 20", "it holds 20", "it holds 30"), strict=True):
        outcome.must_have_said(words)
    assert tailed.text.count('"type": "attempted_purchase"') == 2, str(tailed)
    assert "which app? shop, store run" in unnamed.text, str(unnamed)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=lambda how: how.name)
def test_an_app_ends_with_its_driver_and_goes_on_with_the_next(tmp_path: Path, how: signal.Signals) -> None:
    (tmp_path / "shop.py").write_text(SHOP + WAIT)
    (tmp_path / "next.py").write_text(SHOP + BUY)
    with running(["shop.py"], tmp_path, "processes") as (shop, said):
        shop.send_signal(how)
        wait_for_the_end_of([shop.pid, *said_processes(said)])

    outcome = run_python(["next.py"], tmp_path)

    outcome.must_have_said("wallet 46 receipts [46]")


TWO = """
import ray

def app_of(name):
    class Purse(Aggregate, key="player_id"):
        n: int = 0

        @on
        def add(self, event: AttemptedPurchase) -> None:
            self.n += 1

    return Purse, App(name, Purse)

from runtime import Runtime

ray.init(include_dashboard=False)
(A, a), (B, b) = app_of("a"), app_of("b")
with Runtime.start(a) as one, Runtime.start(b) as other:
    one.publish([AttemptedPurchase(player_id="ada", credits=1)] * 3)
    other.publish(AttemptedPurchase(player_id="ada", credits=1))
    one.drain()
    other.drain()
    print("apart:", one.get(A, "ada").n, other.get(B, "ada").n)
print("left up:", ray.is_initialized())
with Runtime.start(a) as one:
    print("again:", one.get(A, "ada").n)
ray.shutdown()
with Runtime.start(a) as one:
    print("by itself:", one.get(A, "ada").n)
print("left down:", not ray.is_initialized())
"""


def test_two_apps_share_a_ray_that_was_there_and_stays(tmp_path: Path) -> None:
    outcome = run_python(["-c", SHOP + TWO], tmp_path)

    for words in ("apart: 3 1", "left up: True", "again: 3", "by itself: 3", "left down: True"):
        outcome.must_have_said(words)
