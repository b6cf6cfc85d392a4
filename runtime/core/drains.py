"""Drains: who waits until everything published before is handled.

Each delivery carries a generation, which what it emits inherits. A drain closes the present generation and waits until
no delivery of it or an older one is open; so a stream of later events keeps no drain waiting. Generation 0 counts for
nobody: ticks, and what is held behind a dead letter.
"""


class Drains:
    """Open deliveries by generation, and the waiting."""

    def __init__(self) -> None:
        self.gen = 1
        """Given to what is published now."""
        self._open: dict[int, int] = {}
        self._waiting: dict[int, tuple[int, bool]] = {}

    def add(self, gen: int) -> None:
        if gen:
            self._open[gen] = self._open.get(gen, 0) + 1

    def remove(self, gen: int) -> None:
        if gen:
            left = self._open[gen] - 1
            if left:
                self._open[gen] = left
            else:
                del self._open[gen]

    @property
    def waited_for(self) -> bool:
        """Does anybody wait?"""
        return bool(self._waiting)

    def present(self) -> int:
        """The generation of what begins anew now, and was published before: whoever waits, waits for it."""
        return min((gen for gen, _ in self._waiting.values()), default=self.gen)

    def wait(self, ticket: int, timers: bool) -> None:
        self._waiting[ticket] = (self.gen, timers)
        self.gen += 1

    def cancel(self, ticket: int) -> None:
        self._waiting.pop(ticket, None)

    def done(self, pending_timers: int) -> list[int]:
        """The tickets whose wait is over; they wait no longer."""
        if not self._waiting:
            return []
        oldest = min(self._open, default=None)
        over = [
            ticket
            for ticket, (gen, timers) in self._waiting.items()
            if (oldest is None or (oldest > gen and not timers)) and not (timers and pending_timers)
        ]
        for ticket in over:
            del self._waiting[ticket]
        return over
