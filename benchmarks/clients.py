"""Client processes that publish one event at a time each, ten beside one."""

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
from benchmarks.sizes import FULL, Sizes
from runtime import Runtime


def measure(sizes: Sizes) -> Iterator[Figure]:
    """The figures, in one run on one Ray."""
    with tempfile.TemporaryDirectory() as folder, Runtime.start(shop.shop(), journal=Path(folder) / "shop.db") as rt:
        progress("one client process")
        one = _clients(1, sizes.each)
        progress(f"{sizes.clients} client processes")
        together = _clients(sizes.clients, sizes.each)
        rt.drain()
        granted = sum(
            wallet.credits for wallet in (rt.get(shop.Wallet, id) for id in rt.instances(shop.Wallet)) if wallet
        )
        bought = 5 * sizes.each * (1 + sizes.clients)
        if granted != bought:
            raise AssertionError(f"{granted:,} credits in the wallets, {bought:,} were bought")
    yield Figure("one client process, one event at a time", one, "events/s")
    what = f"{sizes.clients} client processes, one event at a time each"
    yield Figure(what, together, "events/s", together / one, "one", ">= 1,500/s, or 10 x")


def _clients(count: int, each: int) -> float:
    """Events a second that so many processes publish together."""
    address = ray.get_runtime_context().gcs_address
    children = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.clients", address, str(n), str(each)],
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
    return count * each / spent


def _child(address: str, number: int, each: int) -> None:
    ray.init(address=address, log_to_driver=False, logging_level=40)
    with Runtime.attach("shop") as rt:
        rt.get(shop.Wallet, "p0")
        print("ready", flush=True)
        sys.stdin.readline()
        for n in range(each):
            rt.publish(shop.purchase(number * each + n))
        print("done", flush=True)


def main(sizes: Sizes = FULL) -> list[Figure]:
    """On a Ray of its own."""
    ray.init(include_dashboard=False, log_to_driver=False, logging_level=40)
    try:
        return list(measure(sizes))
    finally:
        ray.shutdown()


if __name__ == "__main__":
    _child(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
