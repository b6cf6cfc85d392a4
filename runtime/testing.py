"""Put an app through storms: routers, hosts and gateways in one thread and in virtual time, killed at any step.

    simulate(app, [AttemptedPurchase(player_id="ada", credits=10)], count=100)

It is the very code that decides in production. What is promised of any app is checked after each history; what is
promised of yours you check in what is returned, or in `check`.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from actors.aggregate import Aggregate
from actors.app import App, expect_app
from actors.arguments import check_zone
from actors.calls import attempt
from actors.catalogue import EventPlan
from actors.envelope import Envelope
from actors.errors import TrunklineError, TurnError
from actors.event import Event, decode_event, encode_event
from actors.gateway import CallContext
from actors.outcomes import CallKind
from actors.subject import NotDeterministic, facts, not_deterministic
from actors.turn import Instance, TurnResult
from runtime.core.failure import failure_of, gave_up
from runtime.core.host import HostCore
from runtime.core.messages import Call, CallDone, Failure
from runtime.core.outgoing import Outgoing
from runtime.core.rows import DeliveryRow
from runtime.encode import time_us
from runtime.simulation.checkers import check as check_promises
from runtime.simulation.client import Order
from runtime.simulation.play import STORM_US, settle, storm
from runtime.simulation.profile import Profile, draw
from runtime.simulation.scheduler import Scheduler
from runtime.simulation.world import World

A = TypeVar("A", bound=Aggregate)


@dataclass(frozen=True, slots=True)
class Publish:
    """An event with more said about it than its payload."""

    event: Event
    idempotency_key: str | None = None
    """None: one of its own, so that it is taken once, whoever dies."""
    time: datetime | None = None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """What failed also when it was tried again in calm weather; its instance went on without it."""

    event: Event
    address: str
    error: str


class End:
    """How a history ended."""

    def __init__(self, world: World, seed: int, letters: list[DeadLetter]) -> None:
        self.seed = seed
        self.dead_letters = letters
        self.events: list[Event] = []
        """All that happened, ticks too, in the order in which it was recorded."""
        self._app = world.app
        self._rows = world.store.instances
        entries = [entry for log in world.store.log.values() for entry in log if entry.at == entry.id]
        for entry in sorted(entries, key=lambda entry: (entry.recorded, entry.at)):
            if entry.type in world.app.catalogue.events:
                self.events.append(world.incoming.read(entry.type, entry.body)[2])

    def get(self, cls: type[A], id: str | None = None) -> A | None:
        """The state of an instance; None if it never had a keyed event, or has retired."""
        group = self._app.catalogue.group_of[cls]
        row = self._rows.get(f"{group.name}/{id or group.name}")
        if row is None or not row.live:
            return None
        return Instance(group, id or group.name, row.state).objects()[group.classes.index(cls)]  # type: ignore[return-value]


def simulate(
    app: App | Callable[[], App],
    publishes: Iterable[Event | Publish],
    *,
    seed: int = 0,
    count: int = 20,
    check: Callable[[End], None] | None = None,
    timers: timedelta = timedelta(days=1),
    tell: Callable[[str], None] | None = None,
) -> list[End]:
    """Run `count` histories of an app, of the seeds from `seed` on; give how each ended.

    In each the events are published in this order while processes are killed, stopped and woken, links cut, commits
    fail and clocks leap. Then it is calm until all is handled; timers due within `timers` (virtual time) fire. Every
    turn is run twice. Calls of gateways are made, fail, and are lost on the way there and back: give fakes, by
    `app.using(Payments=Fake())`. A function instead of an app makes a new one, with new fakes, for each history.
    `tell=print` shows the steps.

    What is checked: nothing acknowledged is lost; each instance handled its events once, in their order, and its state
    is their replay; keys and ticks were taken once; timers fired once and never early; calls were answered once.

    Raises:
        Violation: a promise was broken.
        NotDeterministic: a turn that was run twice gave two results.
        AssertionError: whatever `check` raises. Each says how to see its history again.
    """
    if isinstance(app, type) or not callable(app):  # A function makes one later.
        expect_app(app, "simulate")
    wanted = _wanted(publishes, seed, count)
    ends = []
    for number in range(seed, seed + count):
        try:
            made = app if isinstance(app, App) else app()
            expect_app(made, "simulate")
            end = _history(made, wanted, number, timers, tell)
            if check is not None:
                check(end)
        except Exception as error:
            error.add_note(f"To see it again: simulate(..., seed={number}, count=1, tell=print)")
            raise
        ends.append(end)
    return ends


def _wanted(publishes: Any, seed: object, count: object) -> list[Publish]:
    """What is to be published, once it is certain that something is to be tried."""
    # An event is a model, and a model goes over its fields when iterated: it would not do as a list of one.
    several = isinstance(publishes, Iterable) and not isinstance(publishes, Event)
    wanted = [Publish(one) if isinstance(one, Event) else one for one in (publishes if several else [publishes])]
    wrong = next((one for one in wanted if not isinstance(one, Publish) or not isinstance(one.event, Event)), None)
    if not several or wrong is not None:
        raise TrunklineError(
            f"simulate(app, ...) takes a list of events, and was given {wrong if several else publishes!r}",
            hint="simulate(app, [AttemptedPurchase(player_id='ada', credits=10)]).",
        )
    for one in wanted:
        if one.time is not None:
            check_zone("Publish(..., time=)", one.time)
    for name, value, least in (("seed", seed, 0), ("count", count, 1)):
        if type(value) is not int or value < least:
            raise TrunklineError(
                f"simulate(..., {name}={value!r}) can't be run", hint=f"a whole number from {least} on."
            )
    return wanted


def _history(app: App, wanted: list[Publish], seed: int, timers: timedelta, tell: Callable[[str], None] | None) -> End:
    scheduler = Scheduler(seed, tell=tell)
    random = scheduler.random
    world = _World(app, _of(app, draw(random), scheduler.now), scheduler)
    try:
        moments = sorted(random.randrange(STORM_US) for _ in wanted)
        world.add_client([_order(*one) for one in zip(range(1, len(wanted) + 1), wanted, moments, strict=True)])
        storm(world, STORM_US)
        settle(world, timers // timedelta(microseconds=1))
    except _Differs as found:
        raise found.error from found.error.__cause__
    finally:
        world.close()
    check_promises(app, world.store, world.history)
    return End(world, seed, world.letters)


def _of(app: App, profile: Profile, now: int) -> Profile:
    """Chains get the budget that they have; where something is scheduled, the machine sleeps, and over some of it."""
    profile = replace(profile, budget=0)
    if not app.schedules:
        return profile
    period = max(schedule.next(None, now, now) - now for schedule in app.schedules)
    return replace(profile, faults=(*profile.faults, "sleep"), sleep_us=max(profile.sleep_us, 3 * period))


def _order(number: int, one: Publish, after_us: int) -> Order:
    time = time_us(one.time) if one.time is not None else None
    return Order(number, one.event, one.idempotency_key or f"simulate-{number}", time, after_us)


class _World(World):
    """An app whose turns are run twice, and whose gateways are called."""

    def __init__(self, app: App, profile: Profile, scheduler: Scheduler) -> None:
        self.letters: list[DeadLetter] = []
        self._tried: set[tuple[int, str]] = set()
        self._outgoing = Outgoing(app.catalogue, profile.partitions)
        self._loop: asyncio.Runner | None = None
        super().__init__(app, profile, scheduler)
        self.knows_effects = False

    def make_host(self) -> HostCore:
        return _Host(self.app.catalogue, self.partitions, run_on=self.profile.run_on, app=self.app.name)

    def run_gateway(self, call: Call, now: int) -> CallDone:
        if self._loop is None:
            self._loop = asyncio.Runner()
            for one in self.app.catalogue.gateways.values():
                self._loop.run(one.gateway.open())
        gateway = self.app.catalogue.gateways[call.gateway]
        plan, body, event = self.incoming.read(call.type, call.body)
        context = CallContext(self.incoming.envelope(call, plan, body), call.key)
        ended = self._loop.run(attempt(gateway, CallKind(call.kind), call.type, event, context, gave_up(call.failure)))
        emissions, _ = self._outgoing.following(call.type, body, call.gateway, now, ended.emitted)
        failure = failure_of(ended.error) if ended.error is not None else None
        return CallDone(call.gateway, call.kind, call.attempt, call.at, ended.outcome, tuple(emissions), failure)

    def close(self) -> None:
        if self._loop is not None:
            for one in self.app.catalogue.gateways.values():
                self._loop.run(one.gateway.close())
            self._loop.close()

    def may_be_skipped(self, row: DeliveryRow, failure: Failure) -> bool:
        """In calm weather a dead letter is tried once more; then its instance goes on without it."""
        if self.stormy:
            return False
        if (row.at, row.address) not in self._tried:
            self._tried.add((row.at, row.address))
            return False
        entry = self.store.entry(row.at)
        assert entry is not None
        event = self.incoming.read(entry.type, entry.body)[2]
        self.letters.append(DeadLetter(event, row.address, f"{failure.error}: {failure.message}"))
        return True


class _Differs(BaseException):
    """Goes past all that takes a handler's errors for a turn that failed."""

    def __init__(self, error: NotDeterministic) -> None:
        self.error = error


class _Host(HostCore):
    def _make(self, h: Any, state: bytes | None) -> Instance:
        return _Twice(self._catalogue.groups[h.group], h.address.partition("/")[2], state)


class _Twice(Instance):
    """Runs every turn on a copy first: both must lead to the same."""

    __slots__ = ()

    def run(self, plan: EventPlan, event: Event, time_us: int, envelope: Callable[[], Envelope]) -> TurnResult:
        copy = Instance(self.group, self.address.partition("/")[2], self.state)
        own = decode_event(type(event), encode_event(event), plan.version)
        first = _told(lambda: copy.run(plan, own, time_us, envelope))
        second = _told(lambda: super(_Twice, self).run(plan, event, time_us, envelope))
        if facts(first) != facts(second):
            raise _Differs(not_deterministic(self.address, plan, first, second))
        if isinstance(second, TurnError):
            raise second
        return second


def _told(run: Callable[[], TurnResult]) -> TurnResult | TurnError:
    try:
        return run()
    except TurnError as error:
        return error
