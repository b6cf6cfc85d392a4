"""The promises of a journal: what the router relies on, whatever keeps the rows.

A journal is opened for one app. It is used from one thread at a time for writing (the router's) and may be read from
others through `reader()`. Every call either did all that it says, durably, or raises and did nothing.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from runtime.core.rows import SUPERVISOR, Batch, BegunRow, DeliveryRow, Entry, InstanceRow, KeyRow, Recovery, TimerRow
from runtime.errors import JournalMismatch


class JournalInfo(NamedTuple):
    app: str
    partitions: int
    schema_hash: str
    format: int
    """The journal's own version; a newer one is refused by name."""
    started: int
    """The moment of the app's first start (µs): ticks count from it."""
    identity: str = ""
    """Drawn when the journal is made: what is given to the outside differs from what another journal's app gives. A
    simulation's journal has none."""
    begun: tuple[BegunRow, ...] = ()
    """From where schedules count, in the life that was started last."""


def check_partitions(partitions: Iterable[int], info: JournalInfo) -> None:
    """Raises JournalMismatch for a partition that this journal does not have."""
    for partition in partitions:
        if partition != SUPERVISOR and not 0 <= partition < info.partitions:
            raise JournalMismatch(
                f"the journal of app {info.app!r} has no partition {partition}: it was made with {info.partitions}",
                hint="the number is fixed when a journal is made: take it from the journal's info.",
            )


class Journal(Protocol):
    """Opened by `open_journal(url, app=..., partitions=..., schema_hash=..., now=...)`, which makes it if need be."""

    @property
    def info(self) -> JournalInfo: ...

    def begin(self, begun: Sequence[BegunRow]) -> None:
        """Keep from where schedules count from now on, in place of what was kept. By whoever starts the app."""
        ...

    def claim(self, partitions: Sequence[int]) -> dict[int, int]:
        """Take these partitions (SUPERVISOR is one): raise each epoch by one, durably; give the new epochs.

        Who held them before is fenced from then on: its next commit that names one raises `Fenced`.

        Raises:
            JournalMismatch: the journal has no such partition.
        """
        ...

    def recover(self, partition: int, epoch: int) -> Recovery:
        """Everything that a router must know of a partition it has claimed.

        Raises:
            Fenced: another has claimed it since.
        """
        ...

    def commit(self, batch: Batch) -> None:
        """Write a batch, all or nothing, durable on return.

        It may be called in another thread than the lookups below, which go on meanwhile: whether they see the batch is
        open until it has returned. Nothing else is written before that.

        Raises:
            Fenced: an epoch in `batch.epochs` is no longer the newest; `.partitions` names which. Nothing was written.
            JournalFull, JournalReadOnly, JournalFailed: nothing was written (after a JournalFailed one cannot know:
                the router starts again from the journal).
        """
        ...

    def instances(self, addresses: Iterable[str]) -> dict[str, InstanceRow]:
        """The rows of those that have one."""
        ...

    def keys(self, keys: Iterable[bytes]) -> dict[bytes, KeyRow]:
        """The rows of those idempotency keys that were taken."""
        ...

    def entries(self, ats: Iterable[int]) -> dict[int, Entry]:
        """Log rows by `at`."""
        ...

    def live(self, partition: int, group: str, after: str, limit: int) -> list[InstanceRow]:
        """Live instances of a group (the part of the address before the first `/`), by address, above `after`."""
        ...

    def find_sent(self, partition: int, client: str, seqs: Iterable[int], last: int) -> dict[int, int]:
        """For a client's resent numbers the event ids first given: looked for from position `last` backwards.

        The search ends where an older number of this client stands: its numbers rise in each log.
        """
        ...

    def reader(self) -> "Reader":
        """A read-only view with a connection of its own, for another thread or process; sees only what is durable."""
        ...

    def close(self) -> None: ...


class Reader(Protocol):
    """What people and tools ask of a journal, also of one at rest."""

    @property
    def info(self) -> JournalInfo: ...

    def instance(self, address: str) -> InstanceRow | None: ...

    def instances(self, addresses: Iterable[str]) -> dict[str, InstanceRow]:
        """The rows of those that have one."""
        ...

    def group(self, group: str, after: str = "", limit: int = 1000) -> list[InstanceRow]:
        """Live instances of a group over all partitions, by address."""
        ...

    def of_app(self, after: str = "", limit: int = 1000) -> list[InstanceRow]:
        """Live instances of all groups, by address."""
        ...

    def log(self, partition: int, after: int, limit: int) -> list[Entry]:
        """A partition's entries above position `after`, in order."""
        ...

    def latest(self, partition: int, before: int, limit: int) -> list[Entry]:
        """A partition's entries below position `before`, the newest first."""
        ...

    def heads(self) -> dict[int, int]:
        """Last position of each partition's log (0: empty)."""
        ...

    def entry(self, at: int) -> Entry | None: ...

    def key(self, key: bytes) -> KeyRow | None: ...

    def led_to(self, id: int, limit: int) -> list[Entry]:
        """The entries (not copies) that an event led to: causes before effects, of each generation by (recorded, at).

        At most `limit` of them, those nearest to it.
        """
        ...

    def of_root(self, root: int, types: Iterable[str]) -> Entry | None:
        """The first entry (not a copy), by (recorded, at), of these types that this origin event led to."""
        ...

    def deliveries(self, status: int | None = None) -> list[DeliveryRow]:
        """By (at, address)."""
        ...

    def timers(self, address: str | None = None) -> list[TimerRow]:
        """The next one due first."""
        ...

    def epochs(self) -> dict[int, int]:
        """Of the partitions that were ever claimed."""
        ...

    def watermarks(self) -> dict[int, int]:
        """Of each partition: every delivery of an entry up to it is done or has a row."""
        ...

    def schedules(self) -> dict[str, int]:
        """The moment (µs) of each schedule that was taken last."""
        ...

    def close(self) -> None: ...
