"""Purchases a second and a purchase alone, beside plain Ray calls, one Ray round trip, and `eventsourcing`."""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import ray

from benchmarks import eventsourcing_chain, shop
from benchmarks.figures import Figure, progress
from benchmarks.plain_ray import PlainRay
from runtime import AsyncRuntime, Runtime

ROUNDS = 5
BULK = 2000
ALONE = 300


def measure() -> Iterator[Figure]:
    """The figures, in one run on one Ray."""
    with tempfile.TemporaryDirectory() as folder:
        yield from _measure(Path(folder))


def _measure(folder: Path) -> Iterator[Figure]:
    progress("plain Ray")
    plain = PlainRay()
    plain_rate = max(plain.purchases(2000, 2000) for _ in range(2))
    trip = plain.round_trip_ms()
    yield Figure("plain Ray calls, not durable, 2,000 outstanding", plain_rate, "purchases/s")
    yield Figure("one round trip to an async Ray actor", trip, "ms")
    progress("eventsourcing")
    other_rate, other_ms = eventsourcing_chain.run()
    yield Figure("eventsourcing, SQLite, one at a time", other_rate, "purchases/s")
    yield Figure("eventsourcing, SQLite, a purchase alone, p50", other_ms, "ms", other_ms / trip, "round trip")

    def rate(what: str, per_second: float, target: str = "") -> Figure:
        return Figure(what, per_second, "purchases/s", per_second / plain_rate, "plain Ray", target)

    def alone(what: str, ms: float, target: str = "") -> Figure:
        return Figure(what, ms, "ms", ms / trip, "round trip", target)

    for run_on in (True, False):
        how = "" if run_on else ", running on off"
        progress(f"a purchase alone{how}")
        with Runtime.start(shop.shop(), journal=folder / f"alone-{run_on}.db", run_on=run_on) as rt:
            times = _alone(rt)
            yield alone(f"a purchase alone, published, handled, known to be{how}, p50", times[len(times) // 2], "<= 4")
            yield Figure(f"the same, p99{how}", times[len(times) * 99 // 100], "ms")
            if run_on:
                ms = _publish_ms(rt)
                yield alone("publish of one event, durable, one thread, p50", ms, "<= 2, and a commit")
                streamed, unwaited = _streamed(rt), _unwaited(rt)
                yield rate("wait=False in a loop", unwaited, "half of the next line")
                yield rate("streamed, 20,000", streamed)
                yield rate("rounds of 2,000 in bulk, each drained", _bulk(rt), ">= 25")
                _check(rt)
    yield from asyncio.run(_tasks(folder, rate))
    progress("payments as a gateway")
    with Runtime.start(shop.shop(gateway=True), journal=folder / "gateway.db") as rt:
        yield rate("rounds of 2,000 in bulk, payments as a gateway", _bulk(rt))
        times = _alone(rt)
        yield alone("a purchase alone, payments as a gateway, p50", times[len(times) // 2])
    # Again at the end: the machine may have changed its pace in between.
    again = plain.purchases(2000, 2000)
    yield Figure("plain Ray calls again, at the end", again, "purchases/s")
    plain.close()


def _alone(rt: Runtime) -> list[float]:
    """Milliseconds from publish until wallet and receipts are updated, each known to the client; sorted."""
    times = []
    for n in range(ALONE + 20):
        begun = time.perf_counter()
        rt.publish(shop.purchase(n))
        rt.drain()
        times.append(1000 * (time.perf_counter() - begun))
    return sorted(times[20:])


def _publish_ms(rt: Runtime) -> float:
    times = []
    for n in range(500):
        begun = time.perf_counter()
        rt.publish(shop.purchase(n))
        times.append(1000 * (time.perf_counter() - begun))
    rt.drain()
    return sorted(times)[len(times) // 2]


def _bulk(rt: Runtime) -> float:
    best = 0.0
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        rt.publish(shop.purchase(n) for n in range(BULK))
        rt.drain()
        best = max(best, BULK / (time.perf_counter() - begun))
    return best


def _streamed(rt: Runtime) -> float:
    begun = time.perf_counter()
    rt.publish(shop.purchase(n) for n in range(10 * BULK))
    rt.drain()
    return 10 * BULK / (time.perf_counter() - begun)


def _unwaited(rt: Runtime) -> float:
    begun = time.perf_counter()
    futures = [rt.publish(shop.purchase(n), wait=False) for n in range(10 * BULK)]
    for future in futures:
        future.result()
    rt.drain()
    return 10 * BULK / (time.perf_counter() - begun)


def _check(rt: Runtime) -> None:
    """Nothing of what was measured was lost, or done twice."""
    granted = sum(wallet.credits for wallet in (rt.get(shop.Wallet, id) for id in rt.instances(shop.Wallet)) if wallet)
    published = ALONE + 20 + 500 + 20 * BULK + ROUNDS * BULK
    if granted != 5 * published:
        raise AssertionError(f"{published:,} purchases of 5 credits, and {granted:,} credits in the wallets")


async def _tasks(folder: Path, rate: Callable[..., Figure]) -> list[Figure]:
    async with await AsyncRuntime.start(shop.shop(), journal=folder / "tasks.db") as rt:
        progress("2,000 tasks")
        gathered = 0.0
        for _ in range(ROUNDS):
            begun = time.perf_counter()
            await asyncio.gather(*(rt.publish(shop.purchase(n)) for n in range(BULK)))
            await rt.drain()
            gathered = max(gathered, BULK / (time.perf_counter() - begun))
        progress("64 tasks")
        times: list[float] = []

        async def buyer(number: int, count: int) -> None:
            for n in range(count):
                begun = time.perf_counter()
                await rt.request(shop.purchase(number * count + n), shop.ReceiptSent)
                times.append(1000 * (time.perf_counter() - begun))

        per_second = await _timed(64 * 80, lambda: asyncio.gather(*(buyer(n, 80) for n in range(64))))
        times.sort()
    return [
        rate("2,000 tasks publish one each, gathered, drained", gathered, ">= 20"),
        rate("64 tasks, each waits for its receipt", per_second, ">= 8"),
        Figure("the same, from publish to receipt, p50", times[len(times) // 2], "ms"),
    ]


async def _timed(count: int, run: Callable[[], Awaitable[object]]) -> float:
    await run()
    begun = time.perf_counter()
    await run()
    return count / (time.perf_counter() - begun)


def main() -> list[Figure]:
    """On a Ray of its own."""
    ray.init(include_dashboard=False, log_to_driver=False, logging_level=40)
    try:
        return list(measure())
    finally:
        ray.shutdown()
