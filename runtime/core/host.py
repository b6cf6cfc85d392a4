"""A host's core: instances in memory, and the turns of their deliveries.

Theory of operation. The router says which instances this host holds: an activation carries an instance's committed state
and a number, and from then on the host's copy runs ahead of the journal, turn by turn. Each turn is answered with its
activation and its number among that activation's turns; the router commits it only if both are what it expects, so this
side may compute whatever it likes and needs no agreement with anybody. A turn that fails leaves no trace: the instance
is dropped, and what follows for it is ignored until it is activated again.

Running on: an event that a turn has just emitted is handled at once if the instance it goes to is held here and nothing
is left for it in this batch. Such a turn names the turn and the emission that it follows (`link`), since its event has
no place in a log yet. It is a guess at what the router would have sent next; a wrong one costs time and nothing else. A
guess that does not go through (it raises, or needs its event's id) is never told: the event comes the ordinary way.
"""

from collections import deque
from functools import partial
from typing import NoReturn

from msgspec.structs import replace

from actors.aggregate import EPOCH
from actors.catalogue import Catalogue, EventPlan
from actors.envelope import Envelope, EnvelopeUnavailable
from actors.errors import StateTooLarge
from actors.event import Event, decode_event
from actors.turn import Emitted, Instance, TimerCancel, TurnResult
from runtime.core.failure import failure_of
from runtime.core.flat import is_flat
from runtime.core.messages import (
    Answer,
    CancelTimer,
    DeliverBatch,
    Delivery,
    Emission,
    SetTimer,
    TurnDone,
    TurnFailed,
)
from runtime.core.outgoing import HALTED, Outgoing
from runtime.core.partition import partition_of
from runtime.wire import Body, Codec, Plain, decode_body

STATE_MAX = 1 << 20
STATE_SMALL = 4096
"""Bytes up to which a state goes with every turn; a larger one with the last turn of its instance in an answer."""
CHAIN_MAX = 64
"""Turns run on after one delivery, so that no chain keeps others waiting."""


class _Held:
    """An instance as activated here."""

    __slots__ = ("activation", "address", "instance", "partition", "retired", "state", "turn")

    def __init__(self, address: str, activation: int, state: bytes | None, partitions: int) -> None:
        self.address = address
        self.activation = activation
        self.turn = 0
        self.state = state
        """As sent, until its first turn."""
        self.instance: Instance | None = None
        self.retired = False
        """Its last turn retired it: broadcasts are not for it."""
        self.partition = partition_of(address.partition("/")[2], partitions)


class _Next:
    """An event that was emitted in this answer and may be handled before it has a place in a log."""

    __slots__ = ("body", "emission", "emitted", "link", "partition")

    def __init__(
        self, link: tuple[int, int], emitted: Emitted, emission: Emission, body: Body, partition: int
    ) -> None:
        self.link = link
        self.emitted = emitted
        self.emission = emission
        self.body = body
        self.partition = partition


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
    ) -> None:
        self._catalogue = catalogue
        self._partitions = partitions
        self._run_on = run_on
        self._codec = None if codec is None or isinstance(codec, Plain) else codec
        self._outgoing = Outgoing(catalogue, partitions, codec)
        self._source = f"/{app}/" if app else ""
        self._held: dict[str, _Held] = {}
        self._number = 0
        self._needs_id: set[tuple[str, str]] = set()
        """(group, event type) whose turns ask for the event's id: they are not run on."""
        self._started = 0
        self._last: tuple[int, Body, Event] | None = None
        self.current: tuple[str, str, int, int] | None = None
        """(address, event type, `at`, a number that rises with each turn) of the turn under way, for a watchdog."""

    def __len__(self) -> int:
        return len(self._held)

    def reset(self) -> None:
        """Another router, or a new link: nothing is held any longer, and batches are numbered from 1."""
        self._held.clear()
        self._number = 0
        self._last = None

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
        turns: list[TurnDone] = []
        failed: list[TurnFailed] = []
        large: dict[str, int] = {}
        left: dict[str, int] | None = None
        if self._run_on and batch.run_on:
            left = {}
            for delivery in batch.deliveries:
                left[delivery.address] = left.get(delivery.address, 0) + 1
        for delivery in batch.deliveries:
            address = delivery.address
            if left is not None:
                left[address] -= 1
            h = held.get(address)
            if h is None or h.activation != delivery.activation:
                continue
            if h.retired and delivery.broadcast:
                turns.append(TurnDone(address, h.activation, h.turn, delivery.at))
                h.turn += 1
                continue
            try:
                following = self._turn(h, delivery, turns, large, left is not None)
            except (Exception, SystemExit) as error:
                del held[address]
                failed.append(TurnFailed(address, h.activation, delivery.at, failure_of(error)))
                continue
            if following and left is not None:
                self._run(following, turns, left, delivery.at)
        self.current = None
        return Answer(batch.number, tuple(turns), tuple(failed))

    # ------------------------------------------------------------ an ordinary turn

    def _turn(
        self, h: _Held, delivery: Delivery, turns: list[TurnDone], large: dict[str, int], follow: bool
    ) -> list[_Next] | None:
        """Handle a delivery; give what may be run on."""
        self._started += 1
        self.current = (delivery.address, delivery.type, delivery.at, self._started)
        plan = self._catalogue.events[delivery.type]
        last = self._last
        if last is not None and last[0] == delivery.id:
            body, event = last[1], last[2]
        else:
            body = decode_body(delivery.body)
            event = self._decode(plan, body)
            # An event with several listeners is decoded once, if they can't reach each other's state through it.
            self._last = (delivery.id, body, event) if is_flat(plan.cls) else None
        instance = h.instance or self._open(h)
        result = instance.run(plan, event, delivery.time, partial(self._envelope, delivery, plan, body))
        return self._done(h, delivery.at, None, delivery.type, body, delivery.time, result, turns, large, follow)

    def _decode(self, plan: EventPlan, body: Body) -> Event:
        data = body.data if self._codec is None else self._codec.open(plan.type, body.data)
        return decode_event(plan.cls, data, body.version)

    def _open(self, h: _Held) -> Instance:
        group, _, key = h.address.partition("/")
        state = h.state
        if state is not None and self._codec is not None:
            state = self._codec.open(group, state)
        instance = h.instance = Instance(self._catalogue.groups[group], key, state)
        h.state = None
        return instance

    def _envelope(self, delivery: Delivery, plan: EventPlan, body: Body) -> Envelope:
        return envelope_of(delivery, plan, body, self._source)

    def _done(
        self,
        h: _Held,
        at: int,
        link: tuple[int, int] | None,
        type: str,
        body: Body,
        time: int,
        result: TurnResult,
        turns: list[TurnDone],
        large: dict[str, int],
        follow: bool,
    ) -> list[_Next] | None:
        """Answer a turn that went through; give what may be run on."""
        address, state, changed = h.address, result.state, result.changed
        if state is not None and len(state) > STATE_SMALL:
            if len(state) > STATE_MAX:
                raise too_large(address, len(state))
            if link is None:
                previous = large.get(address)
                if previous is not None:
                    turns[previous] = replace(turns[previous], state=None)
                large[address] = len(turns)
        elif large and link is None and address in large:
            # The state of an earlier turn was held back for this one: it says it, whether it changed it or not.
            previous = large.pop(address)
            if not changed and not result.retired:
                assert h.instance is not None
                state = h.instance.state
                large[address] = len(turns)
            changed = True
            turns[previous] = replace(turns[previous], state=None)
        if state is not None and self._codec is not None:
            state = self._codec.seal(address.partition("/")[0], state)
        emitted = result.emitted
        emissions: list[Emission] | tuple[Emission, ...] = ()
        bodies: list[Body] = []
        timers: tuple[SetTimer, ...] = ()
        cancels: tuple[CancelTimer, ...] = ()
        if result.timers:
            emissions, bodies, timers, cancels = self._timers(address, type, body, time, result)
        elif emitted:
            emissions, bodies = self._outgoing.following(type, body, address, time, emitted)
        index = len(turns)
        turns.append(
            TurnDone(
                address,
                h.activation,
                h.turn,
                at,
                link,
                tuple(emissions),
                timers,
                cancels,
                changed,
                state,
                result.retired,
            )
        )
        h.turn += 1
        h.retired = result.retired
        if not (follow and emitted):
            return None
        return [
            _Next((index, number), e, emissions[number], bodies[number], h.partition)
            for number, e in enumerate(emitted)
            if emissions[number].targets and emissions[number].type != HALTED
        ]

    def _timers(
        self, source: str, type: str, body: Body, time: int, result: TurnResult
    ) -> tuple[list[Emission], list[Body], tuple[SetTimer, ...], tuple[CancelTimer, ...]]:
        """The last word of a turn on each timer; what is set without a delay belongs to the chain as an emission does."""
        sets: dict[tuple[str, str], SetTimer | CancelTimer] = {}
        at_once = []
        for timer in result.timers:
            if isinstance(timer, TimerCancel):
                sets[timer.type, timer.name] = CancelTimer(timer.type, timer.name)
                continue
            e = timer.emitted
            if timer.delay_us > 0:
                emission = self._outgoing.delayed(e, source, time + timer.delay_us, body.trace)
                sets[e.plan.type, timer.name] = SetTimer(timer.name, emission)
            else:
                at_once.append(timer)
                sets.pop((e.plan.type, timer.name), None)
        made = [*result.emitted, *(timer.emitted for timer in at_once)]
        emissions, bodies = self._outgoing.following(type, body, source, time, made)
        count = len(result.emitted)
        for timer, emission in zip(at_once, emissions[count:], strict=True):
            if emission.type == HALTED and timer.emitted.plan.type != HALTED:
                emissions.insert(count, emission)
            else:
                sets[emission.type, timer.name] = SetTimer(timer.name, emission)
        words = sets.values()
        return (
            emissions[: count + sum(e.type == HALTED for e in emissions[count:])],
            bodies,
            tuple(word for word in words if isinstance(word, SetTimer)),
            tuple(word for word in words if isinstance(word, CancelTimer)),
        )

    # ------------------------------------------------------------ running on
