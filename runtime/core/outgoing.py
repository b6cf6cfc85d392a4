"""Where an event is made, it is worked out where it goes and what of its chain it carries on.

Clients, hosts and gateways make events; the router only stores and hands on what comes out of here: targets with their
partitions, and a body. A chain of events carries three bounds: `hops` counts emissions since its origin, up to
`hops_max`; `budget` is what each delivery of an event may still cause. A turn that emits k events pays k of it, and
divides the rest among the deliveries of those events that can emit, so no counter is shared and no runaway is unbounded.
What is stopped becomes a `ChainHalted` with everything that is known about it.
"""

from typing import NamedTuple, Protocol

from actors.catalogue import EVERYONE, Catalogue, EventPlan
from actors.event import ChainHalted, Event, encode_event
from runtime.core.messages import EVERYWHERE, HOME, Emission, Target
from runtime.core.partition import partition_of
from runtime.wire import Body, Codec, Plain, encode_body

HOPS_MAX = 32
BUDGET = 100_000
"""Events that an origin event may cause."""
BUDGET_AFTER_HALT = 1_000
"""Events that the listeners of one `ChainHalted` may cause."""
PATH_FROM = 16
"""Hops from which a chain records its path: shorter ones pay nothing for it."""
PATH_MAX = 40
HALTED = ChainHalted.__trunkline__.name
PLACES_KEPT = 65_536


class Place(NamedTuple):
    """Where an event goes."""

    targets: tuple[Target, ...]
    subject: str
    """The key that its listeners agree on, or an empty string."""
    emitting: int
    """Deliveries that can emit, those of a broadcast not counted."""
    broadcast: bool


class Chain(NamedTuple):
    """What an event hands on to those that its handling causes."""

    type: str
    hops: int
    hops_max: int
    budget: int
    trace: str
    path: tuple[str, ...]


class Made(Protocol):
    """An event that a handler has just emitted."""

    @property
    def event(self) -> Event: ...

    @property
    def plan(self) -> EventPlan: ...


class Outgoing:
    """Makes bodies and targets for one app."""

    def __init__(self, catalogue: Catalogue, partitions: int, codec: Codec | None = None) -> None:
        self._catalogue = catalogue
        self._partitions = partitions
        self._seal = None if codec is None or isinstance(codec, Plain) else codec.seal
        self._places: dict[tuple[str, tuple[tuple[str, str | None], ...]], Place] = {}
        self._halted = catalogue.events[HALTED]

    def place(self, plan: EventPlan, event: Event) -> Place:
        """Where an event goes.

        Raises:
            BadKey: a routing key is none.
        """
        routes = plan.targets(event)
        key = (plan.type, routes)
        found = self._places.get(key)
        if found is None:
            if len(self._places) >= PLACES_KEPT:
                self._places.clear()
            found = self._places[key] = self._place(plan, routes)
        return found

    def _place(self, plan: EventPlan, routes: tuple[tuple[str, str | None], ...]) -> Place:
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

    def origin(self, event: Event, *, source: str, trace: str = "") -> tuple[EventPlan, Place, bytes]:
        """An event from outside any turn: its plan, its place, its body.

        Raises:
            EventRejected, BadKey: it is no event of this app, or can't be routed.
        """
        plan = self._catalogue.plan(event)
        place = self.place(plan, event)
        budget = BUDGET if place.broadcast else BUDGET // max(place.emitting, 1)
        body = Body(source, place.subject, plan.version, 0, budget, trace, (), "", self._data(plan, event), HOPS_MAX)
        return plan, place, encode_body(body)

    def fresh(self, plan: EventPlan, event: Event, source: str, handler: str, time: int, trace: str) -> Emission:
        """What a timer of positive delay will fire: it begins a chain of its own."""
        place = self.place(plan, event)
        budget = BUDGET if place.broadcast else BUDGET // max(place.emitting, 1)
        data = self._data(plan, event)
        body = Body(source, place.subject, plan.version, 0, budget, trace, (), handler, data, HOPS_MAX)
        return Emission(plan.type, place.targets, encode_body(body), time)

    def next(
        self, chain: Chain, source: str, time: int, made: list[tuple[EventPlan, Event, str, int | None]]
    ) -> list[Emission]:
        """What one turn emits, in order: (plan, event, handler, its `max_hops`). What goes too far is replaced."""
        hops = chain.hops + 1
        path = chain.path
        if hops >= PATH_FROM or path:
            path = (*path[-PATH_MAX:], chain.type)
        places = [self.place(plan, event) for plan, event, _, _ in made]
        allowed = chain.budget
        rest = allowed - len(made)
        share = 0
        if rest > 0:
            emitting = 0
            for place in places:
                emitting += place.emitting
            share = rest // emitting if emitting else 0
        emissions = []
        for index, (plan, event, handler, declared) in enumerate(made):
            place = places[index]
            hops_max = chain.hops_max
            if declared is not None:
                hops_max = declared if declared < HOPS_MAX else max(declared, hops_max)
            if index >= allowed or hops > hops_max:
                why = (
                    f"more than {hops_max} hops since its origin"
                    if hops > hops_max
                    else f"its origin had caused as many events as it may ({BUDGET})"
                )
                emissions.append(self._halt(chain, path, source, time, plan, event, handler, why))
                continue
            body = Body(
                source,
                place.subject,
                plan.version,
                hops,
                BUDGET if place.broadcast else share,
                chain.trace,
                path,
                handler,
                self._data(plan, event),
                max(hops_max, chain.hops_max) if declared is not None else hops_max,
            )
            emissions.append(Emission(plan.type, place.targets, encode_body(body), time))
        return emissions

    def _halt(
        self,
        chain: Chain,
        path: tuple[str, ...],
        source: str,
        time: int,
        plan: EventPlan,
        event: Event,
        handler: str,
        why: str,
    ) -> Emission:
        """The event that says what was stopped. It costs nothing, and nothing stops it.

        In a chain that was halted before it is written down and delivered to nobody: else listeners of `ChainHalted`
        could keep one going for ever.
        """
        path = (*path, chain.type) if not path else path
        told = ChainHalted(
            event_type=plan.type,
            payload=encode_event(event).decode(),
            reason=why,
            path=(*path[-PATH_MAX:], plan.type),
            emitter=handler,
        )
        halted = self._halted
        place = self.place(halted, told)
        targets = () if HALTED in path else place.targets
        hops = chain.hops + 1
        body = Body(
            source,
            place.subject,
            halted.version,
            hops,
            BUDGET_AFTER_HALT // max(place.emitting, 1),
            chain.trace,
            path,
            handler,
            self._data(halted, told),
            hops + HOPS_MAX,
        )
        return Emission(HALTED, targets, encode_body(body), time)

    def _data(self, plan: EventPlan, event: Event) -> bytes:
        data = encode_event(event)
        return data if self._seal is None else self._seal(plan.type, data)
