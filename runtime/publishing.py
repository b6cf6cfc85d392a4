"""The publishes of all threads and tasks of a client become one stream of batches.

Any thread may hand an event in; a token comes with it, which is told the result: a future of asyncio's or of
`concurrent.futures`, or a place in a `Bulk`. Everything else happens in the client's event loop. A thread wakes the
loop only if it is not about to look anyway, so that handing in costs a microsecond when many do it.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from typing import NewType

import msgspec

from actors.errors import TrunklineError
from runtime.core.messages import Publish, PublishBatch, PublishReply, Taken, encode, id_text
from runtime.core.outbox import FOREVER, GivenUp, Outbox
from runtime.errors import JournalError, KeyReused, OutcomeUnknown, Overloaded
from runtime.line import Line, Link
from runtime.shells.link import LinkLost

EventId = NewType("EventId", str)
"""`partition-position`: where the event stands in the log that it was first written to."""

HANDED_MAX = 16_000
"""Events that may wait for their answer in one client: eight batches, which is more than the router is ever behind."""
PAUSE = 0.02
"""Seconds before what was refused is offered again: doubled each time, up to PAUSE_MAX."""
PAUSE_MAX = 0.5

_REPLY = msgspec.msgpack.Decoder(PublishReply)


class Bulk:
    """The results of many events that were handed in together: their ids in order, or the first error.

    The thread that hands them in calls `place`; all else is called in the client's loop.
    """

    def __init__(self, finished: Callable[["Bulk"], None]) -> None:
        self.ids: list[EventId] = []
        self.error: BaseException | None = None
        self.taken = 0
        self._finished = finished
        self._told = 0
        self._complete = False

    def place(self) -> tuple["Bulk", int]:
        """A token for the next event."""
        self.ids.append(EventId(""))
        return self, len(self.ids) - 1

    def complete(self) -> None:
        """No more will be handed in."""
        self._complete = True
        self._look()

    def told(self, index: int, id: EventId) -> None:
        self.ids[index] = id
        self.taken += 1
        self._told += 1
        if self._complete:
            self._look()

    def failed(self, error: BaseException) -> None:
        self.error = self.error or error
        self._told += 1
        if self._complete:
            self._look()

    def _look(self) -> None:
        if self._told == len(self.ids):
            self._finished(self)

    def result(self) -> list[EventId]:
        """The ids. Raises the first error, with a note that says how many were taken."""
        if self.error is None:
            return self.ids
        self.error.add_note(f"  {self.taken:,} of the {len(self.ids):,} events handed in were taken.")
        raise self.error


Token = asyncio.Future[EventId] | Future[EventId] | tuple[Bulk, int]


class Publishing:
    """What a client publishes, from the threads that hand it in to the link."""

    def __init__(self, line: Line, client: str) -> None:
        self._loop = asyncio.get_running_loop()
        self._line = line
        self._link: Link | None = None
        self._outbox: Outbox[Token] = Outbox(client)
        self._handed: deque[tuple[Publish, Token, float]] = deque()
        self._called = False
        self._load = 0
        """Of the outbox, as last seen: other threads may read it."""
        self._room: list[asyncio.Future[None]] = []
        self._flushing: list[tuple[int, asyncio.Future[None]]] = []
        """Who waits until so many of all that was ever offered are answered."""
        self._pause = PAUSE
        self._resuming: asyncio.TimerHandle | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at = FOREVER
        self._sending: set[asyncio.Task[None]] = set()
        self._ended: TrunklineError | None = None
        line.on_open, line.on_lost, line.on_end = self._opened, self._lost, self._end

    # ------------------------------------------------------------ from any thread

    @property
    def crowded(self) -> bool:
        """Too much waits: `room` should be awaited before more is handed in."""
        return self._load + len(self._handed) >= HANDED_MAX

    def must_run(self) -> None:
        """Raise what ended it."""
        if self._ended is not None:
            raise self._ended

    def disown(self, error: TrunklineError) -> None:
        """Nothing is sent from here any more, nor is it known what became of what was handed in."""
        self._ended = error

    def hand(self, item: Publish, token: Token, timeout: float) -> None:
        """Take an event, behind all that this thread has handed in before. `timeout` is in seconds."""
        if self._ended is not None:
            # Its loop may run no longer.
            _fail(token, self._ended)
            return
        self._handed.append((item, token, self._loop.time() + timeout))
        # The loop clears the flag before it empties the queue: who finds it set knows that the loop is still to look.
        if not self._called:
            self._called = True
            self._loop.call_soon_threadsafe(self._take)

    # ------------------------------------------------------------ in the loop

    def _take(self) -> None:
        self._called = False
        handed, offer = self._handed, self._outbox.offer
        while handed:
            item, token, deadline = handed.popleft()
            if self._ended is not None:
                _fail(token, self._ended)
            elif type(token) is tuple or not token.done():  # type: ignore[union-attr]
                offer(item, token, deadline)
        self._pump()

    def _pump(self) -> None:
        """Send what may be sent; look who waits for what."""
        outbox, link = self._outbox, self._link
        if link is not None:
            while (sent := outbox.next_batch()) is not None:
                task = self._loop.create_task(self._send(link, *sent))
                self._sending.add(task)
                task.add_done_callback(self._sending.discard)
        self._load = len(outbox)
        if self._room and self._load + len(self._handed) <= HANDED_MAX // 2:
            _release(self._room)
        if self._flushing:
            self._look_who_is_flushed()
        if outbox.next_deadline < self._alarm_at:
            self._set_alarm()
        if outbox.paused and self._resuming is None:
            self._resuming = self._loop.call_later(self._pause, self._resume)
            self._pause = min(self._pause * 2, PAUSE_MAX)

    async def _send(self, link: Link, ticket: int, batch: PublishBatch) -> None:
        try:
            reply = _REPLY.decode(await link.ask("publish", encode(batch)))
        except LinkLost:
            self._line.lost(link)
            return
        except TrunklineError as error:
            # A journal that has no room, or can't be written, says so itself: waiting would not help.
            nothing_taken = isinstance(error, JournalError)
            for token, known in self._outbox.failed(ticket, nothing_taken=nothing_taken):
                _fail(token, error if known is GivenUp.NOT_TAKEN else _unknown("the runtime failed", error))
        else:
            results = self._outbox.replied(ticket, reply)
            if not reply.refused:
                self._pause = PAUSE
                for token, taken, id in results:
                    if taken <= Taken.REPEATED:
                        _tell(token, EventId(id_text(id)))
                    else:
                        _fail(token, _key_reused(id))
        self._pump()

    def _opened(self, link: Link) -> None:
        self._link = link
        self._outbox.opened()
        self._pump()

    def _lost(self) -> None:
        self._link = None
        self._outbox.lost()

    def _resume(self) -> None:
        self._resuming = None
        self._outbox.resume()
        self._pump()

    def _set_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm_at = self._outbox.next_deadline
        self._alarm = None if self._alarm_at == FOREVER else self._loop.call_at(self._alarm_at, self._expire)

    def _expire(self) -> None:
        for token, known in self._outbox.expire(max(self._loop.time(), self._alarm_at)):
            _fail(token, _overloaded() if known is GivenUp.NOT_TAKEN else _unknown("no answer came in time"))
        self._alarm_at = FOREVER
        self._set_alarm()
        self._pump()

    def complete_soon(self, bulk: Bulk) -> None:
        """`complete`, from any thread."""
        self._loop.call_soon_threadsafe(self.complete, bulk)

    def complete(self, bulk: Bulk) -> None:
        """All of a bulk is handed in; called in the loop after its last event was."""
        self._take()
        bulk.complete()

    async def room(self, timeout: float) -> None:
        """Wait until much less waits for its answer.

        Raises:
            Overloaded: that took longer than `timeout` seconds.
        """
        if self._ended is not None or not self.crowded:
            return
        future = self._loop.create_future()
        self._room.append(future)
        try:
            async with asyncio.timeout(timeout):
                await future
        except TimeoutError as error:
            raise _overloaded() from error

    async def flush(self) -> None:
        """Wait until everything that was handed in before is answered or given up."""
        self._take()
        if self._outbox.settled < self._outbox.offered:
            future = self._loop.create_future()
            self._flushing.append((self._outbox.offered, future))
            await future

    def _look_who_is_flushed(self) -> None:
        settled = self._outbox.settled
        waiting, self._flushing = self._flushing, []
        for number, future in waiting:
            if settled < number:
                self._flushing.append((number, future))
            elif not future.done():
                future.set_result(None)

    def drop_cancelled(self) -> None:
        """Some futures were cancelled: their events are not sent, if they were not yet."""
        self._outbox.drop(_is_cancelled)
        self._pump()

    def _end(self, error: TrunklineError) -> None:
        """The client closes, or its runtime is gone."""
        self._ended = error
        self._link = None
        for token, known in self._outbox.abandon():
            _fail(token, error if known is GivenUp.NOT_TAKEN else _unknown("the client ended", error))
        for timer in (self._alarm, self._resuming):
            if timer is not None:
                timer.cancel()
        self._load = 0
        _release(self._room)
        self._take()


def _is_cancelled(token: Token) -> bool:
    # What was handed in together goes together, whoever still waits for it.
    return type(token) is not tuple and token.cancelled()  # type: ignore[union-attr]


def _tell(token: Token, id: EventId) -> None:
    if type(token) is tuple:
        token[0].told(token[1], id)
        return
    try:
        token.set_result(id)  # type: ignore[union-attr]
    except (InvalidStateError, asyncio.InvalidStateError):
        """Cancelled: nobody waits for it."""


def _fail(token: Token, error: BaseException) -> None:
    if type(token) is tuple:
        token[0].failed(error)
        return
    try:
        token.set_exception(error)  # type: ignore[union-attr]
    except (InvalidStateError, asyncio.InvalidStateError):
        """Cancelled: nobody waits for it."""


def _release(waiting: list[asyncio.Future[None]]) -> None:
    for future in waiting:
        if not future.done():
            future.set_result(None)
    waiting.clear()


def _overloaded() -> Overloaded:
    return Overloaded(
        "the event was not taken: the runtime was full, or starting again, for the whole timeout",
        hint="publish it again later; or give it more time with timeout=.",
    )


def _unknown(what: str, why: BaseException | None = None) -> OutcomeUnknown:
    error = OutcomeUnknown(
        f"the event was sent, and {what}: it may have been taken",
        hint="publish it again with the same idempotency_key, which takes it once; or ask has(event_type, key, "
        "routing_key).",
    )
    error.__cause__ = why
    return error


def _key_reused(id: int) -> KeyReused:
    return KeyReused(
        f"the idempotency key was used before, with another payload, by event {id_text(id)}",
        hint="give another event another key; to repeat one, publish the very same payload.",
    )
