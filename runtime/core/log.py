"""One partition's log as its owner sees it: which position comes next, and what is still open.

An entry is open while one of its local deliveries is neither done nor in a row of its own. The watermark is the last
position below the first open one: a recovery reads from there.
"""

from runtime.core.messages import POSITION_BITS, POSITION_MASK


class PartitionLog:
    """Positions and open entries of one partition."""

    __slots__ = ("base", "epoch", "low", "next", "open", "partition", "watermark")

    def __init__(self, partition: int, epoch: int, next_position: int, watermark: int) -> None:
        self.partition = partition
        self.epoch = epoch
        self.base = partition << POSITION_BITS
        self.next = next_position
        """The position of the next entry."""
        self.low = watermark + 1
        """No position below it is open."""
        self.watermark = watermark
        """As last written."""
        self.open: dict[int, int] = {}
        """`at` → open deliveries."""

    @property
    def append_at(self) -> int:
        """The `at` that the next entry will have."""
        return self.base | self.next

    def append(self) -> int:
        """The `at` of a new entry."""
        at = self.base | self.next
        self.next += 1
        return at

    def done(self, at: int) -> None:
        """One delivery of the entry is done, or has got a row."""
        left = self.open[at] - 1
        if left:
            self.open[at] = left
        else:
            del self.open[at]

    def reached(self) -> int:
        """The position up to which nothing is open. Amortised O(1): each position is passed once."""
        low, base, following, is_open = self.low, self.base, self.next, self.open
        if not is_open:
            low = following
        else:
            while low < following and base | low not in is_open:
                low += 1
        self.low = low
        return low - 1

    def position(self, at: int) -> int:
        return at & POSITION_MASK
