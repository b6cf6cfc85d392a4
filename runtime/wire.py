"""What stands inside a record's `body`: everything about an event that the router does not look at.

The codec is a seam: a field's codec (encryption with a key per person, later) plugs in here, at the only place where
payloads become bytes and bytes payloads on their way to and from a log. `runtime.fields` gathers what fields say.
"""

from typing import Protocol

import msgspec

from runtime.core.messages import Wire


class Body(Wire, frozen=True):
    """Made where the event is made, read where it is handled or shown."""

    source: str
    """Who emitted it: `Wallet/ada`, `Payments`, `client`, `Heartbeat`."""
    subject: str
    """The routing key that its listeners agree on, or an empty string."""
    version: int
    hops: int
    """Emissions since the origin event (which has 0)."""
    budget: int
    """Events that each of its deliveries may still cause."""
    trace: str
    """W3C traceparent, or an empty string."""
    path: tuple[str, ...]
    """The last event types of a chain that has grown long; empty for a short one."""
    handler: str
    """The handler that emitted it (`Wallet.grant`), or an empty string."""
    data: bytes
    """The event as JSON, after the codec."""
    hops_max: int = 32
    """How long this chain may grow. More than 32 once it has passed a handler that says so."""


class Codec(Protocol):
    """Seals a payload on its way into a log or a state, and opens it on its way out."""

    def seal(self, name: str, data: bytes) -> bytes:
        """`name` is the event's wire type or the group's name."""
        ...

    def open(self, name: str, data: bytes) -> bytes: ...


class Plain:
    """The codec that changes nothing."""

    def seal(self, name: str, data: bytes) -> bytes:
        return data

    def open(self, name: str, data: bytes) -> bytes:
        return data


_ENCODE = msgspec.msgpack.Encoder().encode
_DECODE = msgspec.msgpack.Decoder(Body).decode


def encode_body(body: Body) -> bytes:
    return _ENCODE(body)


def decode_body(data: bytes) -> Body:
    return _DECODE(data)
