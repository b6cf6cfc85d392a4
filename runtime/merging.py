"""The logs of all partitions as one, by when their entries were recorded; each in its own order."""

import asyncio
from collections.abc import AsyncIterator
from heapq import heapify, heappop, heapreplace
from typing import Protocol

from runtime.core.messages import Entry
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

    def __init__(self, logs: Logs) -> None:
        self._logs = logs
        self._after: dict[int, int] = {}
        self._skip_to: int | None = None
        """Nothing is news up to and with this entry."""

    async def begin_at(self, moment: int) -> None:
        """Begin with what was recorded at this moment (µs)."""
        heads = await self._logs.heads()
        firsts = await asyncio.gather(*(self._logs.first_since(p, head, moment) for p, head in heads.items()))
        self._after = dict(zip(heads, firsts, strict=True))

    async def begin_after(self, entry: Entry) -> None:
        """Begin after an event: what was recorded together is merged again from its beginning, in the same order."""
        await self.begin_at(entry.recorded)
        self._skip_to = entry.at

    async def news(self) -> AsyncIterator[list[Entry]]:
        """What has been written since the last look, in pages."""
        found: list[Entry] = []
        heads = await self._logs.heads()
        moved = [p for p, head in heads.items() if head > self._after.get(p, 0)]
        pages = await asyncio.gather(*(self._page(p, heads[p]) for p in moved))
        heap = [(*order_of(page[0]), page, 0) for page in pages if page]
        heapify(heap)
        while heap:
            _, _, at, page, index = heap[0]
            entry = page[index]
            if self._skip_to is not None:
                if entry.at == self._skip_to:
                    self._skip_to = None
            elif entry.at == entry.id:
                found.append(entry)
                if len(found) == PAGE:
                    yield found
                    found = []
            partition = at >> 40
            self._after[partition] = at & ((1 << 40) - 1)
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
        limit = (partition << 40) | head
        return [entry for entry in await self._logs.log(partition, after) if entry.at <= limit]


def order_of(entry: Entry) -> tuple[int, int, int]:
    """Among the next entries of several logs: the older first; of those recorded together causes before effects."""
    return entry.recorded, decode_body(entry.body).hops, entry.at
