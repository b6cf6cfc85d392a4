"""A publisher's process: batches of orders, resent over lost links and dead routers until each is answered."""

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from actors import Event
from runtime.core.messages import Publish, PublishBatch, Taken
from runtime.simulation.frames import Published, Publishing, Replied
from runtime.simulation.network import Link
from runtime.simulation.process import Process

if TYPE_CHECKING:
    from runtime.simulation.router import RouterProcess
    from runtime.simulation.world import World


class Order(NamedTuple):
    """Something that a user wants published."""

    number: int
    event: Event
    key: str | None = None
    time: int | None = None


class Ack(NamedTuple):
    """What a client was told: from then on it is a promise."""

    order: Order
    taken: Taken
    id: int
    moment: int


class _Sent:
    """A batch under way."""

    def __init__(self, ticket: int, orders: list[Order], items: list[Publish]) -> None:
        self.ticket = ticket
        self.orders = orders
        self.items = items


class ClientProcess(Process):
    """At most `window` batches in flight, in order; a refused one is tried again, with all that came after it."""

    def __init__(self, world: "World", name: str, orders: list[Order], *, window: int = 2) -> None:
        super().__init__(world.scheduler, name)
        self._world = world
        self._waiting = deque((order, world.publish(order)) for order in orders)
        self._window = window
        self._in_flight: deque[_Sent] = deque()
        self._refused = False
        self._again = False
        self._ticket = 0
        self._seq = 0
        self._link: Link | None = None
        self._again_at_once()

    @property
    def done(self) -> bool:
        """Everything it has to say is answered."""
        return not self._waiting and not self._in_flight

    def unanswered(self) -> list[Order]:
        """What nobody has confirmed."""
        return [order for sent in self._in_flight for order in sent.orders] + [order for order, _ in self._waiting]

    def _again_at_once(self) -> None:
        self.later(self.scheduler.between(1, self._world.profile.pause_us), self._step)

    def _step(self) -> None:
        if self.done:
            return
        if self._link is None:
            router = self._world.some_router()
            if router is not None:
                self._open(router)
        if self._link is not None and not self._refused:
            self._send_more()
        self.later(self.scheduler.between(1, self._world.profile.think_us), self._step)

    def _open(self, router: "RouterProcess") -> None:
        self._link = self._world.link(self, router)
        for sent in self._in_flight:
            self._link.send(self, self._frame(sent))

    def _send_more(self) -> None:
        if len(self._in_flight) >= self._window or not self._waiting or self._link is None:
            return
        count = min(len(self._waiting), self.scheduler.between(1, self._world.profile.batch))
        taken = [self._waiting.popleft() for _ in range(count)]
        items = []
        for _, item in taken:
            self._seq += 1
            items.append(msgspec.structs.replace(item, seq=self._seq))
        self._ticket += 1
        sent = _Sent(self._ticket, [order for order, _ in taken], items)
        self._in_flight.append(sent)
        self._link.send(self, self._frame(sent))

    def _frame(self, sent: _Sent) -> Publishing:
        again, self._again = self._again, False
        return Publishing(sent.ticket, PublishBatch(self.name, tuple(sent.items), again))

    def lost(self, link: Link) -> None:
        if link is self._link:
            self._link = None
            if self._refused:
                self._refused, self._again = False, True

    def received(self, link: Link, frame: object) -> None:
        if link is not self._link or not isinstance(frame, Published | Replied):
            return
        if isinstance(frame, Replied) or not self._in_flight or frame.ticket != self._in_flight[0].ticket:
            return
        if frame.reply.refused:
            self._refuse(link)
            return
        sent = self._in_flight.popleft()
        assert len(frame.reply.results) == len(sent.orders), "a reply for each event"
        for order, (taken, event_id) in zip(sent.orders, frame.reply.results, strict=True):
            self._world.history.acked(Ack(order, Taken(taken), event_id, self.scheduler.now))

    def _refuse(self, link: Link) -> None:
        """Those behind it are refused, too; after a while all of them go again, under new tickets."""
        if self._refused:
            return
        self._refused = True

        def retry() -> None:
            if self._link is not link or not self._refused:
                return
            self._refused, self._again = False, True
            for sent in self._in_flight:
                self._ticket += 1
                sent.ticket = self._ticket
                link.send(self, self._frame(sent))

        self.later(self.scheduler.between(1, self._world.profile.restart_us * 4), retry)
