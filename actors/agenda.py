"""What is to come in a scenario: timers that are set, and the moments of heartbeat and schedules."""

from collections.abc import Container, Iterable
from heapq import heappop, heappush
from typing import Generic, TypeVar

from actors.schedule import Due, Schedule

T = TypeVar("T")
TimerKey = tuple[str, str, str]
"""(address, event type, name)"""


class Timers(Generic[T]):
    """One for each key; the earliest first, in the order in which they were set."""

    def __init__(self) -> None:
        self._set: dict[TimerKey, tuple[int, T]] = {}
        self._heap: list[tuple[int, int, TimerKey]] = []
        self._count = 0

    def set(self, key: TimerKey, due: int, what: T) -> None:
        """Set it, or set it anew."""
        self._set[key] = (due, what)
        self._push(due, key)

    def cancel(self, key: TimerKey) -> None:
        """It is not to fire; nothing happens if there is none."""
        self._set.pop(key, None)

    def cancel_all(self, address: str) -> None:
        """The instance has retired."""
        for key in [key for key in self._set if key[0] == address]:
            del self._set[key]

    def next(self, held: Container[str]) -> int | None:
        """When the next one is due; those of held instances wait until they are released."""
        while self._heap:
            due, _, key = self._heap[0]
            timer = self._set.get(key)
            if timer is not None and timer[0] == due and key[0] not in held:
                return due
            heappop(self._heap)
        return None

    def take(self) -> tuple[int, T]:
        """The one that is next, which fires."""
        return self._set.pop(heappop(self._heap)[2])

    def release(self, address: str) -> None:
        """The instance is held no longer."""
        for key, (due, _) in self._set.items():
            if key[0] == address:
                self._push(due, key)

    def pending(self) -> list[tuple[TimerKey, int, T]]:
        """All that are set, earliest first."""
        return sorted(((key, due, what) for key, (due, what) in self._set.items()), key=lambda timer: timer[1])

    def _push(self, due: int, key: TimerKey) -> None:
        self._count += 1
        heappush(self._heap, (due, self._count, key))


class Ticks:
    """The moments of schedules, none of which is missed."""

    def __init__(self, schedules: Iterable[Schedule], started: int) -> None:
        self._schedules = {schedule.name: schedule for schedule in schedules}
        self._started = started
        self._taken: dict[str, int] = {}
        self._next = {name: schedule.next(None, started, started) for name, schedule in self._schedules.items()}

    def next(self) -> int | None:
        """When the next one comes."""
        return min(self._next.values(), default=None)

    def take(self) -> tuple[str, Due | None]:
        """The one that is next: its schedule's name, and its event."""
        name = min(self._next, key=lambda name: self._next[name])
        at, schedule = self._next[name], self._schedules[name]
        due = schedule.due(self._taken.get(name), self._started, at)
        if due is not None:
            self._taken[name] = due.moment
        self._next[name] = schedule.next(self._taken.get(name), self._started, at)
        return name, due
