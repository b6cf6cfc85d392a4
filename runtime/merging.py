"""The logs of all partitions as one, by when their entries were recorded; each in its own order."""

import asyncio
from collections.abc import AsyncIterator, Container
from heapq import heapify, heappop, heapreplace
from typing import Protocol

from runtime.core.messages import EVERYWHERE, POSITION_BITS, POSITION_MASK
from runtime.core.rows import Entry, decode_targets
from runtime.wire import decode_body

PAGE = 500


class Logs(Protocol):
    """Where the entries are from."""

    async def log(self, partition: int, after: int) -> list[Entry]:
        """A page of a partition's entries above a position, in order."""
        ...

    async def latest(self, partition: int, before: int) -> list[Entry]:
        """A page of a partition's entries below a position, the newest first."""
        ...

    async def heads(self) -> dict[int, int]: ...

    async def first_since(self, partition: int, head: int, recorded: int) -> int: ...


class Merge:
    """What is read of the logs, forward."""

    def __init__(self, logs: Logs, only: int | None = None) -> None:
        """`only`: of this partition, whose log is then given whole, with the copies of what others emitted."""
        self._logs = logs
        self._only = only
        self._after: dict[int, int] = {}
        self._skip_to: int | None = None
        """Nothing is news up to and with this entry."""

    async def _heads(self) -> dict[int, int]:
        heads = await self._logs.heads()
        return heads if self._only is None else {self._only: heads[self._only]}

    async def begin_at_end(self) -> dict[int, int]:
        """Begin with what is not there yet; the heads of what is."""
        self._after = await self._heads()
        return dict(self._after)

    async def begin_at(self, moment: int) -> None:
        """Begin with what was recorded at this moment (µs)."""
        heads = await self._heads()
        firsts = await asyncio.gather(*(self._logs.first_since(p, head, moment) for p, head in heads.items()))
        self._after = dict(zip(heads, firsts, strict=True))

    async def begin_after(self, entry: Entry) -> None:
        """Begin after an event: what was recorded together is merged again from its beginning, in the same order."""
        await self.begin_at(entry.recorded)
        if self._only is None or self._only in logs_of(entry):
            self._skip_to = entry.id

    async def news(self) -> AsyncIterator[list[Entry]]:
        """What has been written since the last look, in pages."""
        found: list[Entry] = []
        heads = await self._heads()
        moved = [p for p, head in heads.items() if head > self._after.get(p, 0)]
        pages = await asyncio.gather(*(self._page(p, heads[p]) for p in moved))
        heap = [(*order_of(page[0]), page, 0) for page in pages if page]
        heapify(heap)
        while heap:
            _, _, at, page, index = heap[0]
            entry = page[index]
            if self._skip_to is not None:
                if entry.id == self._skip_to:
                    self._skip_to = None
            elif self._only is not None or entry.at == entry.id:
                found.append(entry)
                if len(found) == PAGE:
                    yield found
                    found = []
            partition = at >> POSITION_BITS
            self._after[partition] = at & POSITION_MASK
            index += 1
            if index == len(page):
                page, index = await self._page(partition, heads[partition]), 0
            if page:
                heapreplace(heap, (*order_of(page[index]), page, index))
            else:
                heappop(heap)
        if found:
            yield found

    async def _page(self, partition: int, head: int) -> list[Entry]:
        after = self._after.get(partition, 0)
        if after >= head:
            return []
        limit = (partition << POSITION_BITS) | head
        return [entry for entry in await self._logs.log(partition, after) if entry.at <= limit]


def logs_of(entry: Entry) -> Container[int]:
    """The partitions in whose logs an event stands."""
    where = {partition for partition, _ in decode_targets(entry.targets)} | {entry.id >> POSITION_BITS}
    return range(1 << 32) if EVERYWHERE in where else where


async def newest(logs: Logs, heads: dict[int, int], *, copies: bool = False) -> AsyncIterator[Entry]:
    """The entries of these logs from their heads back, the newest first."""
    pages = await asyncio.gather(*(logs.latest(p, head + 1) for p, head in heads.items() if head))
    heap = [(*_backwards(page[0]), page, 0) for page in pages]
    heapify(heap)
    while heap:
        *_, page, index = heap[0]
        entry = page[index]
        if copies or entry.at == entry.id:
            yield entry
        index += 1
        if index == len(page):
            page, index = await logs.latest(entry.at >> POSITION_BITS, entry.at & POSITION_MASK), 0
        if page:
            heapreplace(heap, (*_backwards(page[index]), page, index))
        else:
            heappop(heap)


def _backwards(entry: Entry) -> tuple[int, int, int]:
    recorded, hops, at = order_of(entry)
    return -recorded, -hops, -at


def order_of(entry: Entry) -> tuple[int, int, int]:
    """Among the next entries of several logs: the older first; of those recorded together causes before effects."""
    return entry.recorded, decode_body(entry.body).hops, entry.at
