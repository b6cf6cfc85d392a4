"""`AsyncRuntime`: a running app, seen from one event loop. `runtime.blocking` is the same for threads."""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import suppress
from datetime import datetime
from types import TracebackType
from typing import Any, Literal, TypeVar, overload

import msgspec

from actors.aggregate import Aggregate
from actors.app import App
from actors.errors import TrunklineError
from actors.event import Event
from actors.handler import Key
from runtime.core.plan import Placement
from runtime.embedded import node_lost
from runtime.encode import Encoder
from runtime.errors import DrainTimeout, NotRunning, Unreachable
from runtime.handing import hand_many
from runtime.interrupts import held_back
from runtime.launching import Connector, Running, in_thread, join, launch
from runtime.line import Connect, Line
from runtime.publishing import EventId, Publishing
from runtime.reading import DeadLetter, Reading, Recorded
from runtime.requesting import Requesting
from runtime.shells.clock import Clock
from runtime.source import RunningApp
from runtime.wire import Codec

A = TypeVar("A", bound=Aggregate)
R = TypeVar("R", bound=Event)

CLOSE_PATIENCE = 10.0
"""Seconds that `close` gives events that were published with wait=False."""
LOOK = 0.25
"""Seconds that a drain takes at least, to be answered that nothing is pending."""
LOOK_AT_NODE = 0.5


class DeadLetters:
    """What could not be handled, and waits for somebody to decide."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    async def list(self) -> list[DeadLetter]:
        """All of them, in the order of their place in the log."""
        return await self._reading.dead_letters()

    async def retry(self, letter: DeadLetter) -> bool:
        """Handle it again, and then what is held behind it. False: it was decided already."""
        return await self._reading.decide(letter, "retry")

    async def skip(self, letter: DeadLetter) -> bool:
        """Go on without it: its instance handles what is held behind it. False: it was decided already."""
        return await self._reading.decide(letter, "skip")


class AsyncRuntime:
    """A running app. All times are in seconds; what is acknowledged is durable.

    Belongs to the event loop that it was started in. Made by `start` or `attach`, not by its constructor.
    """

    def __init__(
        self,
        app: App,
        partitions: int,
        connect: Connect,
        *,
        client: str | None = None,
        journal: str = "",
        end: Callable[[bool], None] = lambda stop: None,
        processes: Callable[[], dict[str, int]] = dict,
        codec: Codec | None = None,
        embedded: bool = False,
    ) -> None:
        client = client or secrets.token_hex(6)
        self.app = app
        self.journal = journal
        """Where the journal is: an absolute path, or a URL."""
        self.end = end
        """Leaves the app itself, and Ray; blocks. True: ends the app for everyone."""
        self._processes = processes
        self._closed = False
        self._loop = asyncio.get_running_loop()
        self.encoder = Encoder(app.catalogue, partitions, codec=codec)
        self._line = Line(connect)
        self.publishing = Publishing(self._line, client)
        self.reading = Reading(RunningApp(self._line), app, codec)
        self._requesting = Requesting(self._line, self.reading, client)
        self.dead_letters = DeadLetters(self.reading)
        self._watch = self._loop.create_task(self._watch_node()) if embedded else None
        self._line.open()

    # ------------------------------------------------------------ life

    @classmethod
    async def start(
        cls,
        app: App,
        *,
        journal: str | os.PathLike[str] | None = None,
        address: str | None = None,
        placement: Placement | None = None,
        clock: Clock | None = None,
        lifetime: Literal["driver", "detached"] = "driver",
        partitions: int | None = None,
        run_on: bool = True,
    ) -> "AsyncRuntime":
        """Start an app, on its journal if it has one already.

        Args:
            journal: a path, or a URL as SQLAlchemy writes it; by default `<app>.db` in the working directory
                (`~/.trunkline/<app>.db` in a submitted job). `memory://` keeps nothing: when the router's process dies,
                all that was acknowledged is gone, and the app goes on from nothing. For trials and tests.
            address: of a Ray cluster. Without it the Ray that this process has is used, and left up; without that,
                `ray.init()` is called.
            placement: overrides for all classes what they say: "dedicated" gives each instance a Ray actor of its own.
            clock: what the runtime takes for the time.
            lifetime: "driver": the app ends with this process, however that ends; "detached": with `stop()`.
            partitions: fixed when the journal is made (64 by default).
            run_on: a host may run an emitted event's turn before it is committed. No result depends on it.

        Raises:
            AlreadyRunning: the app, or another one on this journal, runs.
            JournalError: the journal can't be used; or has work left for a class that the app no longer has.
            CodeError: the app's code does not reach the processes that are to run it, or is another one there.
            StartFailed: a process did not come up.
            TrunklineError: an option means nothing.
        """
        running = await in_thread(
            launch,
            app,
            journal=journal,
            address=address,
            placement=placement,
            clock=clock,
            lifetime=lifetime,
            partitions=partitions,
            run_on=run_on,
        )
        return cls.of(running)

    @classmethod
    async def attach(cls, app: App | str, *, address: str | None = None) -> "AsyncRuntime":
        """Join an app that runs: given itself, or by its name, with the code it was started with.

        Args:
            address: of its Ray cluster. Without it the Ray that this process has is searched, else RAY_ADDRESS, else
                the one that it runs on on this machine.

        Raises:
            NotRunning: there is none.
            CodeError: its code can't be loaded in this process.
        """
        return cls.of(await in_thread(join, app, address=address))

    @classmethod
    def of(cls, running: Running) -> "AsyncRuntime":
        """A client of an app that was launched or joined, in the running event loop."""
        client = secrets.token_hex(6)
        where = running.where
        return cls(
            running.app,
            where["partitions"],
            Connector(running, client),
            client=client,
            journal=where["journal"],
            end=running.end,
            processes=running.processes,
            embedded=True,
        )

    async def close(self) -> None:
        """Leave the app. One with lifetime "driver" that was started here ends; another goes on.

        What was published with wait=False is awaited first, up to 10 s.
        """
        await self._close(False, CLOSE_PATIENCE)

    async def stop(self) -> None:
        """End the app for everyone, whatever its lifetime, and leave it. The next start goes on from its journal."""
        await self._close(True, CLOSE_PATIENCE)

    async def _close(self, stop: bool, patience: float) -> None:
        if not self._closed:
            with held_back():
                await self.leave(patience)
                await asyncio.to_thread(self.end, stop)

    async def leave(self, patience: float) -> None:
        """End the link, after what was handed in is answered, or `patience` seconds. The app is left as it is."""
        self._closed = True
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self.publishing.flush()
        self._line.end(self._closed_error())
        if self._watch is not None:
            self._watch.cancel()

    def _closed_error(self) -> NotRunning:
        return NotRunning(f"this runtime of app {self.app.name!r} is closed", hint="start it, or attach to it.")

    async def __aenter__(self) -> "AsyncRuntime":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self._close(False, CLOSE_PATIENCE if error is None else 1.0)

    async def _watch_node(self) -> None:
        """An embedded runtime ends with its Ray node, and says so at once."""
        while True:
            lost = node_lost()
            if lost is not None:
                self._line.end(lost)
                return
            await asyncio.sleep(LOOK_AT_NODE)

    # ------------------------------------------------------------ publish

    @overload
    async def publish(
        self,
        event: Event,
        *,
        idempotency_key: str | None = None,
        time: datetime | None = None,
        timeout: float = 60.0,
        wait: Literal[True] = True,
    ) -> EventId: ...
    @overload
    async def publish(
        self,
        event: Event,
        *,
        idempotency_key: str | None = None,
        time: datetime | None = None,
        timeout: float = 60.0,
        wait: Literal[False],
    ) -> "asyncio.Future[EventId]": ...
    @overload
    async def publish(
        self, event: Iterable[Event], *, time: datetime | None = None, timeout: float = 60.0, wait: Literal[True] = True
    ) -> list[EventId]: ...
    @overload
    async def publish(
        self, event: Iterable[Event], *, time: datetime | None = None, timeout: float = 60.0, wait: Literal[False]
    ) -> "asyncio.Future[list[EventId]]": ...
    async def publish(
        self,
        event: Event | Iterable[Event],
        *,
        idempotency_key: str | None = None,
        time: datetime | None = None,
        timeout: float = 60.0,
        wait: bool = True,
    ) -> "EventId | list[EventId] | asyncio.Future[EventId] | asyncio.Future[list[EventId]]":
        """Make an event durable; return its id. Handlers run later.

        Of an iterable the ids, in order: it is streamed in batches, in log order within a partition. What the tasks of
        a process publish at the same time is gathered. With wait=False a future is returned as soon as the event is on
        its way (which waits while thousands are).

        A key is accepted once for event type and routing key: a repeat changes nothing and returns the first id.

        Args:
            time: when it happened (aware); by default the moment it is taken.
            timeout: seconds for each event, over restarts of the runtime.

        Raises:
            EventRejected, BadKey: it is not one to be published, or something is wrong with it. Nothing was sent, nor
                of the list that it is in; of another iterable what came before is published: a note says how many.
            KeyReused: the key was used with another payload.
            Overloaded: it was not taken in time. Nothing was written.
            OutcomeUnknown: it was sent, and no answer came in time.
        """
        if isinstance(event, Event):
            item = self.encoder.encode(event, idempotency_key, time)
            if self.publishing.crowded:
                await self.publishing.room(timeout)
            future: asyncio.Future[EventId] = self._loop.create_future()
            self.publishing.hand(item, future, timeout)
            return await self._result(future) if wait else future
        ids: asyncio.Future[list[EventId]] = self._loop.create_future()
        for _ in hand_many(self.publishing, self.encoder.encode, event, idempotency_key, time, timeout, ids):
            await self.publishing.room(timeout)
        if not wait:
            # Let them go before the caller makes the next.
            await asyncio.sleep(0)
        return await self._result(ids) if wait else ids

    async def _result(self, future: "asyncio.Future[Any]") -> Any:
        try:
            return await future
        except asyncio.CancelledError:
            self.publishing.drop_cancelled()
            raise

    async def request(
        self, event: Event, *replies: type[R], idempotency_key: str | None = None, timeout: float = 30.0
    ) -> R:
        """Publish an event, and return the first event of these classes that it leads to, however indirectly.

        A key is accepted once, as for `publish`: a repeat changes nothing, and returns what the first one led to.

        Raises:
            RequestTimeout: no such event came within `timeout` seconds. What was published stays so.
            Overloaded: it was not taken within `timeout` seconds.
            EventRejected, BadKey, KeyReused: as for `publish`; or no handler emits one of the replies.
        """
        if not replies:
            raise TrunklineError("a request needs a reply to wait for", hint="request(event, SomeReply, OtherReply).")
        types = self.reading.names.replies(replies)
        item = self.encoder.encode(event, idempotency_key)
        entry = await self._requesting.request(item, tuple(sorted(types)), timeout)
        reply = self.reading.recorded(entry).event
        assert isinstance(reply, replies)
        return reply

    # ------------------------------------------------------------ look

    async def get(self, cls: type[A], id: Key | None = None) -> A | None:
        """A copy of an instance's committed state, at once. A singleton needs no id.

        None only if the instance has handled no keyed event yet, or has retired. With `shares=` both classes see it.

        Raises:
            BadKey: no instance can have this id.
        """
        return await self.reading.get(cls, id)

    async def instances(self, cls: type[Aggregate]) -> AsyncIterator[str]:
        """The ids of the live instances of a class, in the order of their text."""
        async for page in self.reading.instance_pages(cls):
            for id in page:
                yield id

    async def tail(
        self, *types: type[Event] | str, since: datetime | EventId | None = None, follow: bool = False
    ) -> AsyncIterator[Recorded]:
        """What was recorded, oldest first: of one partition in log order, of several by when it was recorded.

        Args:
            types: only these event classes (a base class stands for its subclasses) or wire types; all by default.
            since: begin at what was recorded at this moment (aware), or after this event; by default at the first.
            follow: go on with what is recorded from now on, for ever.
        """
        async for page in self.reading.tail_pages(types, since, follow):
            for recorded in page:
                yield recorded

    async def chain(self, id: EventId) -> list[Recorded]:
        """An event and all that it led to so far, causes before effects.

        Raises:
            EventRejected: there is no such event.
        """
        return await self.reading.chain(id)

    async def has(self, event_type: type[Event] | str, key: str, routing_key: Key | None = None) -> bool:
        """Was an event of this type with this idempotency key taken? It is durable then.

        After `OutcomeUnknown` it tells what became of the event; it waits for one that is being written.

        `routing_key` is the key that its listeners agree on, mostly an aggregate's id. It is left out if there is none,
        or if only a singleton listens. Of a class its own type is meant, and none of its subclasses'.

        Raises:
            TrunklineError: events of this type have a routing key each, and none was given.
        """
        return await self.reading.has(event_type, key, routing_key)

    async def drain(self, timeout: float | None = None, *, timers: bool = False) -> None:
        """Wait until all that was published before, by anyone, and what followed is handled, parked or held.

        Works over restarts. Ticks and schedules do not count; with `timers=True` it waits for pending timers as well.

        Raises:
            DrainTimeout: that took longer than `timeout` seconds (None: no limit).
        """
        if timeout is not None and timeout < 0:
            raise TrunklineError(
                f"timeout={timeout:g} has no meaning", hint="0 s looks whether all is handled; None has no limit."
            )
        try:
            async with asyncio.timeout(None if timeout is None else max(timeout, LOOK)):
                await self.publishing.flush()
                await self._line.ask("drain", b"timers" if timers else b"")
        except TimeoutError as error:
            raise DrainTimeout(
                f"after {timeout:g} s {await self._pending()}",
                hint="give it more time with timeout=; see dead_letters.list() for what can't be handled.",
            ) from error

    async def _pending(self) -> str:
        with suppress(Unreachable, NotRunning):
            status = await self.status(timeout=1.0)
            return f"{status['pending']:,} deliveries and {status['timers']:,} timers are pending"
        return "the runtime does not answer"

    async def processes(self) -> dict[str, int]:
        """The process ids of the app's Ray actors, by their names in Ray: `shop:Router`, `shop:host-0`, ..."""
        if self._closed:
            raise self._closed_error()
        return await asyncio.to_thread(self._processes)

    async def status(self, timeout: float = 60.0) -> dict[str, Any]:
        """Counts and places of the running app, for people: no promise is made about what stands in it."""
        found: dict[str, Any] = msgspec.msgpack.decode(await self._line.ask("status", timeout=timeout))
        return found
