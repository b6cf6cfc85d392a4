"""Durable timers: which is due next, and which must wait for its instance's older events."""

from collections.abc import Iterator
from heapq import heappop, heappush

from runtime.core.drains import Drains
from runtime.core.rows import TimerRow

TimerKey = tuple[str, str, str]
"""(address, event type, name)"""


class Timers:
    """Every pending timer of the owned partitions, by address and by due moment."""

    def __init__(self, drains: Drains) -> None:
        self._drains = drains
        self._waited_for: dict[TimerKey, int] = {}
        """Those without a delay belong to the chain of the event that set them: the drain which waits for that."""
        self._rows: dict[TimerKey, TimerRow] = {}
        self._of: dict[str, set[TimerKey]] = {}
        self._heap: list[tuple[int, TimerKey]] = []
        self._blocked: dict[str, list[tuple[int, TimerKey]]] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def set(self, row: TimerRow, gen: int = 0) -> None:
        """Set it, or set it anew. `gen`: the generation of drains that it counts for, if it does."""
        key = (row.address, row.type, row.name)
        self._count_no_more(key)
        if gen:
            self._waited_for[key] = gen
            self._drains.add(gen)
        self._rows[key] = row
        self._of.setdefault(row.address, set()).add(key)
        heappush(self._heap, (row.due, key))

    def clear(self, key: TimerKey) -> bool:
        """Cancelled or fired. False when there is none."""
        if self._rows.pop(key, None) is None:
            return False
        self._count_no_more(key)
        of = self._of[key[0]]
        of.discard(key)
        if not of:
            del self._of[key[0]]
        return True

    def generation(self, key: TimerKey) -> int:
        """Which drain waits for it. 0: none does."""
        return self._waited_for.get(key, 0)

    def _count_no_more(self, key: TimerKey) -> None:
        self._drains.remove(self._waited_for.pop(key, 0))

    def hold(self, address: str) -> None:
        """Its instance is held, and so are its timers: no drain waits for them."""
        for key in self._of.get(address, ()):
            self._count_no_more(key)

    def of(self, address: str) -> list[TimerKey]:
        """An instance's timers, in a stable order."""
        return sorted(self._of.get(address, ()))

    def due(self, now: int) -> Iterator[TimerRow]:
        """Those due by `now`, earliest first. The caller clears or blocks each."""
        heap = self._heap
        while heap and heap[0][0] <= now:
            due, key = heappop(heap)
            row = self._rows.get(key)
            if row is not None and row.due == due:
                yield row

    def block(self, row: TimerRow) -> None:
        """Due, but its instance has unhandled events recorded before the due moment, or may yet get one."""
        self._blocked.setdefault(row.address, []).append((row.due, (row.address, row.type, row.name)))

    def blocked(self, address: str) -> bool:
        return address in self._blocked

    def unblock(self, address: str) -> None:
        """Its instance has got on: ask again."""
        for item in self._blocked.pop(address, ()):
            heappush(self._heap, item)

    def unblock_group(self, group: str) -> None:
        """Some instances of this group have got on."""
        for address in [address for address in self._blocked if address.startswith(f"{group}/")]:
            self.unblock(address)

    def next(self) -> int | None:
        """The next due moment."""
        heap = self._heap
        while heap:
            due, key = heap[0]
            row = self._rows.get(key)
            if row is not None and row.due == due:
                return due
            heappop(heap)
        return None
