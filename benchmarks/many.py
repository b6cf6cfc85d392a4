"""Many instances, and many events: what an instance costs, and whether an event costs more as the journal grows."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import ray

from actors import Aggregate, App, Event, on
from benchmarks import shop
from benchmarks.figures import Figure, progress
from benchmarks.processes import cpu_seconds, memory
from benchmarks.sizes import FULL, Sizes
from runtime import Runtime


class Touched(Event, origin=True):
    thing: str


class Thing(Aggregate, key="thing"):
    """Small, and there are many."""

    touched: int = 0

    @on
    def touch(self, event: Touched) -> None:
        self.touched += 1


def measure(sizes: Sizes) -> Iterator[Figure]:
    """The figures, in one run on one Ray."""
    with tempfile.TemporaryDirectory() as folder:
        yield from _activate(Path(folder), sizes.instances)
        yield from _grow(Path(folder), 4 * sizes.purchases, sizes.step)


def _activate(folder: Path, instances: int) -> Iterator[Figure]:
    progress(f"{instances:,} instances")
    with Runtime.start(App("things", Thing), journal=folder / "things.db") as rt:
        rt.publish(Touched(thing=f"warm-{n}") for n in range(1000))
        rt.drain()
        before = memory(rt)
        begun = time.perf_counter()
        rt.publish(Touched(thing=f"thing-{n}") for n in range(instances))
        rt.drain()
        spent = time.perf_counter() - begun
        grown = {name: after - before[name] for name, after in memory(rt).items() if name in before}
    yield Figure(f"{instances:,} instances activated", spent, "s", target="<= 20 s")
    host, router = grown["host-0"], grown["Router"]
    yield Figure("memory an instance, host", host / instances, "bytes")
    yield Figure("memory an instance, host and router", (host + router) / instances, "bytes", target="< 4,096")


def _grow(folder: Path, events: int, step: int) -> Iterator[Figure]:
    progress(f"a journal of {events:,} events")
    journal = folder / "grow.db"
    rates, routers, hosts = [], [], []
    with Runtime.start(shop.shop(), journal=journal) as rt:
        for _ in range(events // 4 // step):
            before, begun = cpu_seconds(rt), time.perf_counter()
            rt.publish(shop.purchase(n) for n in range(step))
            rt.drain()
            rates.append(step / (time.perf_counter() - begun))
            used = cpu_seconds(rt)
            routers.append(1e6 * (used["Router"] - before["Router"]) / (4 * step))
            hosts.append(1e6 * (used["host-0"] - before["host-0"]) / (4 * step))
    early, late = sorted(rates[1:6])[2], sorted(rates[-5:])[2]
    yield Figure(f"purchases/s in a journal of {4 * step:,} to {24 * step:,} events", early, "purchases/s")
    yield Figure(f"purchases/s in a journal of {events:,} events", late, "purchases/s", late / early, "the early rate")
    first, last = sum(routers[1:6]) / 5, sum(routers[-5:]) / 5
    yield Figure(
        f"router's CPU an event, in a journal of {4 * step:,} to {24 * step:,} events", first, "µs", target="< 15"
    )
    yield Figure(f"router's CPU an event, in a journal of {events:,} events", last, "µs", last / first, "the early one")
    yield Figure("host's CPU an event (3 turns in 4 events)", sum(hosts[1:]) / len(hosts[1:]), "µs")
    begun = time.perf_counter()
    with Runtime.start(shop.shop(), journal=journal):
        spent = time.perf_counter() - begun
    yield Figure(f"start on a journal of {events:,} events, beyond Ray's start", spent, "s", target="< 5 s")
    begun = time.perf_counter()
    with Runtime.start(App("fresh", Thing), journal=folder / "fresh.db"):
        spent = time.perf_counter() - begun
    yield Figure("start on a new journal, beyond Ray's start", spent, "s", target="< 6 s")
    yield Figure("the journal's size", journal.stat().st_size / events, "bytes an event")


def main(sizes: Sizes = FULL) -> list[Figure]:
    """On a Ray of its own."""
    ray.init(include_dashboard=False, log_to_driver=False, logging_level=40)
    try:
        return list(measure(sizes))
    finally:
        ray.shutdown()
