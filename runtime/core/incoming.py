"""Where an event is handled, it is made again from what a log holds; the counterpart of `outgoing`."""

from datetime import timedelta

from actors.aggregate import EPOCH
from actors.catalogue import Catalogue, EventPlan
from actors.envelope import Envelope
from actors.errors import EventRejected
from actors.event import Event, decode_event
from runtime.core.messages import POSITION_MASK, Call, Delivery, id_text
from runtime.core.rows import Entry
from runtime.fields import codec_of
from runtime.wire import Body, Codec, decode_body


class Incoming:
    """Reads bodies for one app."""

    def __init__(self, catalogue: Catalogue, codec: Codec | None = None, app: str = "") -> None:
        self._events = catalogue.events
        codec = codec_of(catalogue, codec)
        self._open = None if codec is None else codec.open
        self._source = f"/{app}/" if app else ""

    def read(self, type: str, data: bytes) -> tuple[EventPlan, Body, Event]:
        """The event of a stored body.

        Raises:
            EventRejected: it can't be read by this code.
        """
        plan = self._events.get(type)
        if plan is None:
            raise EventRejected(
                f"{type} is no event of this app any longer",
                hint=f"let the class that it was renamed to have name={type!r}; or start the version that knows it.",
            )
        body = decode_body(data)
        payload = body.data if self._open is None else self._open(type, body.data)
        return plan, body, decode_event(plan.cls, payload, body.version)

    def envelope(self, event: Delivery | Call | Entry, plan: EventPlan, body: Body) -> Envelope:
        """What a handler may know of an event besides its payload: nothing that another place or time would change."""
        return Envelope(
            id=id_text(event.id),
            source=self._source + body.source,
            type=event.type,
            subject=body.subject,
            time=EPOCH + timedelta(microseconds=event.time),
            dataschema=f"{event.type}/{plan.version}",
            sequence=str(event.id & POSITION_MASK),
            partitionkey=body.subject,
            correlationid=id_text(event.root),
            causationid=id_text(event.cause) if event.cause else "",
            hops=body.hops,
            traceparent=body.trace,
        )
