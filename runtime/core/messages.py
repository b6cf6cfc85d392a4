"""The frozen records that client, router, host, gateways, supervisor and journal exchange.

Two families, and no third. `Struct`s cross a process boundary as msgpack (arrays, no field names: an event costs well
under a microsecond to encode). `NamedTuple`s are rows: the router builds them once and the journal binds them as they
are. Times are integer microseconds since the epoch, UTC. An event's id is one integer, `partition << 40 | position`, of
the log it was first written to; `at` is the same coding for the log it is read from (they differ for a copy).

The router never looks into `body`: it holds what only hosts, gateways and readers need (`runtime.wire.Body`).
"""

from collections.abc import Iterator
from enum import IntEnum
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from actors.outcomes import CallKind as CallKind
from actors.outcomes import Outcome as Outcome

POSITION_BITS = 40
POSITION_MASK = (1 << POSITION_BITS) - 1

HOME = -1
"""A target's partition: the log that the event was first written to (gateways: they have no key)."""
EVERYWHERE = -2
"""A target's partition: a broadcast, copied to every partition; the address is then the group's bare name."""

Target = tuple[int, str]
"""(partition, address). An address is `Wallet/ada`; a gateway's or a broadcast's is the bare name, `Payments`."""


def pack_id(partition: int, position: int) -> int:
    """One integer for a place in a log."""
    return partition << POSITION_BITS | position


def id_text(packed: int) -> str:
    """The public form of an event's id: `partition-position`."""
    return f"{packed >> POSITION_BITS}-{packed & POSITION_MASK}"


def parse_id(text: str) -> int:
    """The packed form of a public event id. Raises ValueError for anything that `id_text` does not print."""
    partition, _, position = text.partition("-")
    return pack_id(int(partition), int(position))


class Wire(Struct, frozen=True, array_like=True, gc=False):
    """Base of what crosses a process boundary."""


# ---------------------------------------------------------------- client → router


class Publish(Wire, frozen=True):
    """An event from outside any turn, for the log of `partition`."""

    partition: int
    seq: int
    """The client's own number for it, rising in each partition: a resend after a lost link is taken once."""
    type: str
    time: int | None
    """None: the router's clock when it takes the event."""
    targets: tuple[Target, ...]
    body: bytes
    key: bytes | None = None
    """Digest of (event type, routing key, idempotency key)."""
    digest: bytes | None = None
    """Digest of the payload, to tell a repeat from a reuse of the key."""
    fence: int | None = None
    """The supervisor's epoch, for a tick or schedule: checked in the transaction that takes it."""
    schedule: tuple[str, int, int] | None = None
    """(schedule name, moment, the moment taken before it or -1): taken only if that is the last one taken, since the
    event says how many were missed."""


class PublishBatch(Wire, frozen=True):
    """What a client sends at once. On a new link, and after a refusal, it says `again` with the first that it sends."""

    client: str
    items: tuple[Publish, ...]
    again: bool = False
    await_types: tuple[str, ...] = ()
    """For `request`: answer as well with the first event of these types that the single item of this batch leads to."""


class Taken(IntEnum):
    """What became of one published event."""

    NEW = 0
    REPEATED = 1
    """The key (or the client's number) was taken before: `id` is the first one's."""
    KEY_REUSED = 2
    FENCED = 3
    """A newer supervisor beats, or another moment of the schedule was taken meanwhile."""


class PublishReply(Wire, frozen=True):
    """Sent when the batch is durable: for each item what became of it and its event id."""

    refused: bool
    """True: the router is full; nothing of this batch was taken."""
    results: tuple[tuple[int, int], ...] = ()


# ---------------------------------------------------------------- router → host


class Activate(Wire, frozen=True):
    """The committed state of an instance, with the first delivery after the host has lost or never had it."""

    address: str
    activation: int
    """Never repeats in a router's life; what was delivered or answered under an older one is void."""
    state: bytes | None


class Delivery(Wire, frozen=True):
    """One event for one instance."""

    address: str
    activation: int
    at: int
    id: int
    cause: int
    root: int
    time: int
    type: str
    body: bytes
    broadcast: bool = False


class DeliverBatch(Wire, frozen=True):
    """In order. `drops` first, then activations, then deliveries."""

    number: int
    activations: tuple[Activate, ...]
    deliveries: tuple[Delivery, ...]
    drops: tuple[str, ...] = ()
    run_on: bool = False
    """True: nothing else is under way for this host's instances, so their chains may be run on at once. An instance
    with an unhandled delivery later in this batch is not run on."""


# ---------------------------------------------------------------- host → router


class Emission(Wire, frozen=True):
    """An event that a turn or a gateway emitted; its id, cause and root are given by the router."""

    type: str
    targets: tuple[Target, ...]
    body: bytes
    time: int


class SetTimer(Wire, frozen=True):
    """`After`: fires as `event` at `event.time`, which is the due moment."""

    name: str
    event: Emission


class CancelTimer(Wire, frozen=True):
    type: str
    name: str


class TurnDone(Wire, frozen=True):
    """A turn that went through. `turn` is the compare-and-set: the number of turns of this activation before it."""

    address: str
    activation: int
    turn: int
    at: int
    """The delivery's; 0 for a turn that ran on, which `link` then names."""
    link: tuple[int, int] | None = None
    """(index of an earlier turn in this answer, index of its emission): the event that this turn handled."""
    emitted: tuple[Emission, ...] = ()
    timers: tuple[SetTimer, ...] = ()
    cancels: tuple[CancelTimer, ...] = ()
    changed: bool = False
    """The state is another than before the turn."""
    state: bytes | None = None
    """The state after the turn, if changed. None with `changed`: the next turn of this instance in this answer, which
    is no linked one, has it or passes it on; or it retired."""
    retired: bool = False


class Failure(Wire, frozen=True):
    """What went wrong, for people: shown as it is in dead letters."""

    error: str
    """The exception's class."""
    message: str
    traceback: str
    where: str
    """The handler and its file:line."""


class TurnFailed(Wire, frozen=True):
    """A turn that raised and left no trace. The instance is dropped at the host; later deliveries are ignored."""

    address: str
    activation: int
    at: int
    failure: Failure


class Answer(Wire, frozen=True):
    """What a batch led to, in the order in which it happened; `number` is the batch's."""

    number: int
    turns: tuple[TurnDone, ...]
    failed: tuple[TurnFailed, ...] = ()


# ---------------------------------------------------------------- router ↔ gateways


class Call(Wire, frozen=True):
    """One attempt at a gateway. Its start is durable before this is sent."""

    gateway: str
    kind: int
    attempt: int
    at: int
    id: int
    cause: int
    root: int
    time: int
    type: str
    body: bytes
    key: str
    """What the handler gives to the outside as its idempotency key."""
    failure: Failure | None = None


class CallDone(Wire, frozen=True):
    """The outcome of one attempt. `kind` and `attempt` are the compare-and-set."""

    gateway: str
    kind: int
    attempt: int
    at: int
    outcome: int
    emitted: tuple[Emission, ...] = ()
    failure: Failure | None = None


# ---------------------------------------------------------------- rows: router → journal, journal → router


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


_ENCODER = msgspec.msgpack.Encoder()
_TARGETS = msgspec.msgpack.Decoder(tuple[Target, ...])


def encode(message: Any) -> bytes:
    """msgpack of any message of this module."""
    return _ENCODER.encode(message)


def encode_targets(targets: tuple[Target, ...]) -> bytes:
    """Empty for none: most events of a chain's end have no listener."""
    return _ENCODER.encode(targets) if targets else b""


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
