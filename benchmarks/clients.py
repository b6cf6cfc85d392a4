"""Ten client processes that publish one event at a time each, beside one."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import ray

from benchmarks import shop
from benchmarks.figures import Figure, progress
from runtime import Runtime

EACH = 1000
TEN = 10


def measure() -> Iterator[Figure]:
    """The figures, in one run on one Ray."""
    with tempfile.TemporaryDirectory() as folder, Runtime.start(shop.shop(), journal=Path(folder) / "shop.db") as rt:
        progress("one client process")
        one = _clients(1)
        progress("ten client processes")
        ten = _clients(TEN)
        rt.drain()
        granted = sum(
            wallet.credits for wallet in (rt.get(shop.Wallet, id) for id in rt.instances(shop.Wallet)) if wallet
        )
        if granted != 5 * EACH * (1 + TEN):
            raise AssertionError(f"{granted:,} credits in the wallets, {5 * EACH * (1 + TEN):,} were bought")
    yield Figure("one client process, one event at a time", one, "events/s")
    yield Figure(
        "ten client processes, one event at a time each", ten, "events/s", ten / one, "one", ">= 1,500/s, or 10 x"
    )


def _clients(count: int) -> float:
    """Events a second that so many processes publish together."""
    address = ray.get_runtime_context().gcs_address
    children = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.clients", address, str(n)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"TRUNKLINE_QUIET": "1"},
        )
        for n in range(count)
    ]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n", "a client did not come up"
    begun = time.perf_counter()
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "done\n", "a client failed"
    spent = time.perf_counter() - begun
    for child in children:
        child.communicate()
    return count * EACH / spent


def _child(address: str, number: int) -> None:
    ray.init(address=address, log_to_driver=False, logging_level=40)
    with Runtime.attach("shop") as rt:
        rt.get(shop.Wallet, "p0")
        print("ready", flush=True)
        sys.stdin.readline()
        for n in range(EACH):
            rt.publish(shop.purchase(number * EACH + n))
        print("done", flush=True)


def main() -> list[Figure]:
    """On a Ray of its own."""
    ray.init(include_dashboard=False, log_to_driver=False, logging_level=40)
    try:
        return list(measure())
    finally:
        ray.shutdown()


if __name__ == "__main__":
    _child(sys.argv[1], int(sys.argv[2]))
