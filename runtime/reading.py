"""What people ask of a running app: states, events, dead letters. Read from the journal: only what is durable.

The questions go to the router's process and are answered from the journal in a thread of its own, so that nobody who
looks keeps an event waiting.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import msgspec

from actors.aggregate import EPOCH, Aggregate
from actors.app import App
from actors.catalogue import EventPlan
from actors.errors import EventRejected, TrunklineError
from actors.event import Event, decode_event
from actors.handler import Key
from actors.turn import Instance
from runtime.core.messages import POSITION_MASK, Failure, id_text, parse_id
from runtime.core.rows import DeliveryRow, Entry, InstanceRow, Status, TimerRow
from runtime.encode import check_key, key_digest, time_us
from runtime.fields import codec_of
from runtime.journal.protocol import JournalInfo
from runtime.merging import PAGE, Merge
from runtime.names import Names, id_of
from runtime.publishing import EventId
from runtime.source import Source
from runtime.wire import Codec, Plain, decode_body

A = TypeVar("A", bound=Aggregate)

CHAIN_MAX = 200_000
"""Events of one chain that are given at once: an origin may cause half as many, and timers go on from there."""
LOOK_AGAIN = (0.03, 0.3)
"""Seconds between two looks for new events, while they come and when none come."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event as it stands in the log, for people and tools: its envelope, and what no handler sees of it."""

    id: EventId
    type: str
    """The wire type."""
    time: datetime
    """When it happened (UTC)."""
    recorded: datetime
    """When it was written down (UTC): in a log never earlier than what stands before it, whatever the clock did."""
    source: str
    """Who emitted it: `Wallet/ada`, `Payments`, `client`, `Heartbeat`."""
    handler: str
    """The handler that emitted it (`Wallet.grant`); empty: it came from outside."""
    subject: str
    """The routing key that its listeners agree on, or an empty string."""
    cause: EventId | None
    """The event whose handling emitted it; None: it came from outside."""
    correlation: EventId
    """The event from outside that its chain began with."""
    hops: int
    """Emissions since then, or since the timer that began its chain."""
    sequence: str
    """Its position in the log that it was first written to."""
    partitionkey: str
    """The subject, under the name that CloudEvents has for it."""
    dataschema: str
    """Wire type and version of what stands in `event`: `attempted_purchase/1`."""
    traceparent: str
    """The W3C trace that its chain belongs to, or an empty string."""
    event: Event | dict[str, Any]
    """The event; its payload as stored, if the app no longer knows its type or can't read it."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that an instance or a gateway could not handle, and is waiting for somebody to decide."""

    recorded: Recorded
    """The event."""
    causes: tuple[Recorded, ...]
    """What led to it: from the event from outside, that its chain began with, to the one that emitted it."""
    address: str
    """`Wallet/ada`, or the gateway's name."""
    error: str
    """The exception's class."""
    message: str
    traceback: str
    where: str
    """The handler and its file:line."""
    tries: int
    """Turns or calls that failed."""
    at: int
    """Where it stands in the log it was read from (an internal number)."""

    def __str__(self) -> str:
        return f"{self.recorded.id} {self.recorded.type} for {self.address}: {self.error}: {self.message}"


class Reading:
    """Asks the journal of an app, running or at rest. Without the app's code events are shown as they are stored."""

    def __init__(self, source: Source, app: App | None, codec: Codec | None = None) -> None:
        self._source = source
        self._ask = source.read
        self._app = app
        self._events: Mapping[str, EventPlan] = {} if app is None else app.catalogue.events
        self.names = Names(app)
        self._codec = codec or Plain() if app is None else codec_of(app.catalogue, codec) or Plain()

    def as_stored(self) -> "Reading":
        """The same, without the app's code."""
        return Reading(self._source, None)

    # ------------------------------------------------------------ instances

    async def get(self, cls: type[A], id: Key | None = None) -> A | None:
        group = self.names.group(cls)
        if group.singleton:
            if id is not None and str(id) != group.name:
                raise TrunklineError(f"{cls.__name__} is a singleton: it has no {id!r}", hint=f"get({cls.__name__}).")
            id = group.name
        elif id is None:
            raise TrunklineError(f"which {cls.__name__}?", hint=f"get({cls.__name__}, id).")
        id = id_of(id, cls.__name__)
        row = await self.instance(f"{group.name}/{id}")
        if row is None or not row.live:
            return None
        state = None if row.state is None else self._codec.open(group.name, row.state)
        found = Instance(group, id, state).objects()[group.classes.index(cls)]
        assert isinstance(found, cls)
        return found

    async def instance_pages(self, cls: type[Aggregate]) -> AsyncIterator[list[str]]:
        name = self.names.group(cls).name
        after = ""
        while True:
            rows: list[InstanceRow] = await self._ask(list[InstanceRow], "group", name, after, PAGE)
            yield [row.address.partition("/")[2] for row in rows]
            if len(rows) < PAGE:
                return
            after = rows[-1].address

    # ------------------------------------------------------------ idempotency keys

    async def has(self, event_type: type[Event] | str, key: str, routing_key: Key | None = None) -> bool:
        name = self.names.type_of(event_type)
        check_key(key)
        if routing_key is None:
            routing_key = self.names.only_key(name, key)
        return await self._source.has_key(
            key_digest(name, "" if routing_key is None else id_of(routing_key, name), key)
        )

    # ------------------------------------------------------------ events

    def recorded(self, entry: Entry) -> Recorded:
        """An entry of a log, for people."""
        body = decode_body(entry.body)
        event = self.payload(entry.type, entry.body)
        # What was read as an event was brought up to the code's version.
        version = type(event).__trunkline__.version if isinstance(event, Event) else body.version
        return Recorded(
            id=EventId(id_text(entry.id)),
            type=entry.type,
            time=moment_of(entry.time),
            recorded=moment_of(entry.recorded),
            source=body.source,
            handler=body.handler,
            subject=body.subject,
            cause=EventId(id_text(entry.cause)) if entry.cause else None,
            correlation=EventId(id_text(entry.root)),
            hops=body.hops,
            sequence=str(entry.id & POSITION_MASK),
            partitionkey=body.subject,
            dataschema=f"{entry.type}/{version}",
            traceparent=body.trace,
            event=event,
        )

    def payload(self, type: str, stored: bytes) -> Event | dict[str, Any]:
        """The event of a stored body; its JSON, if the code does not know its type or can't read it."""
        body = decode_body(stored)
        plan = self._events.get(type)
        data = self._codec.open(type, body.data)
        try:
            found: Event | dict[str, Any] = (
                msgspec.json.decode(data) if plan is None else decode_event(plan.cls, data, body.version)
            )
        except EventRejected:
            found = msgspec.json.decode(data)
        return found

    def state(self, row: InstanceRow) -> dict[str, dict[str, Any]]:
        """An instance's fields as JSON has them, by its classes; without code as they are stored, by the group's name.

        Raises:
            TurnError: the code can't read it.
        """
        name, _, id = row.address.partition("/")
        stored = None if row.state is None else self._codec.open(name, row.state)
        group = None if self._app is None else self._app.catalogue.groups.get(name)
        if group is None:
            return {name: {} if stored is None else msgspec.json.decode(stored)}
        objects = Instance(group, id, stored).objects()
        return {type(one).__name__: one.model_dump(mode="json") for one in objects}

    async def chain(self, id: EventId) -> list[Recorded]:
        entry = await self.found(id)
        return [self.recorded(e) for e in [entry, *await self.led_to(entry.id)]]

    async def found(self, id: str) -> Entry:
        """The entry of an event.

        Raises:
            EventRejected: there is none.
        """
        entry = await self.entry(parsed(id))
        if entry is None:
            raise EventRejected(f"there is no event {id!r}", hint="an id is `partition-position`, as publish gives it.")
        return entry

    async def led_to(self, id: int, limit: int = CHAIN_MAX) -> list[Entry]:
        """What an event led to so far, causes before effects; of more than `limit` those nearest to it."""
        found: list[Entry] = await self._ask(list[Entry], "led_to", id, limit)
        return found

    async def tail_pages(
        self, types: tuple[type[Event] | str, ...], since: datetime | EventId | None, follow: bool
    ) -> AsyncIterator[list[Recorded]]:
        wanted = self.names.types(types)
        merge = Merge(self)
        if isinstance(since, datetime):
            await merge.begin_at(time_us(since))
        elif since is not None:
            await merge.begin_after(await self.found(since))
        pause = LOOK_AGAIN[0]
        while True:
            any_new = False
            async for page in merge.news():
                any_new = True
                yield [self.recorded(entry) for entry in page if not wanted or entry.type in wanted]
            if not follow:
                return
            pause = LOOK_AGAIN[0] if any_new else min(pause * 2, LOOK_AGAIN[1])
            await asyncio.sleep(pause)

    # ------------------------------------------------------------ dead letters

    async def dead_letters(self) -> list[DeadLetter]:
        rows = await self.deliveries(Status.PARKED)
        entries = await asyncio.gather(*(self._ask(Entry | None, "entry", row.at) for row in rows))
        letters = []
        known: dict[int, Entry] = {}
        for row, entry in zip(rows, entries, strict=True):
            assert entry is not None, "a delivery's event stays in the log"
            failure = (
                msgspec.msgpack.decode(row.detail, type=Failure)
                if row.detail
                else Failure("", "nothing is known", "", "")
            )
            letters.append(
                DeadLetter(
                    self.recorded(entry),
                    tuple(map(self.recorded, await self.causes(entry, known))),
                    row.address,
                    failure.error,
                    failure.message,
                    failure.traceback,
                    failure.where,
                    row.tries,
                    row.at,
                )
            )
        return letters

    async def causes(self, entry: Entry, known: dict[int, Entry], limit: int = CHAIN_MAX) -> list[Entry]:
        """What led to an event, the first of it first; of more than `limit` the last. `known` were read before."""
        found: list[Entry] = []
        cause = entry.cause
        while cause and len(found) < limit:
            before = known.get(cause) or await self.entry(cause)
            assert before is not None, "what led to an event stays in the log"
            known[cause] = before
            found.append(before)
            cause = before.cause
        return found[::-1]

    async def decide(self, letter: DeadLetter, what: str) -> bool:
        """Retry or skip a dead letter. False: it is none any longer."""
        if not isinstance(letter, DeadLetter):
            raise TrunklineError(
                f"{letter!r} is no dead letter", hint="rt.dead_letters.list() gives them; `trunkline` takes their ids."
            )
        return await self._source.decide(what, letter.at, letter.address)

    async def first_of(self, root: int, types: tuple[str, ...]) -> Entry | None:
        """The first event of these types that an origin event led to, if it is there by now."""
        found: Entry | None = await self._ask(Entry | None, "of_root", root, types)
        return found

    # ------------------------------------------------------------ logs

    async def log(self, partition: int, after: int) -> list[Entry]:
        found: list[Entry] = await self._ask(list[Entry], "log", partition, after, PAGE)
        return found

    async def info(self) -> JournalInfo:
        found: JournalInfo = await self._ask(JournalInfo, "info")
        return found

    async def watermarks(self) -> dict[int, int]:
        found: dict[int, int] = await self._ask(dict[int, int], "watermarks")
        return found

    async def epochs(self) -> dict[int, int]:
        found: dict[int, int] = await self._ask(dict[int, int], "epochs")
        return found

    async def schedules(self) -> dict[str, int]:
        found: dict[str, int] = await self._ask(dict[str, int], "schedules")
        return found

    async def deliveries(self, status: Status | None = None) -> list[DeliveryRow]:
        found: list[DeliveryRow] = await self._ask(list[DeliveryRow], "deliveries", status)
        return found

    async def timers(self, address: str | None = None) -> list[TimerRow]:
        found: list[TimerRow] = await self._ask(list[TimerRow], "timers", address)
        return found

    async def instance(self, address: str) -> InstanceRow | None:
        found: InstanceRow | None = await self._ask(InstanceRow | None, "instance", address)
        return found

    async def listed(self, group: str | None, limit: int) -> list[InstanceRow]:
        """Live instances, of a group or of all, by address."""
        asked = ("of_app",) if group is None else ("group", group)
        found: list[InstanceRow] = await self._ask(list[InstanceRow], *asked, "", limit)
        return found

    async def instances(self, addresses: list[str]) -> dict[str, InstanceRow]:
        found: dict[str, InstanceRow] = await self._ask(dict[str, InstanceRow], "instances", addresses)
        return found

    async def latest(self, partition: int, before: int) -> list[Entry]:
        found: list[Entry] = await self._ask(list[Entry], "latest", partition, before, PAGE)
        return found

    async def heads(self) -> dict[int, int]:
        found: dict[int, int] = await self._ask(dict[int, int], "heads")
        return found

    async def entry(self, at: int) -> Entry | None:
        found: Entry | None = await self._ask(Entry | None, "entry", at)
        return found

    async def first_since(self, partition: int, head: int, recorded: int) -> int:
        """The position before the first that was recorded at `recorded` (µs) or later: they only rise in a log."""
        low, high = 0, head
        while low < high:
            middle = (low + high) // 2
            rows: list[Entry] = await self._ask(list[Entry], "log", partition, middle, 1)
            if rows and rows[0].recorded >= recorded:
                high = middle
            else:
                low = middle + 1
        return low


def moment_of(us: int) -> datetime:
    return (EPOCH + timedelta(microseconds=us)).astimezone(UTC)


def parsed(id: str) -> int:
    """A public event id, packed.

    Raises:
        EventRejected: it is none.
    """
    try:
        return parse_id(id)
    except ValueError as error:
        raise EventRejected(
            f"{id!r} is no event id", hint="an id is `partition-position`, as publish gives it."
        ) from error
