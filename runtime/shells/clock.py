"""The clock: the one object that reads the time. Real, or scaled; the simulator has its own."""

import time
from dataclasses import dataclass
from typing import Protocol

SECOND = 1_000_000


class Clock(Protocol):
    """Time as the runtime sees it: µs since the epoch, UTC. For `start(clock=)`; sent to the app's processes."""

    def now(self) -> int:
        """The moment, in µs since the epoch."""
        ...

    def wait(self, us: int) -> float:
        """How many real seconds so much of this clock's time takes."""
        ...


def steady() -> int:
    """µs on a clock that nobody sets: for how long something takes."""
    return time.monotonic_ns() // 1000


@dataclass(frozen=True, slots=True)
class RealClock:
    """The machine's."""

    def now(self) -> int:
        return time.time_ns() // 1000

    def wait(self, us: int) -> float:
        return us / SECOND


@dataclass(frozen=True, slots=True)
class ScaledClock:
    """Runs `factor` times as fast as the machine's, from `start` (µs since the epoch) at the real moment `since`.

    `Runtime.start(app, clock=ScaledClock.starting_now(60))`: a minute of the app takes a second.
    """

    factor: float
    start: int
    since: int

    @classmethod
    def starting_now(cls, factor: float) -> "ScaledClock":
        """One that says what the machine's says now, and then runs ahead of it."""
        now = RealClock().now()
        return cls(factor, now, now)

    def now(self) -> int:
        """The moment, in µs since the epoch."""
        return self.start + round((RealClock().now() - self.since) * self.factor)

    def wait(self, us: int) -> float:
        """How many real seconds so much of this clock's time takes."""
        return us / SECOND / self.factor
