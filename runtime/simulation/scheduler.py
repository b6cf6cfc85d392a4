"""Virtual time and the one source of chance: everything that happens in a history is a step taken here.

Nothing in a simulation reads a clock, draws from another generator or depends on the order of a set, so the seed alone
decides the history. Every step that matters is noted in the trace; two runs of one seed have the same digest.
"""

from collections.abc import Callable
from hashlib import blake2b
from heapq import heappop, heappush
from random import Random

START_US = 1_700_000_000_000_000
"""Where virtual time begins: a real date, so that nothing works only because time is small."""

Action = Callable[[], None]


class Scheduler:
    """Steps in order of virtual time; those of the same moment in the order in which they were planned.

    There are two times. `awake` only passes while the machine runs: delays and bounds are in it. `now` is what clocks
    show; it leaps when the machine has slept.
    """

    def __init__(self, seed: int, *, tell: Callable[[str], None] | None = None) -> None:
        self.random = Random(seed)
        self.now = START_US
        self.awake = 0
        self.steps = 0
        self._heap: list[tuple[int, int, Action]] = []
        self._planned = 0
        self._digest = blake2b(digest_size=16)
        self._tell = tell

    def after(self, delay_us: int, action: Action) -> None:
        """Plan a step."""
        self._planned += 1
        heappush(self._heap, (self.awake + delay_us if delay_us > 0 else self.awake, self._planned, action))

    def step(self, until: int | None = None) -> bool:
        """Take the next step, unless there is none or it lies after `until` (in `awake` time)."""
        heap = self._heap
        if not heap or (until is not None and heap[0][0] > until):
            return False
        moment, _, action = heappop(heap)
        self.now += moment - self.awake
        self.awake = moment
        self.steps += 1
        action()
        return True

    def run(self, until: int) -> None:
        """Take every step up to a moment (in `awake` time), and stand at that moment."""
        while self.step(until):
            pass
        self.leap(until - self.awake)
        self.awake = max(self.awake, until)

    def leap(self, by_us: int) -> None:
        """The clocks go on; nothing else does."""
        self.now += max(by_us, 0)

    def note(self, what: str) -> None:
        """Put a line into the trace."""
        line = f"{self.now - START_US:>12} {what}"
        self._digest.update(line.encode())
        if self._tell is not None:
            self._tell(line)

    def digest(self) -> str:
        """Stands for all that was noted so far."""
        return self._digest.hexdigest()

    def chance(self, probability: float) -> bool:
        """True with this probability. Draws nothing for 0, so that an absent fault leaves the history as it is."""
        return probability > 0 and self.random.random() < probability

    def between(self, low: int, high: int) -> int:
        """A whole number of the range, both ends included."""
        # Half the cost of randint, and drawn for nearly every step.
        return low + int(self.random.random() * (high - low + 1))
