"""A publisher's process: the client's own outbox over links that break and routers that die."""

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from actors import Event
from runtime.core.messages import PublishReply, Taken
from runtime.core.outbox import GivenUp, Outbox
from runtime.simulation.frames import NotWritten, Published, Publishing, Replied
from runtime.simulation.network import Link
from runtime.simulation.process import Process

if TYPE_CHECKING:
    from runtime.simulation.world import World


class Order(NamedTuple):
    """Something that a user wants published."""

    number: int
    event: Event
    key: str | None = None
    time: int | None = None
    after_us: int = 0
    """How long after the client's start the user wants it."""
    awaits: tuple[str, ...] = ()
    """For a request: the event types that answer it."""


class Ack(NamedTuple):
    """What a client was told: from then on it is a promise."""

    order: Order
    client: str
    taken: Taken
    id: int


class ClientProcess(Process):
    """One life of a client."""

    def __init__(self, world: "World", name: str, orders: list[Order]) -> None:
        super().__init__(world.scheduler, name)
        self._world = world
        self._outbox: Outbox[Order] = Outbox(name, batch_items=world.profile.batch)
        self._open_orders = {order.number: order for order in orders}
        self._requests: dict[int, Order] = {}
        """Ticket → the request that was sent under it."""
        self._link: Link | None = None
        for order in orders:
            self.later(order.after_us, partial(self._offer, order))
        self._look()

    @property
    def done(self) -> bool:
        """Everything it has to say is answered."""
        return not self._open_orders

    def unanswered(self) -> list[Order]:
        """What nobody has confirmed."""
        return list(self._open_orders.values())

    def _offer(self, order: Order) -> None:
        self._outbox.offer(self._world.encode(order), order, await_types=order.awaits)
        self._send()

    def _look(self) -> None:
        """Look for a router, until there is one."""
        if self.done:
            return
        router = self._world.some_router()
        if router is None:
            self._look_later()
            return
        self._link = self._world.link(self, router)
        self._outbox.opened()
        self._send()

    def _look_later(self) -> None:
        self.later(self.scheduler.between(1, self._world.profile.think_us), self._look)

    def _send(self) -> None:
        while self._link is not None and (batch := self._outbox.next_batch()) is not None:
            self._link.send(self, Publishing(*batch))

    def lost(self, link: Link) -> None:
        if link is self._link:
            self._link = None
            self._outbox.lost()
            self._look_later()

    def received(self, link: Link, frame: object) -> None:
        if link is not self._link:
            return
        if isinstance(frame, Published):
            self._published(frame.ticket, frame.reply)
        elif isinstance(frame, NotWritten):
            self._not_written(frame.ticket)
        elif isinstance(frame, Replied):
            self._world.history.replied(frame.root, frame.type, frame.id)

    def _published(self, ticket: int, reply: PublishReply) -> None:
        for order, taken, event_id in self._outbox.replied(ticket, reply):
            del self._open_orders[order.number]
            self._world.history.acked(Ack(order, self.name, taken, event_id))
        self._go_on()

    def _not_written(self, ticket: int) -> None:
        """The router had no room: what cannot have been taken is wanted again; of the rest, what has a key."""
        again = []
        for order, known in self._outbox.failed(ticket, nothing_taken=True):
            if known is GivenUp.NOT_TAKEN or order.key is not None:
                again.append(order)
            else:
                del self._open_orders[order.number]
                self._world.history.abandoned([order])
        for order in again:
            self.later(self.scheduler.between(1, self._world.profile.restart_us), partial(self._offer, order))
        self._go_on()

    def _go_on(self) -> None:
        if self._outbox.paused:
            self.later(self.scheduler.between(1, self._world.profile.restart_us), self._resume)
        self._send()

    def _resume(self) -> None:
        self._outbox.resume()
        self._send()
