"""The frozen records that client, router, host, gateways and supervisor send each other.

They cross a process boundary as msgpack (arrays, no field names: an event costs well under a microsecond to encode).
Times are integer microseconds since the epoch, UTC. An event's id is one integer, `partition << 40 | position`, of the
log it was first written to; `at` is the same coding for the log it is read from (they differ for a copy).

The router never looks into `body`: it holds what only hosts, gateways and readers need (`runtime.wire.Body`).
"""

from enum import IntEnum
from typing import Any

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


_ENCODER = msgspec.msgpack.Encoder()


def encode(message: Any) -> bytes:
    """msgpack of any message of this module."""
    return _ENCODER.encode(message)
