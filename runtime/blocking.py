"""`Runtime`: the blocking face of `AsyncRuntime`, for threads. One event loop, in a thread of its own, serves all."""

import asyncio
import os
import threading
import weakref
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from datetime import datetime
from types import TracebackType
from typing import Any, Literal, TypeVar, overload

from actors.aggregate import Aggregate
from actors.app import App
from actors.errors import TrunklineError
from actors.event import Event
from actors.handler import Key
from runtime.client import CLOSE_PATIENCE, AsyncRuntime
from runtime.core.plan import Placement
from runtime.errors import NotRunning
from runtime.handing import hand_many
from runtime.launching import join, launch
from runtime.publishing import EventId
from runtime.reading import DeadLetter, Recorded
from runtime.shells.clock import Clock

A = TypeVar("A", bound=Aggregate)
R = TypeVar("R", bound=Event)
T = TypeVar("T")


class LoopThread:
    """An event loop in a daemon thread, for callers in other threads."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._closing = threading.Lock()
        self._closed = False
        self._forked: NotRunning | None = None
        self._thread = threading.Thread(target=self._serve, name="trunkline-client", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        self._loop.run_forever()
        # With what was called for until now; here, as the thread that closes it may run another loop.
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine there and wait for it here. Interrupted here, it is cancelled there.

        Raises:
            NotRunning: the loop is closed, or was closed meanwhile.
        """
        if threading.current_thread() is self._thread:
            coroutine.close()
            raise TrunklineError(
                "a blocking call was made in the runtime's own thread, which would wait for itself",
                hint="a future's callback must not block: hand on what it gets to another thread.",
            )
        with self._closing:
            if self._closed:
                coroutine.close()
                raise self._forked or _closed()
            future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return self.result(future, future.cancel)
        except CancelledError:
            if self._closed:
                raise _closed() from None
            raise

    def result(self, future: "Future[T]", abandon: Callable[[], Any]) -> T:
        """Wait for a future; call `abandon` if the wait is interrupted."""
        try:
            return future.result()
        except BaseException:
            if not future.done():
                abandon()
            raise

    def soon(self, function: Callable[..., Any], *arguments: Any) -> None:
        self._loop.call_soon_threadsafe(function, *arguments)

    def iterate(self, pages: AsyncIterator[list[T]]) -> Iterator[T]:
        """The items of an asynchronous iterator of pages."""
        try:
            while (page := self.run(_next(pages))) is not None:
                yield from page
        finally:
            with suppress(NotRunning):
                self.run(pages.aclose())  # type: ignore[attr-defined]

    def close(self) -> None:
        """End it. Whoever waits for something there gets `NotRunning`."""
        with self._closing:
            self._closed = True
        asyncio.run_coroutine_threadsafe(_cancel_others(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def disown(self, error: NotRunning) -> None:
        """It is not here: in a forked process there is no thread but the one that forked."""
        self._closing = threading.Lock()
        self._closed = True
        self._forked = error


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def _closed() -> NotRunning:
    return NotRunning("this runtime is closed", hint="start it, or attach to it.")


async def _next(pages: AsyncIterator[list[T]]) -> list[T] | None:
    return await anext(pages, None)


_runtimes: "weakref.WeakSet[Runtime]" = weakref.WeakSet()


def _after_fork() -> None:
    for runtime in list(_runtimes):
        runtime._disown(os.getppid())


os.register_at_fork(after_in_child=_after_fork)


class BlockingDeadLetters:
    """What could not be handled, and waits for somebody to decide."""

    def __init__(self, thread: LoopThread, client: AsyncRuntime) -> None:
        self._thread = thread
        self._letters = client.dead_letters

    def list(self) -> list[DeadLetter]:
        """All of them, in the order of their place in the log."""
        return self._thread.run(self._letters.list())

    def retry(self, letter: DeadLetter) -> bool:
        """Handle it again, and then what is held behind it. False: it was decided already."""
        return self._thread.run(self._letters.retry(letter))

    def skip(self, letter: DeadLetter) -> bool:
        """Go on without it: its instance handles what is held behind it. False: it was decided already."""
        return self._thread.run(self._letters.skip(letter))


class Runtime:
    """A running app, for any number of threads. All times are in seconds; what is acknowledged is durable.

    Each method does what `AsyncRuntime`'s of the same name does, and raises the same errors. Made by `start` or
    `attach`; a context manager, which closes it.
    """

    def __init__(self, client: AsyncRuntime, thread: LoopThread) -> None:
        self._client = client
        self._thread = thread
        self._closed = False
        self.app = client.app
        self.journal = client.journal
        """Where the journal is: an absolute path, or a URL."""
        self.dead_letters = BlockingDeadLetters(thread, client)
        _runtimes.add(self)

    # ------------------------------------------------------------ life

    @classmethod
    def start(
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
    ) -> "Runtime":
        """Start an app, on its journal if it has one already: see `AsyncRuntime.start`."""
        running = launch(
            app,
            journal=journal,
            address=address,
            placement=placement,
            clock=clock,
            lifetime=lifetime,
            partitions=partitions,
            run_on=run_on,
        )
        return cls._of(lambda: AsyncRuntime.of(running), running.end)

    @classmethod
    def attach(cls, app: App | str, *, address: str | None = None) -> "Runtime":
        """Join an app that runs on this Ray cluster: see `AsyncRuntime.attach`."""
        running = join(app, address=address)
        return cls._of(lambda: AsyncRuntime.of(running), running.end)

    @classmethod
    def _of(cls, make: Callable[[], AsyncRuntime], end: Callable[[bool], None] = lambda stop: None) -> "Runtime":
        async def made() -> AsyncRuntime:
            return make()

        thread = LoopThread()
        try:
            return cls(thread.run(made()), thread)
        except BaseException:
            thread.close()
            end(False)
            raise

    def close(self) -> None:
        """Leave the app. One with lifetime "driver" that was started here ends; another goes on."""
        self._close(False, CLOSE_PATIENCE)

    def stop(self) -> None:
        """End the app for everyone, whatever its lifetime, and leave it."""
        self._close(True, CLOSE_PATIENCE)

    def _close(self, stop: bool, patience: float) -> None:
        if self._closed:
            return
        self._closed = True
        try:
            self._thread.run(self._client.leave(patience))
        finally:
            # In the caller's thread: Ray is ended where it was begun.
            self._client.end(stop)
            self._thread.close()

    def _disown(self, parent: int) -> None:
        """In a forked process: the app goes on, and is the other process's to close."""
        error = NotRunning(
            f"this runtime of app {self.app.name!r} belongs to process {parent}, from which this one was forked",
            hint="start workers as processes of their own (multiprocessing's 'spawn'), and Runtime.attach() there.",
        )
        self._closed = True
        self._thread.disown(error)
        self._client.publishing.disown(error)

    def __enter__(self) -> "Runtime":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._close(False, CLOSE_PATIENCE if error is None else 1.0)

    # ------------------------------------------------------------ publish

    @overload
    def publish(
        self,
        event: Event,
        *,
        idempotency_key: str | None = None,
        time: datetime | None = None,
        timeout: float = 60.0,
        wait: Literal[True] = True,
    ) -> EventId: ...
    @overload
    def publish(
        self,
        event: Event,
        *,
        idempotency_key: str | None = None,
        time: datetime | None = None,
        timeout: float = 60.0,
        wait: Literal[False],
    ) -> "Future[EventId]": ...
    @overload
    def publish(
        self, event: Iterable[Event], *, time: datetime | None = None, timeout: float = 60.0, wait: Literal[True] = True
    ) -> list[EventId]: ...
    @overload
    def publish(
        self, event: Iterable[Event], *, time: datetime | None = None, timeout: float = 60.0, wait: Literal[False]
    ) -> "Future[list[EventId]]": ...
    def publish(
        self,
        event: Event | Iterable[Event],
        *,
        idempotency_key: str | None = None,
        time: datetime | None = None,
        timeout: float = 60.0,
        wait: bool = True,
    ) -> "EventId | list[EventId] | Future[EventId] | Future[list[EventId]]":
        """Make an event durable; return its id. Handlers run later. Of an iterable the ids, in order.

        With wait=False a `concurrent.futures.Future` is returned as soon as the event is on its way. See
        `AsyncRuntime.publish`.
        """
        client, publishing = self._client, self._client.publishing
        if isinstance(event, Event):
            item = client.encoder.encode(event, idempotency_key, time)
            if publishing.crowded:
                self._thread.run(publishing.room(timeout))
            future: Future[EventId] = Future()
            publishing.hand(item, future, timeout)
            return self._result(future) if wait else future
        ids: Future[list[EventId]] = Future()
        for _ in hand_many(publishing, client.encoder.encode, event, idempotency_key, time, timeout, ids):
            self._thread.run(publishing.room(timeout))
        return self._result(ids) if wait else ids

    def _result(self, future: "Future[T]") -> T:
        def abandon() -> None:
            future.cancel()
            self._thread.soon(self._client.publishing.drop_cancelled)

        return self._thread.result(future, abandon)

    def request(self, event: Event, *replies: type[R], idempotency_key: str | None = None, timeout: float = 30.0) -> R:
        """Publish an event, and return the first event of these classes that it leads to, however indirectly.

        A key is accepted once, as for `publish`: a repeat changes nothing, and returns what the first one led to.

        Raises:
            RequestTimeout: no such event came within `timeout` seconds. What was published stays so.
        """
        asking = self._client.request(event, *replies, idempotency_key=idempotency_key, timeout=timeout)
        return self._thread.run(asking)

    # ------------------------------------------------------------ look

    def get(self, cls: type[A], id: Key | None = None) -> A | None:
        """A copy of an instance's committed state, at once. A singleton needs no id.

        None: it handled no keyed event yet, or has retired.
        """
        return self._thread.run(self._client.get(cls, id))

    def instances(self, cls: type[Aggregate]) -> Iterator[str]:
        """The ids of the live instances of a class, in the order of their text."""
        return self._thread.iterate(self._client.reading.instance_pages(cls))

    def tail(
        self, *types: type[Event] | str, since: datetime | EventId | None = None, follow: bool = False
    ) -> Iterator[Recorded]:
        """What was recorded, oldest first: see `AsyncRuntime.tail`."""
        return self._thread.iterate(self._client.reading.tail_pages(types, since, follow))

    def chain(self, id: EventId) -> list[Recorded]:
        """An event and all that it led to so far, causes before effects."""
        return self._thread.run(self._client.chain(id))

    def has(self, event_type: type[Event] | str, key: str, routing_key: Key | None = None) -> bool:
        """Was an event of this type with this idempotency key taken? `routing_key` as for `AsyncRuntime.has`."""
        return self._thread.run(self._client.has(event_type, key, routing_key))

    def drain(self, timeout: float | None = None, *, timers: bool = False) -> None:
        """Wait until all that was published before, by anyone, and what followed is handled, parked or held.

        `timers=True` waits for pending timers as well; ticks and schedules do not count.

        Raises:
            DrainTimeout: that took longer than `timeout` seconds (None: no limit).
        """
        self._thread.run(self._client.drain(timeout, timers=timers))

    def processes(self) -> dict[str, int]:
        """The process ids of the app's Ray actors, by their names in Ray: `shop:Router`, `shop:host-0`, ..."""
        return self._thread.run(self._client.processes())

    def status(self, timeout: float = 60.0) -> dict[str, Any]:
        """Counts and places of the running app, for people: no promise is made about what stands in it."""
        return self._thread.run(self._client.status(timeout))
