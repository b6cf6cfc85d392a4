"""A clock that a test sets by hand, in all processes of an app at once."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

SECOND = 1_000_000
CREEPS_MAX = 5 * SECOND


@dataclass(frozen=True, slots=True)
class HandClock:
    """Jumps to where it is set and creeps on from there, since retries take time: five seconds, then it stands.

    So however slow the machine, it never reaches the next moment of a story by itself.
    """

    path: Path

    def set(self, us: int) -> None:
        """µs since the epoch."""
        new = self.path.with_suffix(".new")
        new.write_text(f"{us} {time.time_ns() // 1000}")
        os.replace(new, self.path)

    def now(self) -> int:
        moment, since = map(int, self.path.read_text().split())
        return moment + min(time.time_ns() // 1000 - since, CREEPS_MAX)

    def wait(self, us: int) -> float:
        """As it creeps. Who waits is not told when it is set: whatever is asked of a router lets it look again."""
        return us / SECOND
