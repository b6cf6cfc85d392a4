"""A host's core: instances in memory, and the turns of their deliveries.

Theory of operation. The router says which instances this host holds: an activation carries an instance's committed
state and a number, and from then on the host's copy runs ahead of the journal, turn by turn. Each turn is answered with
its activation and its number among that activation's turns; the router commits it only if both are what it expects, so
this side may compute whatever it likes and needs no agreement with anybody. A turn that fails leaves no trace: the
instance is dropped, and what follows for it is ignored until it is activated again.

Running on: an event that a turn has just emitted is handled at once if the instance it goes to is held here and nothing
is left for it in this batch. Such a turn names the turn and the emission that it follows (`link`), since its event has
no place in a log yet. It is a guess at what the router would have sent next; a wrong one costs time and nothing else. A
guess that does not go through (it raises, or needs its event's id) is never told: the event comes the ordinary way.
"""

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import NoReturn

from msgspec.structs import replace

from actors.catalogue import Catalogue, EventPlan
from actors.envelope import EnvelopeUnavailable
from actors.event import Event
from actors.turn import Emitted, Instance, TurnResult
from runtime.core.failure import failure_of
from runtime.core.flat import goes_as_it_is, is_flat
from runtime.core.incoming import Incoming
from runtime.core.messages import Answer, DeliverBatch, Delivery, Emission, TurnDone, TurnFailed
from runtime.core.outgoing import Outgoing, timers_of
from runtime.core.partition import partition_of
from runtime.fields import codec_of
from runtime.wire import Body, Codec

STATE_SMALL = 4096
"""Bytes up to which a state goes with every turn; a larger one only with the last turn of its instance in an answer."""
CHAIN_MAX = 64
"""Turns run on after one delivery, so that no chain keeps others waiting."""
CHAIN_US = 10_000
"""µs after a batch came in which a turn may be run on, for the same reason: some fifty short turns, or one slow one."""


def still() -> int:
    """A clock that stands still: nothing takes any time."""
    return 0


class _Held:
    """An instance as activated here."""

    __slots__ = ("activation", "address", "group", "instance", "partition", "retired", "state", "turn")

    def __init__(self, address: str, activation: int, state: bytes | None, partitions: int) -> None:
        self.address = address
        self.activation = activation
        self.turn = 0
        self.state = state
        """As sent, until its first turn."""
        self.instance: Instance | None = None
        self.retired = False
        """Its last turn retired it: broadcasts are not for it."""
        self.group, _, key = address.partition("/")
        self.partition = partition_of(key, partitions)


class _Ahead:
    """An event that was emitted in this answer, and may be handled before it has a place in a log."""

    __slots__ = ("body", "emission", "emitted", "link", "partition")

    def __init__(self, link: tuple[int, int], emitted: Emitted, emission: Emission, body: Body, partition: int) -> None:
        self.link = link
        self.emitted = emitted
        self.emission = emission
        self.body = body
        self.partition = partition
        """Of the emitter: the log that it will stand in."""


class _Asked(Exception):
    """A handler asked for the id of an event that has none yet, whatever it then made of that."""


class HostCore:
    """The instances of one host."""

    def __init__(
        self,
        catalogue: Catalogue,
        partitions: int,
        *,
        run_on: bool = True,
        codec: Codec | None = None,
        app: str = "",
        clock: Callable[[], int] = still,
    ) -> None:
        """`clock` tells µs, of which only differences count: for how long chains are run on."""
        self._catalogue = catalogue
        self._partitions = partitions
        self._run_on = run_on
        self._clock = clock
        self._until = 0
        """The moment from which nothing more of this batch is run on."""
        self._codec = codec_of(catalogue, codec)
        self._incoming = Incoming(catalogue, codec, app)
        self._outgoing = Outgoing(catalogue, partitions, codec)
        self._held: dict[str, _Held] = {}
        self._number = 0
        self._needs_id: set[tuple[str, str]] = set()
        """(group, event type) whose turns ask for the event's id: they are not run on."""
        self._started = 0
        self._last_id = 0
        self._last: tuple[EventPlan, Body, Event] | None = None
        self._turns: list[TurnDone] = []
        self._large: dict[str, int] = {}
        """Turns of this answer with a large state, by address: a later one of the instance takes it over."""
        self.current: tuple[str, str, int, int] | None = None
        """(address, event type, `at`, a number that rises with each turn) of the turn under way, for a watchdog."""

    def __len__(self) -> int:
        return len(self._held)

    def reset(self) -> None:
        """Another router, or a new link: nothing is held any longer, and batches are numbered from 1.

        Nor is the last event: what was not committed is forgotten, and its id is given to another event.
        """
        self._held.clear()
        self._last = None
        self._number = 0

    def deliver(self, batch: DeliverBatch) -> Answer:
        """Run the turns of a batch, in order. A batch that came before is answered with nothing."""
        if batch.number <= self._number:
            return Answer(batch.number, ())
        self._number = batch.number
        held = self._held
        for address in batch.drops:
            held.pop(address, None)
        for a in batch.activations:
            held[a.address] = _Held(a.address, a.activation, a.state, self._partitions)
        turns = self._turns = []
        self._large = {}
        failed: list[TurnFailed] = []
        run_on = self._run_on and batch.run_on
        left: dict[str, int] = {}
        if run_on:
            self._until = self._clock() + CHAIN_US
            for delivery in batch.deliveries:
                left[delivery.address] = left.get(delivery.address, 0) + 1
        for delivery in batch.deliveries:
            address = delivery.address
            if run_on:
                left[address] -= 1
            h = held.get(address)
            if h is None or h.activation != delivery.activation:
                continue
            if h.retired and delivery.broadcast:
                turns.append(TurnDone(address, h.activation, h.turn, delivery.at))
                h.turn += 1
                continue
            try:
                ahead = self._turn(h, delivery, run_on)
            except (Exception, SystemExit) as error:
                del held[address]
                failed.append(TurnFailed(address, h.activation, delivery.at, failure_of(error)))
                continue
            if ahead:
                self._go_on(ahead, left, delivery.at)
        self.current = None
        return Answer(batch.number, tuple(turns), tuple(failed))

    # ------------------------------------------------------------ an ordinary turn

    def _turn(self, h: _Held, delivery: Delivery, run_on: bool) -> list[_Ahead] | None:
        """Handle a delivery; give what may be run on."""
        self._started += 1
        self.current = (delivery.address, delivery.type, delivery.at, self._started)
        if self._last is not None and self._last_id == delivery.id:
            plan, body, event = self._last
        else:
            read = plan, body, event = self._incoming.read(delivery.type, delivery.body)
            # An event with several listeners is decoded once, if they can't reach each other's state through it.
            self._last = read if is_flat(plan.cls) else None
            self._last_id = delivery.id
        instance = h.instance or self._open(h)
        result = instance.run(plan, event, delivery.time, partial(self._incoming.envelope, delivery, plan, body))
        return self._done(h, delivery.at, None, delivery.type, body, delivery.time, result, run_on)

    def _open(self, h: _Held) -> Instance:
        state = h.state
        if state is not None and self._codec is not None:
            state = self._codec.open(h.group, state)
        h.state = None
        h.instance = self._make(h, state)
        return h.instance

    def _make(self, h: _Held, state: bytes | None) -> Instance:
        return Instance(self._catalogue.groups[h.group], h.address.partition("/")[2], state)

    def _done(
        self,
        h: _Held,
        at: int,
        link: tuple[int, int] | None,
        type: str,
        body: Body,
        time: int,
        result: TurnResult,
        run_on: bool,
    ) -> list[_Ahead] | None:
        """Answer a turn that went through; give what may be run on."""
        turns, address = self._turns, h.address
        emitted = result.emitted
        emissions: list[Emission] = []
        bodies: list[Body] = []
        if result.timers:
            emissions, bodies, sets, cancels = timers_of(self._outgoing, type, body, address, time, result)
        else:
            sets, cancels = (), ()
            if emitted:
                emissions, bodies = self._outgoing.following(type, body, address, time, emitted)
        changed, state = result.changed, result.state
        if self._large or (state is not None and len(state) > STATE_SMALL):
            changed, state = self._weigh(h, link, result)
        if state is not None and self._codec is not None:
            state = self._codec.seal(h.group, state)
        index = len(turns)
        turns.append(
            TurnDone(
                address,
                h.activation,
                h.turn,
                at,
                link,
                tuple(emissions),
                sets,
                cancels,
                changed,
                state,
                result.retired,
            )
        )
        h.turn += 1
        h.retired = result.retired
        if not run_on or not emitted:
            return None
        return [
            _Ahead((index, number), e, emissions[number], bodies[number], h.partition)
            for number, e in enumerate(emitted)
            if emissions[number].targets and emissions[number].type == e.plan.type
        ]

    def _weigh(self, h: _Held, link: tuple[int, int] | None, result: TurnResult) -> tuple[bool, bytes | None]:
        """A large state goes out once, with the last of the instance's turns: (changed, state) for this one.

        Turns that ran on keep theirs, since they may be thrown away alone.
        """
        state, large = result.state, self._large
        if link is not None:
            return result.changed, state
        previous = large.pop(h.address, None)
        if previous is not None:
            self._turns[previous] = replace(self._turns[previous], state=None)
            if not result.changed and not result.retired:
                assert h.instance is not None
                state = h.instance.state
        if state is not None and len(state) > STATE_SMALL:
            large[h.address] = len(self._turns)
        return result.changed or previous is not None, state

    # ------------------------------------------------------------ running on

    def _go_on(self, ahead: list[_Ahead], left: dict[str, int], at: int) -> None:
        """Handle what was just emitted, breadth first, as far as the log's order is known to be the same.

        `left` counts what an instance (or a whole group, by a broadcast) has before it: events that came in this batch,
        and those that were not run on. Behind these nothing is run on.
        """
        queue = deque(ahead)
        room = CHAIN_MAX
        held = self._held
        while queue:
            event = queue.popleft()
            type = event.emission.type
            for where, address in event.emission.targets:
                h = held.get(address)
                if (
                    h is None
                    or where != event.partition
                    or not room
                    or left.get(address)
                    or left.get(h.group)
                    or (h.group, type) in self._needs_id
                    or self._clock() >= self._until
                ):
                    left[address] = left.get(address, 0) + 1
                    continue
                room -= 1
                following = self._guess(h, event, at)
                if following is None:
                    left[address] = left.get(address, 0) + 1
                else:
                    queue.extend(following)

    def _guess(self, h: _Held, ahead: _Ahead, at: int) -> list[_Ahead] | None:
        """One turn ahead of the log. None: it did not go through, and has left no trace."""
        emitted, plan = ahead.emitted, ahead.emitted.plan
        time = ahead.emission.time
        self._started += 1
        self.current = (h.address, plan.type, at, self._started)
        asked: list[bool] = []

        def envelope() -> NoReturn:
            asked.append(True)
            raise EnvelopeUnavailable

        instance = None
        before: bytes | None = None
        try:
            instance = h.instance or self._open(h)
            before = instance.state
            event = emitted.event
            if not goes_as_it_is(event):
                event = self._incoming.read(plan.type, ahead.emission.body)[2]
            result = instance.run(plan, event, time, envelope)
            if asked:
                raise _Asked
            return self._done(h, 0, ahead.link, plan.type, ahead.body, time, result, True) or []
        except (EnvelopeUnavailable, _Asked):
            self._needs_id.add((h.group, plan.type))
        except (Exception, SystemExit):
            pass  # It is tried again in its ordinary turn, and what it raises is told from there.
        if instance is not None:
            h.instance = self._make(h, before)
        return None
