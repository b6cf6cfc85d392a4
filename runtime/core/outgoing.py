"""Where an event is made, it is worked out where it goes and what of its chain it carries on.

Clients, hosts and gateways make events; the router only stores and hands on what comes out of here: targets with their
partitions, and a body. A chain of events carries three bounds: `hops` counts emissions since its origin, up to
`hops_max`; `budget` is what each delivery of an event may still cause. A turn that emits k events pays k of it, and
divides the rest among the deliveries of those events that can emit, so no counter is shared and no runaway is
unbounded. What is stopped becomes a `ChainHalted` with everything that is known about it.
"""

from collections.abc import Sequence
from typing import NamedTuple

from actors.catalogue import EVERYONE, Catalogue, EventPlan, Route
from actors.chain import HALTED, HOPS_MAX, bounds, halted, path_of, too_far
from actors.event import Event, encode_event
from actors.turn import Emitted, TimerCancel, TimerSet, TurnResult
from runtime.core.messages import EVERYWHERE, HOME, CancelTimer, Emission, SetTimer, Target
from runtime.core.partition import partition_of
from runtime.fields import codec_of
from runtime.wire import Body, Codec, encode_body

BUDGET = 100_000
"""Events that an origin event may cause."""
BUDGET_AFTER_HALT = 1_000
"""Events that the listeners of one `ChainHalted` may cause."""
PLACES_KEPT = 65_536


class Place(NamedTuple):
    """Where an event goes."""

    targets: tuple[Target, ...]
    subject: str
    """The key that its listeners agree on, or an empty string."""
    emitting: int
    """Deliveries that can emit, those of a broadcast not counted."""
    broadcast: bool


class Outgoing:
    """Makes targets and bodies for one app."""

    def __init__(
        self, catalogue: Catalogue, partitions: int, codec: Codec | None = None, *, budget: int = BUDGET
    ) -> None:
        self._catalogue = catalogue
        self._partitions = partitions
        codec = codec_of(catalogue, codec)
        self._seal = None if codec is None else codec.seal
        self._budget = budget
        self._places: dict[tuple[str, tuple[Route, ...]], Place] = {}
        self._halted = catalogue.events[HALTED]

    def place(self, plan: EventPlan, routes: tuple[Route, ...]) -> Place:
        """Where an event with these routes goes."""
        key = (plan.type, routes)
        found = self._places.get(key)
        if found is None:
            if len(self._places) >= PLACES_KEPT:
                self._places.clear()
            found = self._places[key] = self._place(plan, routes)
        return found

    def _place(self, plan: EventPlan, routes: tuple[Route, ...]) -> Place:
        targets: list[Target] = []
        keys: list[str] = []
        emitting = 0
        broadcast = False
        for group, key in routes:
            if key is None:
                targets.append((HOME, group))
                emitting += 1
            elif plan.broadcast and key == EVERYONE:
                targets.append((EVERYWHERE, group))
                broadcast = True
            else:
                targets.append((partition_of(key, self._partitions), f"{group}/{key}"))
                keys.append(key)
                handlers = self._catalogue.groups[group].handlers(plan.type)
                emitting += any(handler.can_emit for _, handler in handlers)
        subject = keys[0] if keys and keys.count(keys[0]) == len(keys) else ""
        return Place(tuple(targets), subject, emitting, broadcast)

    def origin(
        self, event: Event, *, source: str, trace: str = "", data: bytes | None = None
    ) -> tuple[EventPlan, Place, bytes]:
        """An event from outside any turn: its plan, its place, its body. `data` is its payload, if encoded already.

        Raises:
            EventRejected, BadKey: it is no event of this app, or can't be routed.
        """
        plan = self._catalogue.plan(event)
        place = self.place(plan, plan.targets(event))
        body = self._first(plan, place, data or encode_event(event), source, "", trace)
        return plan, place, encode_body(body)

    def delayed(self, emitted: Emitted, source: str, due: int, trace: str) -> Emission:
        """What a timer of positive delay will fire: it begins a chain of its own."""
        plan = emitted.plan
        place = self.place(plan, emitted.targets)
        body = self._first(plan, place, emitted.data, source, emitted.emitter, trace)
        return Emission(plan.type, place.targets, encode_body(body), due)

    def _first(self, plan: EventPlan, place: Place, data: bytes, source: str, handler: str, trace: str) -> Body:
        budget = self._budget if place.broadcast else self._budget // max(place.emitting, 1)
        if self._seal is not None:
            data = self._seal(plan.type, data)
        return Body(source, place.subject, plan.version, 0, budget, trace, (), handler, data, HOPS_MAX)

    def following(
        self, type: str, parent: Body, source: str, time: int, emitted: Sequence[Emitted]
    ) -> tuple[list[Emission], list[Body]]:
        """What a turn (or a call) on an event of this type and body emits, in order, with the bodies as they were made.

        What goes too far is replaced by its `ChainHalted`.
        """
        hops = parent.hops + 1
        path = path_of(parent.path, hops, type)
        places = [self.place(e.plan, e.targets) for e in emitted]
        share = 0
        rest = parent.budget - len(emitted)
        if rest > 0:
            emitting = 0
            for place in places:
                emitting += place.emitting
            if emitting:
                share = rest // emitting
        emissions: list[Emission] = []
        bodies: list[Body] = []
        for index, e in enumerate(emitted):
            place = places[index]
            bound, hops_max = bounds(e.max_hops, parent.hops_max)
            plan = e.plan
            time_of = time if e.time_us is None else e.time_us
            if index >= parent.budget or hops > bound:
                why = too_far(bound) if hops > bound else "the origin has caused as many events as it may"
                emission, body = self._halt(type, parent, path, source, time_of, e, why)
            else:
                data = e.data if self._seal is None else self._seal(plan.type, e.data)
                budget = self._budget if place.broadcast else share
                body = Body(
                    source, place.subject, plan.version, hops, budget, parent.trace, path, e.emitter, data, hops_max
                )
                emission = Emission(plan.type, place.targets, encode_body(body), time_of)
            emissions.append(emission)
            bodies.append(body)
        return emissions, bodies

    def _halt(
        self, type: str, parent: Body, path: tuple[str, ...], source: str, time: int, e: Emitted, why: str
    ) -> tuple[Emission, Body]:
        """The event that says what was stopped. It costs nothing, and nothing stops it.

        In a chain that was halted before it is written down and delivered to nobody: else the listeners of
        `ChainHalted` could keep a chain going for ever.
        """
        path = path or (type,)
        # What is sealed where it is stored is not to stand open in what tells of it.
        stopped = e.data if self._seal is None else self._seal(e.plan.type, e.data)
        told = halted(e, stopped, why, path)
        plan = self._halted
        place = self.place(plan, plan.targets(told))
        data = encode_event(told)
        if self._seal is not None:
            data = self._seal(plan.type, data)
        hops = parent.hops + 1
        budget = BUDGET_AFTER_HALT // max(place.emitting, 1)
        body = Body(
            source, place.subject, plan.version, hops, budget, parent.trace, path, e.emitter, data, hops + HOPS_MAX
        )
        return Emission(HALTED, () if HALTED in path else place.targets, encode_body(body), time), body


def timers_of(
    outgoing: Outgoing, type: str, parent: Body, source: str, time: int, result: TurnResult
) -> tuple[list[Emission], list[Body], tuple[SetTimer, ...], tuple[CancelTimer, ...]]:
    """What a turn with timers emits, and its last word on each of its timers.

    One without a delay belongs to the chain, as an emission does: it costs as much, and may be stopped.
    """
    words: dict[tuple[str, str], TimerSet | TimerCancel] = {}
    for word in result.timers:
        words[word.type if isinstance(word, TimerCancel) else word.emitted.plan.type, word.name] = word
    at_once = [word for word in words.values() if isinstance(word, TimerSet) and not word.delay_us]
    emitted = result.emitted
    emissions, bodies = outgoing.following(type, parent, source, time, [*emitted, *(w.emitted for w in at_once)])
    count = len(emitted)
    told, immediate = emissions[:count], dict(zip(map(id, at_once), emissions[count:], strict=True))
    sets: list[SetTimer] = []
    cancels: list[CancelTimer] = []
    for (event_type, name), word in words.items():
        if isinstance(word, TimerCancel):
            cancels.append(CancelTimer(event_type, name))
            continue
        emission = immediate.get(id(word))
        if emission is None:
            sets.append(SetTimer(name, outgoing.delayed(word.emitted, source, time + word.delay_us, parent.trace)))
        elif emission.type == event_type:
            sets.append(SetTimer(name, emission))
        else:
            told.append(emission)
            cancels.append(CancelTimer(event_type, name))
    return told, bodies, tuple(sets), tuple(cancels)
