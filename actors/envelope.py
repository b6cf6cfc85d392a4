"""The envelope of an event: CloudEvents 1.0 attributes, and what Trunkline adds to them."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a handler may know of its event besides the payload. When it was recorded is not part of it."""

    id: str
    """The id: partition and position of the log that it was first written to."""
    source: str
    """Who emitted it: `/shop/Wallet/ada`."""
    type: str
    """The wire type: `attempted_purchase`."""
    subject: str
    """The routing key that its listeners agree on, if they do."""
    time: datetime
    """When it happened (UTC): a turn's `self.now`."""
    dataschema: str
    """`attempted_purchase/1`: wire type and version."""
    sequence: str
    """Its position in the log that it was first written to."""
    partitionkey: str
    """The subject, under the name that CloudEvents has for it."""
    correlationid: str
    """The id of the origin event."""
    causationid: str
    """The id of the event whose handling emitted it; empty for an origin event."""
    hops: int
    """Emissions since the origin event, or since the timer that began its chain."""
    traceparent: str
    """The W3C trace that its chain belongs to, or an empty string."""


class EnvelopeUnavailable(BaseException):
    """The event has no id yet: its turn ran ahead of the log. The runtime catches this and runs the turn later.

    Not an `Exception`, so that a handler's own `except Exception` does not swallow it.
    """
