"""A client's stream of events to one router: what to send next, what to send again, what became of each.

Theory of operation. Offered events wait in one queue, in the order in which they were offered. `next_batch` takes from
its head while fewer than `window` batches are unanswered, so that a batch gathers for as long as the ones before it are
under way: alone an event goes at once, under load a batch is large. An event is numbered when it is first sent, and
keeps its number whatever happens: the router takes a number once in each partition.

Two things undo a sending. A *refusal* says that nothing of a batch was taken, and then refuses what was sent behind it,
until a batch says `again`: nothing more is sent until all that is in flight is answered, then it goes back to the head
of the queue and, once the caller has paused (`resume`), out again. A *lost link* leaves open what became of the
unanswered: they go back to the head, too, and are marked uncertain. Numbers make sending them again safe. A refused
event keeps its number as well, since it may have been taken over an earlier link: fresh numbers would take it twice.

Hence what an event that is given up can be said to be: uncertain or in flight, it may have been taken; else it was not.
No clock, no I/O: times are numbers that the caller gives, in whatever unit it likes.
"""

from collections import deque
from collections.abc import Callable
from enum import Enum
from typing import Generic, TypeVar

from msgspec.structs import force_setattr

from runtime.core.messages import Publish, PublishBatch, PublishReply, Taken

T = TypeVar("T")

WINDOW = 2
"""Batches in flight: one that the router commits, one that waits in its socket."""
BATCH_ITEMS = 2000
BATCH_BYTES = 1_000_000
ITEM_BYTES = 100
"""What an event takes in a batch besides its body, about."""
FOREVER = float("inf")


class GivenUp(Enum):
    """What is known of an event that is no longer waited for."""

    NOT_TAKEN = "not taken"
    UNKNOWN = "unknown"
    """It was sent, and may have been taken."""


class Offer(Generic[T]):
    """One event on its way. `token` is the caller's: it comes back with the result."""

    __slots__ = ("await_types", "deadline", "given_up", "in_flight", "item", "number", "token", "uncertain")

    def __init__(self, number: int, item: Publish, token: T, deadline: float, await_types: tuple[str, ...]) -> None:
        self.number = number
        self.item = item
        self.token = token
        self.deadline = deadline
        self.await_types = await_types
        self.in_flight = False
        self.uncertain = False
        """It was sent over a link that was lost before the answer."""
        self.given_up = False


class _Batch(Generic[T]):
    __slots__ = ("offers", "refused")

    def __init__(self, offers: list[Offer[T]]) -> None:
        self.offers = offers
        self.refused = False


class Outbox(Generic[T]):
    """The events of one client for one router, until each is answered or given up."""

    def __init__(
        self,
        client: str,
        *,
        window: int = WINDOW,
        batch_items: int = BATCH_ITEMS,
        batch_bytes: int = BATCH_BYTES,
    ) -> None:
        self.client = client
        self._window = window
        self._batch_items = batch_items
        self._batch_bytes = batch_bytes
        self._waiting: deque[Offer[T]] = deque()
        self._flight: dict[int, _Batch[T]] = {}
        """By ticket, in the order sent. A refused batch stays until none is unanswered."""
        self._unanswered = 0
        self._open = False
        self._again = False
        """The next batch is the first after a refusal, or on a link."""
        self._paused = False
        self._ticket = 0
        self._seq = 0
        self.offered = 0
        """Events offered so far."""
        self.next_deadline = FOREVER
        """No event is due to be given up before this moment."""

    def __len__(self) -> int:
        """Events that are neither answered nor sent, and those in flight."""
        return len(self._waiting) + sum(len(batch.offers) for batch in self._flight.values())

    @property
    def settled(self) -> int:
        """Of the events offered, so many of the first are no longer under way."""
        for batch in self._flight.values():
            return batch.offers[0].number - 1
        for offer in self._waiting:
            if not offer.given_up:
                return offer.number - 1
        return self.offered

    @property
    def is_open(self) -> bool:
        """A link stands."""
        return self._open

    @property
    def paused(self) -> bool:
        """Refused: nothing is sent before `resume`."""
        return self._paused

    def offer(self, item: Publish, token: T, deadline: float = FOREVER, await_types: tuple[str, ...] = ()) -> Offer[T]:
        """Take an event, behind all that were offered before.

        One with `await_types` travels in a batch of its own, for its reply comes with the batch's.
        """
        assert item.seq == 0, "an event is offered once; its number is given here"
        self.offered += 1
        offer = Offer(self.offered, item, token, deadline, await_types)
        self._waiting.append(offer)
        if deadline < self.next_deadline:
            self.next_deadline = deadline
        return offer

    def next_batch(self) -> tuple[int, PublishBatch] | None:
        """A ticket and what is to be sent under it. None: nothing waits, or what was sent must be answered first."""
        if not self._open or self._paused or self._unanswered >= self._window:
            return None
        if self._unanswered != len(self._flight):
            return None  # A refusal: all that is in flight must be answered before anything goes again.
        offers: list[Offer[T]] = []
        items: list[Publish] = []
        waiting, room, size = self._waiting, self._batch_items, self._batch_bytes
        await_types: tuple[str, ...] = ()
        while waiting and room > 0 and size > 0:
            offer = waiting[0]
            if offer.given_up:
                waiting.popleft()
                continue
            if offer.await_types:
                if offers:
                    break
                await_types = offer.await_types
                room = 0
            waiting.popleft()
            item = offer.item
            if not item.seq:
                self._seq += 1
                # The event is still being made: nobody else has it yet. (A copy costs twice as much.)
                force_setattr(item, "seq", self._seq)
            offer.in_flight = True
            offers.append(offer)
            items.append(item)
            room -= 1
            size -= len(item.body) + ITEM_BYTES
        if not offers:
            return None
        self._ticket += 1
        self._flight[self._ticket] = _Batch(offers)
        self._unanswered += 1
        again, self._again = self._again, False
        return self._ticket, PublishBatch(self.client, tuple(items), again, await_types)

    def replied(self, ticket: int, reply: PublishReply) -> list[tuple[T, Taken, int]]:
        """The answer to a batch: for each of its events that is still waited for, what became of it and its id.

        Of a refused batch there are none. An answer that came over a lost link (its ticket is void) says nothing.
        """
        batch = self._flight.get(ticket)
        if batch is None or batch.refused:
            return []
        results = []
        if reply.refused:
            batch.refused = True
            for offer in batch.offers:
                offer.in_flight = False
        else:
            del self._flight[ticket]
            assert len(reply.results) == len(batch.offers), "a result for each event"
            results = [
                (offer.token, Taken(taken), event_id)
                for offer, (taken, event_id) in zip(batch.offers, reply.results, strict=True)
                if not offer.given_up
            ]
        self._answered()
        return results

    def failed(self, ticket: int, *, nothing_taken: bool) -> list[tuple[T, GivenUp]]:
        """The router answered a batch with an error: its events are given up, in order.

        `nothing_taken` says that the error rules out that the batch was taken.
        """
        batch = self._flight.get(ticket)
        if batch is None or batch.refused:
            return []
        del self._flight[ticket]
        for offer in batch.offers:
            offer.in_flight = not nothing_taken
        over = [(offer.token, self.give_up(offer)) for offer in batch.offers if not offer.given_up]
        self._answered()
        return over

    def _answered(self) -> None:
        self._unanswered -= 1
        if self._flight and not self._unanswered:
            self._put_back()
            self._paused = self._again = True

    def resume(self) -> None:
        """The pause after a refusal is over."""
        self._paused = False

    def opened(self) -> None:
        """A link stands. What was unanswered goes first."""
        self._open = self._again = True
        self._paused = False

    def lost(self) -> None:
        """The link is lost: what was in flight may have been taken. It goes again, first, under the same numbers."""
        self._open = False
        for batch in self._flight.values():
            if not batch.refused:
                for offer in batch.offers:
                    offer.uncertain = True
        self._unanswered = 0
        self._put_back()

    def give_up(self, offer: Offer[T]) -> GivenUp:
        """Wait no longer for an event: it is not sent (again). Says whether it may have been taken."""
        offer.given_up = True
        return GivenUp.UNKNOWN if offer.in_flight or offer.uncertain else GivenUp.NOT_TAKEN

    def drop(self, gone: Callable[[T], bool]) -> None:
        """Give up those that nobody waits for any longer."""
        for offers in (*(batch.offers for batch in self._flight.values()), self._waiting):
            for offer in offers:
                if gone(offer.token):
                    self.give_up(offer)

    def expire(self, now: float) -> list[tuple[T, GivenUp]]:
        """Give up every event whose deadline is past, in the order offered."""
        if now < self.next_deadline:
            return []
        over: list[tuple[T, GivenUp]] = []
        earliest = FOREVER
        for offers in (*(batch.offers for batch in self._flight.values()), self._waiting):
            for offer in offers:
                if offer.given_up:
                    continue
                if offer.deadline <= now:
                    over.append((offer.token, self.give_up(offer)))
                elif offer.deadline < earliest:
                    earliest = offer.deadline
        self.next_deadline = earliest
        if over:
            self._waiting = deque(offer for offer in self._waiting if not offer.given_up)
        return over

    def abandon(self) -> list[tuple[T, GivenUp]]:
        """Give up everything: the client closes."""
        self.next_deadline = FOREVER
        over = [
            (offer.token, self.give_up(offer))
            for offers in (*(batch.offers for batch in self._flight.values()), self._waiting)
            for offer in offers
            if not offer.given_up
        ]
        self._waiting.clear()
        return over

    def _put_back(self) -> None:
        """What is in flight goes to the head of the queue, in the order in which it was sent."""
        for batch in reversed(self._flight.values()):
            for offer in batch.offers:
                offer.in_flight = False
            self._waiting.extendleft(offer for offer in reversed(batch.offers) if not offer.given_up)
        self._flight.clear()
