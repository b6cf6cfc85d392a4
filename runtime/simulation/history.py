"""What the outside world saw of a history: acknowledgements, replies, ends of drains, calls to gateways, their effects.

Promises that can be judged at the moment they are given are judged here, against what is durable at that moment.
"""

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from runtime.core.messages import Call, CallDone, CallKind, Emission, Outcome, Taken, id_text
from runtime.core.rows import Entry, Status, local_targets
from runtime.simulation.client import Ack, Order
from runtime.simulation.violation import require
from runtime.wire import decode_body

if TYPE_CHECKING:
    from runtime.simulation.world import World


class History:
    """Grows as the world is told things."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self.orders: dict[int, Order] = {}
        """All that users wanted, by number."""
        self.acks: list[Ack] = []
        self.lost_orders: set[int] = set()
        """Orders of dead clients that nobody will send again: taken or not, nobody was told."""
        self.effects: Counter[str] = Counter()
        """By idempotency key: how often the outside world was changed."""
        self.excused: set[str] = set()
        """Idempotency keys of what may be done twice."""
        self.retried: set[tuple[int, str]] = set()
        """(at, gateway) of dead letters that a person has tried again."""
        self.answers: dict[tuple[int, str], list[tuple[Emission, ...]]] = {}
        """(event id, gateway) → what each of its calls has answered."""
        self.begun: set[tuple[int, str, int]] = set()
        """(at, gateway, attempt)"""
        self.calls: Counter[tuple[int, str]] = Counter()
        """Calls proper begun, by delivery."""
        self.replies = 0
        self.drains = 0

    # ------------------------------------------------------------ clients

    def acked(self, ack: Ack) -> None:
        """A client was told what became of an order: that is durable by now."""
        order = ack.order
        self._world.scheduler.note(f"ack {order.number} {ack.taken.name} {id_text(ack.id)}")
        self.acks.append(ack)
        require(ack.taken != Taken.FENCED, "acknowledged events are durable", f"order {order.number} was fenced")
        entry = self._world.store.entry(ack.id)
        where = f"order {order.number}, {ack.taken.name} as {id_text(ack.id)}"
        require(entry is not None, "acknowledged events are durable", f"{where}, is not in the log")
        assert entry is not None
        if ack.taken == Taken.NEW:
            # A number stays with its client: another client's entry under this id is another event.
            require(entry.client == ack.client, "acknowledged events are durable", f"{where}, is {entry.client}'s")

    def scope(self, order: Order) -> bytes | None:
        """What its key is looked up by: it holds for an event type and a routing key."""
        return self._world.encode(order).key

    def abandoned(self, orders: Iterable[Order]) -> None:
        """A client died, and its user will not come back with these."""
        self.lost_orders |= {order.number for order in orders}

    def acknowledged(self) -> list[int]:
        """The ids that clients were told."""
        return sorted({ack.id for ack in self.acks if ack.taken in (Taken.NEW, Taken.REPEATED)})

    def replied(self, root: int, type: str, event_id: int) -> None:
        """A request got its reply."""
        self.replies += 1
        entry = self._world.store.entry(event_id)
        require(
            entry is not None and entry.root == root and entry.type == type,
            "a reply is durable, and of the request's chain",
            f"{id_text(root)} was answered with {type} {id_text(event_id)}",
        )

    # ------------------------------------------------------------ drains

    def drained(self, before: list[int], *, timers: bool) -> None:
        """All that was acknowledged before the drain began is handled, parked or held, with all that followed."""
        self.drains += 1
        store = self._world.store
        wanted = set(before)
        held: dict[str, int] = {}
        for row in store.deliveries.values():
            if row.status == Status.PARKED:
                held[row.address] = min(row.at, held.get(row.address, row.at))
        # A call may be answered with no event.
        silent = {delivery for delivery, answers in self.answers.items() if () in answers}
        answered = silent | {
            (e.cause, decode_body(e.body).source) for log in store.log.values() for e in log if e.at == e.id
        }
        followed = set(before)
        for entry in self._in_order():
            if entry.at == entry.id and entry.cause in followed and entry.cause:
                fired = decode_body(entry.body).hops == 0
                if not fired or timers:
                    followed.add(entry.id)
        for log in store.log.values():
            for entry in log:
                if entry.id in followed:
                    self._handled(entry, held, answered, wanted)
        if timers:
            left = [timer for timer in store.timers.values() if timer.address not in held]
            require(not left, "a drain ends when all is done", f"{len(left)} timers are pending")

    def _in_order(self) -> list[Entry]:
        """Every log's entries, causes before effects."""
        entries = [entry for log in self._world.store.log.values() for entry in log if entry.at == entry.id]
        children: dict[int, list[Entry]] = {}
        for entry in entries:
            children.setdefault(entry.cause, []).append(entry)
        found: list[Entry] = []
        front = children.get(0, [])
        while front:
            found += front
            front = [child for entry in front for child in children.get(entry.id, ())]
        return found

    def _handled(self, entry: Entry, held: dict[str, int], answered: set[tuple[int, str]], wanted: set[int]) -> None:
        for _, address in local_targets(entry):
            what = f"{id_text(entry.at)} ({entry.type}) at {address}"
            if "/" not in address:
                if address in self._world.app.catalogue.gateways:
                    done = (entry.id, address) in answered or address in held
                    require(done, "a drain ends when all is done", f"{what} has no answer")
                continue
            row = self._world.store.instances.get(address)
            done = (row is not None and row.cursor >= entry.at) or held.get(address, entry.at + 1) <= entry.at
            require(done, "a drain ends when all is done", f"{what} is not handled")

    # ------------------------------------------------------------ gateways

    def call_begun(self, call: Call) -> None:
        """A gateway begins an attempt: its start is durable, and no attempt is begun twice."""
        begun = (call.at, call.gateway, call.attempt)
        what = f"{call.gateway} at {id_text(call.at)}, attempt {call.attempt}"
        require(begun not in self.begun, "an attempt is begun once", what)
        self.begun.add(begun)
        if call.kind == CallKind.CALL:
            self.calls[call.at, call.gateway] += 1
        row = self._world.store.deliveries.get((call.at, call.gateway))
        # No row, or one that says more, is what a stopped process finds when it wakes long after.
        durable = row is None or row.attempt >= call.attempt
        require(durable, "an attempt's start is durable before the call", what)

    def effect(self, call: Call, *, failed: bool = False, zombie: bool = False) -> None:
        """The outside world is changed. `failed`: and the router is told that it is not.

        Once, unless the handler is idempotent or says that it failed. Nothing can be promised of a process that was
        stopped, replaced, and woken (`zombie`), nor of what a person has tried again.
        """
        key = call.key
        handler = self._world.app.catalogue.gateways[call.gateway].handlers[call.type]
        if zombie or failed or (call.at, call.gateway) in self.retried:
            self.excused.add(key)
        elif not handler.idempotent and key not in self.excused:
            what = f"{call.gateway} at {id_text(call.at)}, attempt {call.attempt}"
            require(not self.effects[key], "what may have been done is not repeated", what)
        self.effects[key] += 1

    def call_ended(self, call: Call, done: CallDone) -> None:
        """A call is answered, whether or not the router hears of it."""
        if done.outcome == Outcome.ANSWERED:
            self.answers.setdefault((call.id, call.gateway), []).append(done.emitted)

    def took_effect(self, call: Call) -> bool:
        return self.effects[call.key] > 0
