"""The rows of a journal: the router builds them once, and the journal binds them as they are."""

from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

import msgspec

from runtime.core.messages import EVERYWHERE, HOME, POSITION_BITS, Target, encode


class Entry(NamedTuple):
    """A row of a partition's log."""

    at: int
    id: int
    cause: int
    """0 for an origin event."""
    root: int
    """The id of the origin event (an origin's own id)."""
    time: int
    recorded: int
    """By the router's clock, but never earlier than what stands before it in the log."""
    type: str
    client: str
    """The publishing client, or an empty string; with `seq` it finds the id for a resend."""
    seq: int
    targets: bytes
    """msgpack of `tuple[Target, ...]`."""
    body: bytes


class InstanceRow(NamedTuple):
    address: str
    partition: int
    cursor: int
    """`at` of the last delivery handled, its effect committed with this row."""
    live: bool
    state: bytes | None


class TimerRow(NamedTuple):
    address: str
    type: str
    name: str
    partition: int
    due: int
    cause: int
    root: int
    targets: bytes
    body: bytes


class KeyRow(NamedTuple):
    key: bytes
    partition: int
    id: int
    digest: bytes


class Status(IntEnum):
    """Of a delivery that has a row of its own, because its instance's cursor does not say it."""

    WAITING = 0
    """Not handled, behind the watermark."""
    STARTED = 1
    """A gateway's attempt was started; its outcome is not known to the journal."""
    DONE = 2
    """Handled, before the watermark (gateways: they are unordered)."""
    PARKED = 3
    """A dead letter: `detail` is the msgpack of a Failure."""


class DeliveryRow(NamedTuple):
    at: int
    address: str
    partition: int
    status: int
    kind: int
    """A CallKind."""
    attempt: int
    """Starts so far, of any kind: it never repeats."""
    tries: int
    """Calls that were made and failed (handlers: turns)."""
    due: int
    """Not to be tried before this moment; 0: at once."""
    detail: bytes | None


class TakenRow(NamedTuple):
    """How far a partition has taken a source's stream (a client's now, another cell's later)."""

    partition: int
    source: str
    seq: int
    position: int
    """Of the entry that was taken last: a search for a resent event's id starts here and goes back."""


class ScheduleRow(NamedTuple):
    name: str
    partition: int
    moment: int


class Batch(NamedTuple):
    """What one commit writes, all or nothing. Rows given under an existing key replace it."""

    epochs: dict[int, int]
    """Epoch of every partition that is written (and of SUPERVISOR for ticks): checked in the same transaction."""
    entries: list[Entry]
    instances: dict[str, InstanceRow]
    cursors: dict[str, InstanceRow]
    """Cursor and liveness alone: the state that the journal has stays as it is (`state` of these rows is None and says
    nothing). An address is in one of the two at most."""
    timers: dict[tuple[str, str, str], TimerRow | None]
    """By (address, type, name); None deletes."""
    keys: list[KeyRow]
    deliveries: dict[tuple[int, str], DeliveryRow | None]
    """By (at, address); None deletes."""
    taken: dict[tuple[int, str], TakenRow]
    schedules: dict[str, ScheduleRow]
    watermarks: dict[int, int]
    """Partition → position: every delivery of an entry up to it is done or has a row. DONE rows up to it may go."""

    def __bool__(self) -> bool:
        """Without rows there may still be something to do: to find out that these epochs are the newest."""
        return bool(self.epochs)

    @classmethod
    def empty(cls) -> "Batch":
        return cls({}, [], {}, {}, {}, [], {}, {}, {}, {})


class BegunRow(NamedTuple):
    """From where a schedule counts: since when the app has had it."""

    name: str
    since: int
    period: int


SUPERVISOR = -1
"""The supervisor's place among the partitions' epochs."""


class Recovery(NamedTuple):
    """One partition as a router finds it, having claimed it."""

    partition: int
    epoch: int
    next_position: int
    watermark: int
    entries: list[Entry]
    """Those after the watermark, and those that a delivery row names, in order of position."""
    instances: dict[str, InstanceRow]
    """The rows of the addresses that `entries` name as targets."""
    deliveries: list[DeliveryRow]
    timers: list[TimerRow]
    taken: list[TakenRow]
    schedules: list[ScheduleRow]
    recorded: int
    """When the newest entry was recorded, by the clock of its router; 0: there is none."""


_TARGETS = msgspec.msgpack.Decoder(tuple[Target, ...])


def encode_targets(targets: tuple[Target, ...]) -> bytes:
    """Empty for none: most events of a chain's end have no listener."""
    return encode(targets) if targets else b""


def decode_targets(data: bytes) -> tuple[Target, ...]:
    return _TARGETS.decode(data) if data else ()


def local_targets(entry: Entry) -> Iterator[Target]:
    """The targets that are delivered from the log this entry stands in."""
    partition = entry.at >> POSITION_BITS
    origin = entry.at == entry.id
    for target in decode_targets(entry.targets):
        where = target[0]
        if where in (partition, EVERYWHERE) or (where == HOME and origin):
            yield target
