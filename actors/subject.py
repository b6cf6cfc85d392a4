"""One aggregate's instance to try events on, outside any app; and a turn that is run twice, wherever it is tried."""

import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

from actors.aggregate import EPOCH, MICROSECOND, Aggregate
from actors.arguments import check_zone
from actors.catalogue import EVERYONE, EventPlan, GroupPlan, HandlerPlan, pick
from actors.envelope import Envelope
from actors.errors import TrunklineError, TurnError, WiringProblem
from actors.event import Event, decode_event, encode_event
from actors.handler import handlers_of
from actors.hints import RIGHT, HintError, read
from actors.routes import routed_by
from actors.turn import Instance, TimerCancel, TimerSet, TurnResult

A = TypeVar("A", bound=Aggregate)

START = datetime(2026, 1, 1, tzinfo=UTC)


class NotDeterministic(TrunklineError):
    """A turn that was run twice gave two results."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A timer that is set."""

    event: Event
    due: datetime
    name: str


def run_twice(instance: Instance, plan: EventPlan, event: Event, time_us: int, envelope: Envelope) -> TurnResult:
    """One turn, and the same once more on a copy; each has an event of its own, as read from a log.

    Raises:
        NotDeterministic: they differ.
        TurnError: the turn did not go through, twice.
    """
    copy = Instance(instance.group, instance.address.partition("/")[2], instance.state)
    first = _told(copy, plan, event, time_us, envelope)
    second = _told(instance, plan, event, time_us, envelope)
    if facts(first) != facts(second):
        error = not_deterministic(instance.address, plan, first, second)
        raise error from next((one for one in (first, second) if isinstance(one, TurnError)), None)
    if isinstance(second, TurnError):
        raise second
    return second


def _told(
    instance: Instance, plan: EventPlan, event: Event, time_us: int, envelope: Envelope
) -> TurnResult | TurnError:
    own = decode_event(type(event), encode_event(event), plan.version)
    try:
        return instance.run(plan, own, time_us, lambda: envelope)
    except TurnError as error:
        return error


def not_deterministic(
    address: str, plan: EventPlan, first: TurnResult | TurnError, second: TurnResult | TurnError
) -> NotDeterministic:
    """The error for a turn that gave these two."""
    return NotDeterministic(
        f"{address} handled {plan.type} twice, and the results differ:\n  {facts(first)}\n  {facts(second)}",
        hint="a handler may use its state, its event, self.now, self.random and self.new_id(), and nothing else.",
    )


def facts(result: TurnResult | TurnError) -> tuple[Any, ...]:
    """What of a turn has to be the same again."""
    if isinstance(result, TurnError):
        # Not its text, which may name objects by their place in memory.
        return (type(result).__name__, type(result.__cause__).__name__)
    timers = [
        (t.emitted.plan.type, t.emitted.data, t.delay_us, t.name) if isinstance(t, TimerSet) else (t.type, t.name)
        for t in result.timers
    ]
    return [(e.plan.type, e.data, e.targets) for e in result.emitted], timers, result.state, result.retired


def to_us(time: datetime) -> int:
    return (time - EPOCH) // MICROSECOND


def to_time(us: int) -> datetime:
    return EPOCH + timedelta(microseconds=us)


def given(cls: type[A], id: str | None = None, *, now: datetime = START, **state: Any) -> "Subject[A]":
    """One aggregate's instance, with this state, outside any app.

    Args:
        cls: an aggregate.
        id: of the instance, as the key of its events. Without one it takes events of any key.
        now: when its time begins.
        state: fields that are to differ from their defaults.

    Raises:
        TrunklineError: it is no class of an aggregate, or a handler's hints say nothing usable.
    """
    if not isinstance(cls, type) or not issubclass(cls, Aggregate):
        raise TrunklineError(
            f"given() takes the class of an aggregate, and {cls!r} is none",
            hint='given(Wallet, "ada", credits=5); a gateway is tried in a scenario(app).',
        )
    check_zone("given(..., now=)", now)
    return Subject(cls, id, now, state, dict(sys._getframe(1).f_locals))


class Subject(Generic[A]):
    """An instance to try events on."""

    def __init__(
        self, cls: type[A], id: str | None, now: datetime, state: dict[str, Any], namespace: dict[str, Any]
    ) -> None:
        self._cls = cls
        self._any_key = not id
        self._id = id = id or cls.__trunkline__.name
        self._plans: dict[type[Event], EventPlan] = {}
        self._group = self._alone(cls, namespace)
        start = cls(**state)
        self._instance = Instance(
            self._group, id, type(start).__pydantic_serializer__.to_json(start) if state else None
        )
        self.now = now
        self._number = 0
        self._timers: dict[tuple[str, str], Pending] = {}
        self.retired = False
        """The last turn retired the instance."""

    def _alone(self, cls: type[A], namespace: dict[str, Any]) -> GroupPlan:
        group = GroupPlan(cls.__trunkline__.name, (cls,))
        for handler in handlers_of(cls).values():
            if handler.hints is None:
                try:
                    handler.hints = read(handler.function, handler.namespace, namespace)
                except HintError as error:
                    what = f"{cls.__name__}.{handler.name}: {error}"
                    raise WiringProblem("BadHint", what, (handler.where,), hint=RIGHT) from None
            for event in (*handler.hints.listens, *handler.hints.emits, *handler.hints.after, *handler.hints.cancels):
                self._plans.setdefault(event, EventPlan(event))
        return group

    def _hears(self, event: type[Event]) -> EventPlan | None:
        """The plan of an event that the class listens to, itself or by a base of it."""
        plan = self._plans.setdefault(event, EventPlan(event))
        if not self._group.handlers(plan.type):
            for handler in pick(self._cls, event)[:1]:
                self._group.add_handler(plan.type, 0, HandlerPlan(self._cls, handler, self._plans))
        return plan if self._group.handlers(plan.type) else None

    def _elsewhere(self, plan: EventPlan, event: Event) -> list[str] | None:
        """The ids of the instances that an event goes to, if this is none of them. None: it comes here."""
        (_, handler), *_ = self._group.handlers(plan.type)
        key, fixed = routed_by(self._cls, handler.handler, plan.cls)
        unroutable = fixed is None and not callable(key) and key not in plan.cls.model_fields
        if self._any_key or fixed == EVERYONE or unroutable:  # App(...) says what is wrong with the last.
            return None
        route = EventPlan(plan.cls)
        route.add_route(self._group.name, key, fixed)
        ids = [id for _, id in route.targets(event) if id is not None]
        return None if self._id in ids else ids

    @property
    def state(self) -> A:
        """A copy of the instance as it is now."""
        return Instance(self._group, self._id, self._instance.state).objects()[0]  # type: ignore[return-value]

    @property
    def timers(self) -> list[Pending]:
        """What is set, earliest first."""
        return sorted(self._timers.values(), key=lambda t: t.due)

    def when(self, *events: Event, time: datetime | None = None) -> list[Event]:
        """Handle these events, one after the other; give what was emitted.

        Raises:
            TurnError: a handler raised, or emitted what its hint does not say; the state is as before.
            TrunklineError: the class does not listen to an event, or its key is another instance's.
        """
        if time is not None:
            check_zone("when(..., time=)", time)
        for event in events:
            if not isinstance(event, Event):
                raise TrunklineError(
                    f"when() takes events, and {event!r} is none", hint="when(CompletedPurchase(player_id='ada'))."
                )
        found: list[Event] = []
        self.now = time or self.now
        for event in events:
            found += self._handle(event)
        return found

    def _handle(self, event: Event) -> list[Event]:
        plan = self._hears(type(event))
        if plan is None:
            heard = [e.__name__ for h in handlers_of(self._cls).values() if h.hints for e in h.hints.listens]
            raise TrunklineError(
                f"{self._cls.__name__} does not listen to {type(event).__name__}",
                hint=f"it listens to: {', '.join(heard) or 'nothing'}.",
            )
        ids = self._elsewhere(plan, event)
        if ids is not None:
            name = self._cls.__name__
            where = " and ".join(f"{name}/{id}" for id in ids) or "no instance"
            raise TrunklineError(
                f"this {type(event).__name__} goes to {where}, and not to {name}/{self._id}",
                hint=f"give an event whose key is {self._id!r}, or its own instance: given({name}, id).",
            )
        self._number += 1
        envelope = make_envelope(f"0-{self._number}", plan, source="/given/client", subject=self._id, time=self.now)
        result = run_twice(self._instance, plan, event, to_us(self.now), envelope)
        self.retired = result.retired
        if result.retired:
            self._timers.clear()
        for timer in result.timers:
            if isinstance(timer, TimerCancel):
                self._timers.pop((timer.type, timer.name), None)
            else:
                due = self.now + timedelta(microseconds=timer.delay_us)
                self._timers[timer.emitted.plan.type, timer.name] = Pending(timer.emitted.event, due, timer.name)
        return [e.event for e in result.emitted]

    def advance(self, **delta: float) -> list[Event]:
        """Let time pass (`timedelta`'s arguments): due timers happen and are handled, if the instance gets them.

        Gives what happened, in order: each fired event, and after it what its turn emitted.
        """
        until = self.now + timedelta(**delta)
        found: list[Event] = []
        while self._timers:
            key = min(self._timers, key=lambda k: (self._timers[k].due, k))
            if self._timers[key].due > until:
                break
            timer = self._timers.pop(key)
            self.now = timer.due
            found.append(timer.event)
            plan = self._hears(type(timer.event))
            if plan is not None and self._elsewhere(plan, timer.event) is None:
                found += self._handle(timer.event)
        self.now = until
        return found


def make_envelope(
    id: str,
    plan: EventPlan,
    *,
    source: str,
    subject: str,
    time: datetime,
    root: str = "",
    cause: str = "",
    hops: int = 0,
) -> Envelope:
    """The envelope of an event that stands in no journal."""
    return Envelope(
        id=id,
        source=source,
        type=plan.type,
        subject=subject,
        time=time,
        dataschema=f"{plan.type}/{plan.version}",
        sequence=id.partition("-")[2],
        partitionkey=subject,
        correlationid=root or id,
        causationid=cause,
        hops=hops,
        traceparent="",
    )
