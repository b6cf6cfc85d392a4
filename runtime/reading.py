"""What people ask of a running app: states, events, dead letters. Read from the journal: only what is durable.

The questions go to the router's process and are answered from the journal in a thread of its own, so that nobody who
looks keeps an event waiting.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from heapq import heapify, heappop, heapreplace
from typing import Any, TypeVar

import msgspec

from actors.aggregate import EPOCH, Aggregate
from actors.app import App
from actors.catalogue import GroupPlan, plain_key
from actors.errors import BadKey, EventRejected, TrunklineError
from actors.event import Event, decode_event
from actors.handler import Key
from actors.turn import Instance
from runtime.core.messages import (
    DeliveryRow,
    Entry,
    Failure,
    InstanceRow,
    Status,
    encode,
    id_text,
    parse_id,
)
from runtime.encode import check_key, key_digest, time_us
from runtime.fields import codec_of
from runtime.line import Line
from runtime.publishing import EventId
from runtime.wire import Codec, Plain, decode_body

A = TypeVar("A", bound=Aggregate)

PAGE = 500
LOOK_AGAIN = (0.03, 0.3)
"""Seconds between two looks for new events, while they come and when none come."""
PATIENCE = 60.0
"""Seconds that a question waits for a router that starts again."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event as it stands in the log, for people and tools."""

    id: EventId
    type: str
    """The wire type."""
    time: datetime
    """When it happened (UTC)."""
    recorded: datetime
    """When it was written down (UTC)."""
    source: str
    """Who emitted it: `Wallet/ada`, `Payments`, `client`, `Heartbeat`."""
    subject: str
    """The routing key that its listeners agree on, or an empty string."""
    cause: EventId | None
    """The event whose handling emitted it; None: it came from outside."""
    correlation: EventId
    """The event from outside that its chain began with."""
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
    """Asks the journal of a running app."""

    def __init__(self, line: Line, app: App, codec: Codec | None = None) -> None:
        self._line = line
        self._app = app
        self._catalogue = app.catalogue
        self._codec = codec_of(app.catalogue, codec) or Plain()

    async def _ask(self, kind: Any, method: str, *arguments: Any, timeout: float = PATIENCE) -> Any:
        answer = await self._line.ask("read", encode((method, arguments)), timeout=timeout)
        return msgspec.msgpack.decode(answer, type=kind)

    # ------------------------------------------------------------ instances

    def _group(self, cls: type[Aggregate]) -> GroupPlan:
        group = self._catalogue.group_of.get(cls)
        if group is None:
            known = ", ".join(sorted(c.__name__ for c in self._catalogue.group_of)) or "none"
            name = getattr(cls, "__name__", repr(cls))
            raise TrunklineError(
                f"{name} is no aggregate of app {self._app.name!r}",
                hint=f"its aggregates are {known}; give the class itself, as the app was made with.",
            )
        return group

    async def get(self, cls: type[A], id: Key | None = None) -> A | None:
        group = self._group(cls)
        if group.singleton:
            if id is not None and str(id) != group.name:
                raise TrunklineError(f"{cls.__name__} is a singleton: it has no {id!r}", hint=f"get({cls.__name__}).")
            id = group.name
        elif id is None:
            raise TrunklineError(f"which {cls.__name__}?", hint=f"get({cls.__name__}, id).")
        id = id_of(id, cls.__name__)
        row: InstanceRow | None = await self._ask(InstanceRow | None, "instance", f"{group.name}/{id}")
        if row is None or not row.live:
            return None
        state = None if row.state is None else self._codec.open(group.name, row.state)
        found = Instance(group, id, state).objects()[group.classes.index(cls)]
        assert isinstance(found, cls)
        return found

    async def instance_pages(self, cls: type[Aggregate]) -> AsyncIterator[list[str]]:
        name = self._group(cls).name
        after = ""
        while True:
            rows: list[InstanceRow] = await self._ask(list[InstanceRow], "group", name, after, PAGE)
            yield [row.address.partition("/")[2] for row in rows]
            if len(rows) < PAGE:
                return
            after = rows[-1].address

    # ------------------------------------------------------------ idempotency keys

    async def has(self, event_type: type[Event] | str, key: str, routing_key: Key | None = None) -> bool:
        # Of a class its own type alone: a key is not shared with subclasses.
        self.types((event_type,))
        name = event_type if isinstance(event_type, str) else event_type.__trunkline__.name
        check_key(key)
        digest = key_digest(name, "" if routing_key is None else id_of(routing_key, name), key)
        answer = await self._line.ask("has", digest, timeout=PATIENCE)
        return msgspec.msgpack.decode(answer, type=bool)

    # ------------------------------------------------------------ events

    def types(self, wanted: Iterable[type[Event] | str]) -> frozenset[str]:
        """Wire types; a base class stands for its subclasses."""
        names: set[str] = set()
        for one in wanted:
            if not isinstance(one, str | type):
                raise EventRejected(
                    f"{one!r} is no event class and no wire type", hint="give them one by one: tail(First, Second)."
                )
            if isinstance(one, str):
                found = {one} & set(self._catalogue.events)
            else:
                found = {name for name, plan in self._catalogue.events.items() if issubclass(plan.cls, one)}
            if not found:
                raise EventRejected(
                    f"{one if isinstance(one, str) else one.__name__} is no event of app {self._app.name!r}",
                    hint=f"its events are {', '.join(sorted(self._catalogue.events))}.",
                )
            names |= found
        return frozenset(names)

    def recorded(self, entry: Entry) -> Recorded:
        """An entry of a log, for people."""
        body = decode_body(entry.body)
        event: Event | dict[str, Any]
        plan = self._catalogue.events.get(entry.type)
        data = self._codec.open(entry.type, body.data)
        try:
            event = msgspec.json.decode(data) if plan is None else decode_event(plan.cls, data, body.version)
        except EventRejected:
            event = msgspec.json.decode(data)
        return Recorded(
            EventId(id_text(entry.id)),
            entry.type,
            _moment(entry.time),
            _moment(entry.recorded),
            body.source,
            body.subject,
            EventId(id_text(entry.cause)) if entry.cause else None,
            EventId(id_text(entry.root)),
            event,
        )

    async def chain(self, id: EventId) -> list[Recorded]:
        entry = await self.entry(_parse(id))
        if entry is None:
            raise EventRejected(f"there is no event {id!r}", hint="an id is `partition-position`, as publish gives it.")
        found, front = [entry], [entry]
        while front:
            ids = [e.id for e in front]
            front = await self._ask(list[Entry], "caused_by", ids)
            found += front
        return [self.recorded(e) for e in found]

    async def tail_pages(
        self, types: tuple[type[Event] | str, ...], since: datetime | EventId | None, follow: bool
    ) -> AsyncIterator[list[Recorded]]:
        wanted = self.types(types)
        merge = _Merge(self)
        await merge.begin(since)
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
        rows: list[DeliveryRow] = await self._ask(list[DeliveryRow], "deliveries", int(Status.PARKED))
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
                    tuple(map(self.recorded, await self._causes(entry, known))),
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

    async def _causes(self, entry: Entry, known: dict[int, Entry]) -> list[Entry]:
        """What led to an event, the first of it first; `known` are entries that were read before."""
        found: list[Entry] = []
        cause = entry.cause
        while cause:
            before = known.get(cause) or await self.entry(cause)
            assert before is not None, "what led to an event stays in the log"
            known[cause] = before
            found.append(before)
            cause = before.cause
        return found[::-1]

    async def decide(self, letter: DeadLetter, what: str) -> bool:
        """Retry or skip a dead letter. False: it is none any longer."""
        answer = await self._line.ask(what, encode((letter.at, letter.address)), timeout=PATIENCE)
        return msgspec.msgpack.decode(answer, type=bool)

    async def first_of(self, root: int, types: tuple[str, ...]) -> Entry | None:
        """The first event of these types that an origin event led to, if it is there by now."""
        found: Entry | None = await self._ask(Entry | None, "of_root", root, types)
        return found

    # ------------------------------------------------------------ for the merge

    async def log(self, partition: int, after: int) -> list[Entry]:
        found: list[Entry] = await self._ask(list[Entry], "log", partition, after, PAGE)
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


class _Merge:
    """The logs of all partitions as one, by when they were recorded; each in its own order."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._after: dict[int, int] = {}
        self._skip_to: int | None = None
        """Nothing is news up to and with this entry."""

    async def begin(self, since: datetime | EventId | None) -> None:
        """Where to begin: at a moment, after an event, or at the first event there is."""
        if since is None:
            return
        heads = await self._reading.heads()
        if isinstance(since, datetime):
            moment = time_us(since)
        else:
            entry = await self._reading.entry(_parse(since))
            if entry is None:
                raise EventRejected(f"there is no event {since!r}", hint="since= is an id as publish gives it.")
            # What was recorded together is merged again from its beginning, in the same order, up to that event.
            moment, self._skip_to = entry.recorded, entry.at
        firsts = await asyncio.gather(*(self._reading.first_since(p, head, moment) for p, head in heads.items()))
        self._after = dict(zip(heads, firsts, strict=True))

    async def news(self) -> AsyncIterator[list[Entry]]:
        """What has been written since the last look, in pages."""
        found: list[Entry] = []
        heads = await self._reading.heads()
        moved = [p for p, head in heads.items() if head > self._after.get(p, 0)]
        pages = await asyncio.gather(*(self._page(p, heads[p]) for p in moved))
        heap = [(*_order(page[0]), page, 0) for page in pages if page]
        heapify(heap)
        while heap:
            _, _, at, page, index = heap[0]
            entry = page[index]
            if self._skip_to is not None:
                if entry.at == self._skip_to:
                    self._skip_to = None
            elif entry.at == entry.id:
                found.append(entry)
                if len(found) == PAGE:
                    yield found
                    found = []
            partition = at >> 40
            self._after[partition] = at & ((1 << 40) - 1)
            index += 1
            if index == len(page):
                page, index = await self._page(partition, heads[partition]), 0
            if page:
                heapreplace(heap, (*_order(page[index]), page, index))
            else:
                heappop(heap)
        if found:
            yield found

    async def _page(self, partition: int, head: int) -> list[Entry]:
        after = self._after.get(partition, 0)
        if after >= head:
            return []
        limit = (partition << 40) | head
        return [entry for entry in await self._reading.log(partition, after) if entry.at <= limit]


def id_of(key: Key, what: str) -> str:
    """A key as the text that addresses are made of.

    Raises:
        BadKey: it is none.
    """
    text = plain_key(key)
    if text is None:
        raise BadKey(
            f"{key!r} is no key of a {what}: a key is a str, an int or a UUID, not empty, without control characters",
            hint="give the value that its events carry.",
        )
    return text


def _order(entry: Entry) -> tuple[int, int, int]:
    """Among the next entries of several logs: the older first; of those recorded together causes before effects."""
    return entry.recorded, decode_body(entry.body).hops, entry.at


def _moment(us: int) -> datetime:
    return (EPOCH + timedelta(microseconds=us)).astimezone(UTC)


def _parse(id: str) -> int:
    try:
        return parse_id(id)
    except ValueError as error:
        raise EventRejected(
            f"{id!r} is no event id", hint="an id is `partition-position`, as publish gives it."
        ) from error
