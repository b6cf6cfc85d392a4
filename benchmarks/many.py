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
from runtime import Runtime

INSTANCES = 100_000
EVENTS = 1_000_000
STEP = 10_000
"""Purchases between two looks: four events each."""


class Touched(Event, origin=True):
    thing: str


class Thing(Aggregate, key="thing"):
    """Small, and there are many."""

    touched: int = 0

    @on
    def touch(self, event: Touched) -> None:
        self.touched += 1


def measure() -> Iterator[Figure]:
    """The figures, in one run on one Ray."""
    with tempfile.TemporaryDirectory() as folder:
        yield from _activate(Path(folder))
        yield from _grow(Path(folder))


def _activate(folder: Path) -> Iterator[Figure]:
    progress(f"{INSTANCES:,} instances")
    with Runtime.start(App("things", Thing), journal=folder / "things.db") as rt:
        rt.publish(Touched(thing=f"warm-{n}") for n in range(1000))
        rt.drain()
        before = memory(rt)
        begun = time.perf_counter()
        rt.publish(Touched(thing=f"thing-{n}") for n in range(INSTANCES))
        rt.drain()
        spent = time.perf_counter() - begun
        grown = {name: after - before[name] for name, after in memory(rt).items() if name in before}
    yield Figure(f"{INSTANCES:,} instances activated", spent, "s", target="<= 20 s")
    host, router = grown["host-0"], grown["Router"]
    yield Figure("memory an instance, host", host / INSTANCES, "bytes")
    yield Figure("memory an instance, host and router", (host + router) / INSTANCES, "bytes", target="< 4,096")


def _grow(folder: Path) -> Iterator[Figure]:
    progress(f"a journal of {EVENTS:,} events")
    journal = folder / "grow.db"
    rates, routers, hosts = [], [], []
    with Runtime.start(shop.shop(), journal=journal) as rt:
        for _ in range(EVENTS // 4 // STEP):
            before, begun = cpu_seconds(rt), time.perf_counter()
            rt.publish(shop.purchase(n) for n in range(STEP))
            rt.drain()
            rates.append(STEP / (time.perf_counter() - begun))
            used = cpu_seconds(rt)
            routers.append(1e6 * (used["Router"] - before["Router"]) / (4 * STEP))
            hosts.append(1e6 * (used["host-0"] - before["host-0"]) / (4 * STEP))
    early, late = sorted(rates[1:6])[2], sorted(rates[-5:])[2]
    yield Figure("purchases/s in a journal of 40,000 to 240,000 events", early, "purchases/s")
    yield Figure(f"purchases/s in a journal of {EVENTS:,} events", late, "purchases/s", late / early, "the early rate")
    first, last = sum(routers[1:6]) / 5, sum(routers[-5:]) / 5
    yield Figure("router's CPU an event, in a journal of 40,000 to 240,000 events", first, "µs", target="< 15")
    yield Figure(f"router's CPU an event, in a journal of {EVENTS:,} events", last, "µs", last / first, "the early one")
    yield Figure("host's CPU an event (3 turns in 4 events)", sum(hosts[1:]) / len(hosts[1:]), "µs")
    begun = time.perf_counter()
    with Runtime.start(shop.shop(), journal=journal):
        spent = time.perf_counter() - begun
    yield Figure(f"start on a journal of {EVENTS:,} events, beyond Ray's start", spent, "s", target="< 5 s")
    begun = time.perf_counter()
    with Runtime.start(App("fresh", Thing), journal=folder / "fresh.db"):
        spent = time.perf_counter() - begun
    yield Figure("start on a new journal, beyond Ray's start", spent, "s", target="< 6 s")
    yield Figure("the journal's size", journal.stat().st_size / EVENTS, "bytes an event")


def main() -> list[Figure]:
    """On a Ray of its own."""
    ray.init(include_dashboard=False, log_to_driver=False, logging_level=40)
    try:
        return list(measure())
    finally:
        ray.shutdown()
