"""Purchases a second and a purchase alone, beside plain Ray calls, one Ray round trip, and `eventsourcing`."""

import asyncio
import statistics
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

import ray

from benchmarks import eventsourcing_chain, shop
from benchmarks.figures import Figure, progress
from benchmarks.plain_ray import PlainRay
from benchmarks.sizes import FULL, Sizes
from runtime import AsyncRuntime, Runtime

ROUNDS = 5
WARM = 20
"""Purchases before those that count."""


def measure(sizes: Sizes) -> Iterator[Figure]:
    """The figures, in one run on one Ray."""
    with tempfile.TemporaryDirectory() as folder:
        yield from _measure(Path(folder), sizes)


def _measure(folder: Path, sizes: Sizes) -> Iterator[Figure]:
    bulk = sizes.outstanding
    progress("plain Ray")
    plain = PlainRay()
    plain_rate = statistics.median(plain.purchases(bulk, bulk) for _ in range(ROUNDS))
    trip = plain.round_trip_ms(sizes.calls)
    yield Figure(f"plain Ray calls, not durable, {bulk:,} outstanding", plain_rate, "purchases/s")
    yield Figure("one round trip to an async Ray actor", trip, "ms")
    progress("eventsourcing")
    other_rate, other_ms = eventsourcing_chain.run(sizes.calls)
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
            times = _alone(rt, sizes.alone)
            yield alone(f"a purchase alone, published, handled, known to be{how}, p50", times[len(times) // 2], "<= 4")
            yield Figure(f"the same, p99{how}", times[len(times) * 99 // 100], "ms")
            if run_on:
                ms = _publish_ms(rt, sizes.calls)
                yield alone("publish of one event, durable, one thread, p50", ms, "<= 2, and a commit")
                streamed, unwaited = _streamed(rt, 10 * bulk), _unwaited(rt, 10 * bulk)
                yield rate("wait=False in a loop", unwaited, "half of the next line")
                yield rate(f"streamed, {10 * bulk:,}", streamed)
                _check(rt, sizes)
    yield from asyncio.run(_tasks(folder, rate, sizes))
    progress("payments as a gateway")
    with Runtime.start(shop.shop(gateway=True), journal=folder / "gateway.db") as rt:
        yield rate(f"rounds of {bulk:,} in bulk, payments as a gateway", _bulk(rt, bulk))
        times = _alone(rt, sizes.alone)
        yield alone("a purchase alone, payments as a gateway, p50", times[len(times) // 2])
    # Again at the end: the machine may have changed its pace in between.
    again = statistics.median(plain.purchases(bulk, bulk) for _ in range(ROUNDS))
    yield Figure("plain Ray calls again, at the end", again, "purchases/s")
    plain.close()


def _alone(rt: Runtime, count: int) -> list[float]:
    """Milliseconds from publish until wallet and receipts are updated, each known to the client; sorted."""
    times = []
    for n in range(count + WARM):
        begun = time.perf_counter()
        rt.publish(shop.purchase(n))
        rt.drain()
        times.append(1000 * (time.perf_counter() - begun))
    return sorted(times[WARM:])


def _publish_ms(rt: Runtime, count: int) -> float:
    times = []
    for n in range(count):
        begun = time.perf_counter()
        rt.publish(shop.purchase(n))
        times.append(1000 * (time.perf_counter() - begun))
    rt.drain()
    return sorted(times)[len(times) // 2]


def _bulk(rt: Runtime, count: int) -> float:
    best = 0.0
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        rt.publish(shop.purchase(n) for n in range(count))
        rt.drain()
        best = max(best, count / (time.perf_counter() - begun))
    return best


def _streamed(rt: Runtime, count: int) -> float:
    begun = time.perf_counter()
    rt.publish(shop.purchase(n) for n in range(count))
    rt.drain()
    return count / (time.perf_counter() - begun)


def _unwaited(rt: Runtime, count: int) -> float:
    begun = time.perf_counter()
    futures = [rt.publish(shop.purchase(n), wait=False) for n in range(count)]
    for future in futures:
        future.result()
    rt.drain()
    return count / (time.perf_counter() - begun)


def _check(rt: Runtime, sizes: Sizes) -> None:
    """Nothing of what was measured was lost, or done twice."""
    granted = sum(wallet.credits for wallet in (rt.get(shop.Wallet, id) for id in rt.instances(shop.Wallet)) if wallet)
    published = sizes.alone + WARM + sizes.calls + 20 * sizes.outstanding
    if granted != 5 * published:
        raise AssertionError(f"{published:,} purchases of 5 credits, and {granted:,} credits in the wallets")


async def _tasks(folder: Path, rate: Callable[..., Figure], sizes: Sizes) -> list[Figure]:
    async with await AsyncRuntime.start(shop.shop(), journal=folder / "tasks.db") as rt:
        most = sizes.outstanding
        progress(f"in bulk, at most {most:,} outstanding")
        await _window(rt, most, 5 * most)
        bulk = statistics.median([await _window(rt, most, 10 * most) for _ in range(ROUNDS)])
        progress(f"{most:,} tasks")
        await _gathered(rt, most, 2)
        gathered = statistics.median([await _gathered(rt, most, 5) for _ in range(ROUNDS)])
        progress("64 tasks")
        few, ms = await _tasks_of(rt, 64, sizes.turns)
    return [
        rate(f"in bulk, at most {most:,} outstanding", bulk, ">= 25"),
        rate(f"{most:,} tasks publish one at a time each, gathered", gathered, ">= 20"),
        rate("64 tasks, each waits for its receipt before the next", few, ">= 8"),
        Figure("the same, from publish to receipt, p50", ms, "ms"),
    ]


async def _window(rt: AsyncRuntime, most: int, count: int) -> float:
    """Purchases a second: published in batches of an eighth, of which at most eight are not handled whole."""
    begun = time.perf_counter()
    batch = most // 8
    drains: deque[asyncio.Task[None]] = deque()
    for first in range(0, count, batch):
        if len(drains) == 8:
            await drains.popleft()
        await rt.publish((shop.purchase(n) for n in range(first, first + batch)), wait=False)
        drains.append(asyncio.create_task(rt.drain()))
    await asyncio.gather(*drains)
    return count / (time.perf_counter() - begun)


async def _gathered(rt: AsyncRuntime, tasks: int, each: int) -> float:
    """Purchases a second of so many tasks that publish one after the other, until all is handled."""

    async def buyer(number: int) -> None:
        for n in range(each):
            await rt.publish(shop.purchase(number * each + n))

    begun = time.perf_counter()
    await asyncio.gather(*(buyer(n) for n in range(tasks)))
    await rt.drain()
    return tasks * each / (time.perf_counter() - begun)


async def _tasks_of(rt: AsyncRuntime, tasks: int, each: int) -> tuple[float, float]:
    """(purchases a second, p50 in ms) of so many tasks, each of which waits for its receipt before it buys again."""
    times: list[float] = []

    async def buyer(number: int) -> None:
        for n in range(each):
            begun = time.perf_counter()
            await rt.request(shop.purchase(number * each + n), shop.ReceiptSent)
            times.append(1000 * (time.perf_counter() - begun))

    for _ in range(2):
        times.clear()
        begun = time.perf_counter()
        await asyncio.gather(*(buyer(n) for n in range(tasks)))
        spent = time.perf_counter() - begun
    times.sort()
    return tasks * each / spent, times[len(times) // 2]


def main(sizes: Sizes = FULL) -> list[Figure]:
    """On a Ray of its own."""
    ray.init(include_dashboard=False, log_to_driver=False, logging_level=40)
    try:
        return list(measure(sizes))
    finally:
        ray.shutdown()
