"""An event from outside becomes what a router takes: checked, routed, digested, in bytes.

All that can be wrong with an event is found here, in the caller's own stack, before anything is sent.
"""

import random
from collections.abc import Callable
from contextvars import ContextVar
from datetime import datetime
from hashlib import blake2b
from zlib import crc32

from pydantic import ValidationError
from pydantic_core import PydanticSerializationError

from actors.aggregate import EPOCH, MICROSECOND
from actors.catalogue import Catalogue, EventPlan
from actors.errors import EventRejected, TrunklineError
from actors.event import Event, check_size
from runtime.core.messages import Publish
from runtime.core.outgoing import Outgoing
from runtime.core.partition import partition_of
from runtime.wire import Codec

KEY_MAX = 1024
"""Characters of an idempotency key."""
SOURCE = "client"

traceparent: ContextVar[str] = ContextVar("trunkline_traceparent", default="")
"""The seam for tracing: a W3C traceparent set here goes into what this context publishes, and follows the chain.

With OpenTelemetry: fill it from `TraceContextTextMapPropagator().inject(carrier)` where a span begins.
"""


def key_digest(event_type: str, routing_key: str, key: str) -> bytes:
    """What an idempotency key is looked up by: it is scoped by event type and routing key."""
    # Neither a wire type nor a routing key holds a NUL, so no two triples give the same bytes.
    return blake2b(f"{event_type}\0{routing_key}\0{key}".encode(), digest_size=16).digest()


def time_us(time: datetime) -> int:
    """A moment in µs since the epoch.

    Raises:
        EventRejected: it has no zone, so it names no moment.
    """
    if not isinstance(time, datetime):
        raise EventRejected(f"time={time!r} is no datetime", hint="time=datetime.now(UTC).")
    if time.tzinfo is None or time.utcoffset() is None:
        raise EventRejected(
            f"time={time.isoformat()} has no zone, so it names no moment",
            hint="datetime.now(UTC), or time.replace(tzinfo=...).",
        )
    return (time - EPOCH) // MICROSECOND


class Encoder:
    """Makes `Publish` records for one app. May be used from several threads."""

    def __init__(
        self,
        catalogue: Catalogue,
        partitions: int,
        *,
        codec: Codec | None = None,
        draw: Callable[[], float] = random.random,
        source: str = SOURCE,
    ) -> None:
        """`draw` gives a number in [0, 1): the partition of an event that nothing else places."""
        self._catalogue = catalogue
        self._partitions = partitions
        self._outgoing = Outgoing(catalogue, partitions, codec)
        self._draw = draw
        self._source = source

    def encode(self, event: Event, idempotency_key: str | None = None, time: datetime | None = None) -> Publish:
        """What is to be sent for an event; the outbox numbers it.

        Raises:
            EventRejected: it is no event of this app, not one to be published, malformed or too large; or the key or
                the time is none.
            BadKey: its routing key can't be one.
        """
        plan = self._catalogue.plan(event)
        if not plan.origin:
            raise _no_origin(plan)
        data = self._payload(plan, event)
        try:
            _, place, body = self._outgoing.origin(event, source=self._source, trace=traceparent.get(), data=data)
        except TrunklineError:
            raise
        except Exception as error:
            raise EventRejected(
                f"the routing key of {event!r} can't be worked out: {type(error).__name__}: {error}",
                hint="mend the function in key=...; it gets the event, and gives a str, an int, a UUID, or several.",
            ) from error
        key = digest = None
        subject = place.subject
        if idempotency_key is not None:
            check_key(idempotency_key)
            key = key_digest(plan.type, subject, idempotency_key)
            digest = blake2b(data, digest_size=16).digest()
        if subject:
            partition = partition_of(subject, self._partitions)
        elif idempotency_key is not None:
            partition = crc32(f"{plan.type}\0{idempotency_key}".encode()) % self._partitions
        else:
            partition = int(self._draw() * self._partitions)
        at = None if time is None else time_us(time)
        return Publish(partition, 0, plan.type, at, place.targets, body, key, digest)

    def _payload(self, plan: EventPlan, event: Event) -> bytes:
        """The event as JSON, which reads back as the same event: what nobody could handle later is refused now."""
        cls = plan.cls
        try:
            data = cls.__pydantic_serializer__.to_json(event, warnings=False)
            check_size(event, data)
            again = cls.__pydantic_validator__.validate_json(data)
        except (PydanticSerializationError, ValidationError) as error:
            raise EventRejected(
                f"this {cls.__name__} could not be read back from its JSON: {error}",
                hint=f"make it with {cls.__name__}(...), which checks its fields, and change nothing in it later.",
            ) from error
        if again.__dict__ != event.__dict__:
            raise _not_the_same(cls, event, again)
        return data


def check_key(key: str) -> None:
    """Raises EventRejected: it can't be an idempotency key."""
    if not isinstance(key, str) or not 0 < len(key) <= KEY_MAX or not key.isprintable():
        shown = repr(key) if len(repr(key)) < 80 else repr(key)[:77] + "..."
        raise EventRejected(
            f"{shown} can't be an idempotency key: a printable text of 1 to {KEY_MAX} characters",
            hint="the id of the order, request or message that the event stands for.",
        )


def _no_origin(plan: EventPlan) -> EventRejected:
    name = plan.cls.__name__
    who = f"{plan.owner} emits it" if plan.owner else "the runtime emits it"
    return EventRejected(
        f"{name} can't be published: it is no origin event, {who}\n  at {plan.cls.__trunkline__.where}",
        hint=f"publish the event that leads to it; or class {name}(Event, origin=True), emitted by no handler.",
    )


def _not_the_same(cls: type[Event], event: Event, again: Event) -> EventRejected:
    differs = [name for name, value in event.__dict__.items() if again.__dict__.get(name) != value]
    name = differs[0] if differs else next(iter(again.__dict__), "?")
    return EventRejected(
        f"this {cls.__name__} would be read back as another: {name} is {event.__dict__.get(name)!r}, and comes back as "
        f"{again.__dict__.get(name)!r}",
        hint=f"give {cls.__name__}.{name} a value of the field's own type, and no subclass of it.",
    )
