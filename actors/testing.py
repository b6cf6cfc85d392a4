"""Test aggregates and whole apps in process, in virtual time, in milliseconds.

    wallet = given(Wallet, "ada", credits=5)
    emitted = wallet.when(CompletedPurchase(player_id="ada", credits=10))
    assert wallet.state.credits == 15

    play = scenario(app)
    play.publish(AttemptedPurchase(player_id="ada", credits=10))
    assert play.get(Wallet, "ada").credits == 10
    play.advance(minutes=10)

Every turn is run twice, and a difference fails: what is stored must follow from state and event alone.
"""

import asyncio
import inspect
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import heappop, heappush
from typing import Any, Literal, TypeVar

from actors.aggregate import Aggregate
from actors.app import App
from actors.catalogue import EVERYONE, EventPlan, GatewayPlan
from actors.envelope import Envelope
from actors.errors import NotDone, TrunklineError, TurnError, Unknown
from actors.event import Event
from actors.gateway import CallContext, current_call
from actors.hints import Hints
from actors.subject import START, NotDeterministic, Pending, Subject, given, make_envelope, run_twice, to_time, to_us
from actors.turn import Emitted, Instance, TimerCancel, TimerSet, gateway_answer

__all__ = [
    "DeadLetter",
    "Endless",
    "Happened",
    "NotDeterministic",
    "Pending",
    "Scenario",
    "Subject",
    "both_orders",
    "given",
    "scenario",
]

A = TypeVar("A", bound=Aggregate)
Ties = Literal["timers first", "events first"]

STEPS_MAX = 10_000


class Endless(TrunklineError):
    """A scenario that went on and on."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that could not be handled, by whom, and why."""

    event: Event
    address: str
    error: BaseException


@dataclass(frozen=True, slots=True)
class Happened:
    """An event as it stands in the log of a scenario."""

    event: Event
    time: datetime
    source: str
    """Who emitted it: `Wallet/ada`, `Payments`, `client`."""
    subject: str
    """The routing key that its listeners agree on, or an empty string."""


class _Entry:
    __slots__ = ("cause", "event", "hops", "id", "plan", "root", "routes", "source", "subject", "time_us")

    def __init__(
        self, id: str, plan: EventPlan, event: Event, source: str, time_us: int, root: str, cause: str, hops: int
    ) -> None:
        self.id, self.plan, self.event, self.source = id, plan, event, source
        self.time_us, self.root, self.cause, self.hops = time_us, root or id, cause, hops
        self.routes = plan.targets(event)
        keys = {key for _, key in self.routes if key is not None and not (plan.broadcast and key == EVERYONE)}
        self.subject = keys.pop() if len(keys) == 1 else ""


def scenario(app: App, *, start: datetime = START, ties: Ties = "timers first") -> "Scenario":
    """A whole app in virtual time. `ties` says what comes first when an event and a due timer meet."""
    return Scenario(app, start, ties)


def both_orders(app: App, *, start: datetime = START) -> Iterator["Scenario"]:
    """The same scenario twice: a timer that is due when an event is published fires before it, then after it."""
    yield Scenario(app, start, "timers first")
    yield Scenario(app, start, "events first")


class Scenario:
    """Publishes, turns and timers of one app, in the order of one log."""

    def __init__(self, app: App, start: datetime, ties: Ties) -> None:
        self.app = app
        self.now = start
        self.events: list[Event] = []
        """Everything that happened, in order."""
        self.log: list[Happened] = []
        """The same, with times and sources."""
        self.dead_letters: list[DeadLetter] = []
        """What could not be handled. Its instance holds what came after it, if it does not skip failures."""
        self._held: set[str] = set()
        self._ties = ties
        self._instances: dict[str, Instance] = {}
        self._live: dict[str, None] = {}
        self._timers: dict[tuple[str, str, str], tuple[int, _Entry]] = {}
        self._due: list[tuple[int, int, tuple[str, str, str]]] = []
        self._queue: deque[_Entry] = deque()
        self._keys: set[tuple[type[Event], str]] = set()
        self._count = 0

    def publish(self, event: Event, *, idempotency_key: str | None = None) -> None:
        """An event from outside, now; it and all that follows at once is handled.

        Raises:
            TrunklineError: it is no origin event of this app.
        """
        plan = self.app.catalogue.plan(event)
        if not plan.origin:
            raise TrunklineError(
                f"{type(event).__name__} does not come from outside: {plan.owner} owns it",
                hint="publish an origin event: class X(Event, origin=True).",
            )
        if idempotency_key is not None:
            if (type(event), idempotency_key) in self._keys:
                return
            self._keys.add((type(event), idempotency_key))
        if self._ties == "timers first":
            self._fire(to_us(self.now))
        self._put(plan, event, "client", to_us(self.now), "", "", 0)
        self._run()
        self._fire(to_us(self.now))

    def advance(self, **delta: float) -> None:
        """Let time pass (`timedelta`'s arguments). What is due at its very end waits when events come first."""
        until = to_us(self.now + timedelta(**delta))
        self._fire(until - (1 if self._ties == "events first" else 0))
        self.now = to_time(until)

    def get(self, cls: type[A], id: str | None = None) -> A | None:
        """The state of an instance; None if it never had a keyed event, or has retired."""
        group = self.app.catalogue.group_of[cls]
        address = f"{group.name}/{id or group.name}"
        if address not in self._live:
            return None
        return self._instances[address].objects()[group.classes.index(cls)]  # type: ignore[return-value]

    @property
    def timers(self) -> list[Pending]:
        """What is set, earliest first."""
        found = [Pending(entry.event, to_time(due), key[2]) for key, (due, entry) in self._timers.items()]
        return sorted(found, key=lambda t: t.due)

    # ------------------------------------------------------------ what happens

    def _put(self, plan: EventPlan, event: Event, source: str, time_us: int, root: str, cause: str, hops: int) -> None:
        self._count += 1
        entry = _Entry(f"0-{self._count}", plan, event, source, time_us, root, cause, hops)
        self.events.append(event)
        self.log.append(Happened(event, to_time(time_us), source, entry.subject))
        self._queue.append(entry)

    def _fire(self, until: int) -> None:
        while self._due and self._due[0][0] <= until:
            due, _, key = heappop(self._due)
            held = self._timers.get(key)
            if held is None or held[0] != due:
                continue
            del self._timers[key]
            entry = held[1]
            self.now = max(self.now, to_time(due))
            self._put(entry.plan, entry.event, entry.source, due, entry.root, entry.cause, entry.hops)
            self._run()

    def _run(self) -> None:
        steps = 0
        while self._queue:
            steps += 1
            if steps > STEPS_MAX:
                raise Endless(
                    f"{STEPS_MAX} events followed from one: {self._queue[0].plan.type} leads on and on",
                    hint="break the chain with a timer (After), or end it by state.",
                )
            entry = self._queue.popleft()
            for group, key in entry.routes:
                if key is None:
                    self._call(self.app.catalogue.gateways[group], entry)
                elif key == EVERYONE and entry.plan.broadcast:
                    for address in [a for a in self._live if a.startswith(group + "/")]:
                        self._turn(address, entry)
                else:
                    self._turn(f"{group}/{key}", entry, begins=True)

    def _turn(self, address: str, entry: _Entry, *, begins: bool = False) -> None:
        if address in self._held:
            return
        group, _, id = address.partition("/")
        plan = self.app.catalogue.groups[group]
        instance = self._instances.get(address)
        if instance is None:
            instance = self._instances[address] = Instance(plan, id, None)
        envelope = self._envelope(entry)
        try:
            result = run_twice(instance, entry.plan, entry.event, entry.time_us, envelope)
        except TurnError as error:
            self.dead_letters.append(DeadLetter(entry.event, address, error))
            if plan.failures == "hold":
                self._held.add(address)
            elif begins:
                self._live[address] = None
            return
        if begins:
            self._live[address] = None
        if result.retired:
            self._live.pop(address, None)
            for key in [k for k in self._timers if k[0] == address]:
                del self._timers[key]
        for e in result.emitted:
            self._put(e.plan, e.event, address, entry.time_us, entry.root, entry.id, entry.hops + 1)
        for timer in result.timers:
            if isinstance(timer, TimerCancel):
                self._timers.pop((address, timer.type, timer.name), None)
            else:
                self._set(address, timer, entry)

    def _set(self, address: str, timer: TimerSet, entry: _Entry) -> None:
        e = timer.emitted
        due = entry.time_us + timer.delay_us
        key = (address, e.plan.type, timer.name)
        self._count += 1
        hops = 0 if timer.delay_us else entry.hops + 1
        self._timers[key] = (due, _Entry("", e.plan, e.event, address, due, entry.root, entry.id, hops))
        heappush(self._due, (due, self._count, key))

    def _call(self, gateway: GatewayPlan, entry: _Entry) -> None:
        """One delivery to a gateway: retried, reconciled, given up as the runtime does it, without the waits."""
        handler = gateway.handlers[entry.plan.type]
        failure: Exception = Unknown()
        for _ in range(handler.retries + 1):
            try:
                self._answered(gateway, handler.handler.hints, self._await(gateway, handler.fn, entry), entry)
                return
            except Unknown as error:
                failure = error
                if not handler.idempotent:
                    found = self._reconcile(gateway, entry)
                    if found == "answered":
                        return
                    if found == "unknown":
                        break
            except Exception as error:
                failure = error
        self._give_up(gateway, entry, failure)

    def _reconcile(self, gateway: GatewayPlan, entry: _Entry) -> Literal["answered", "not done", "unknown"]:
        """Ask what became of a call."""
        handler = gateway.handlers[entry.plan.type]
        if handler.reconcile is None:
            return "unknown"
        for _ in range(handler.retries + 1):
            try:
                value = self._await(gateway, handler.reconcile, entry)
                self._answered(gateway, handler.handler.reconcile_hints, value, entry)
                return "answered"
            except NotDone:
                return "not done"
            except Exception:
                continue
        return "unknown"

    def _give_up(self, gateway: GatewayPlan, entry: _Entry, failure: Exception) -> None:
        handler = gateway.handlers[entry.plan.type]
        if handler.failed is not None:
            try:
                value = self._await(gateway, handler.failed, entry, failure)
                self._answered(gateway, handler.handler.failed_hints, value, entry)
                return
            except Exception as error:
                failure = error
        self.dead_letters.append(DeadLetter(entry.event, gateway.name, failure))

    def _await(self, gateway: GatewayPlan, function: Any, entry: _Entry, *error: Exception) -> Any:
        async def call() -> Any:
            current_call.set(CallContext(self._envelope(entry), f"{entry.id}-{gateway.name}"))
            await gateway.gateway.open()
            try:
                returned = function(gateway.gateway, entry.event, *error)
                return await returned if inspect.isawaitable(returned) else returned
            finally:
                await gateway.gateway.close()

        return asyncio.run(call())

    def _answered(self, gateway: GatewayPlan, hints: Hints | None, value: Any, entry: _Entry) -> None:
        assert hints is not None
        handler = gateway.handlers[entry.plan.type]
        emitted: list[Emitted] = gateway_answer(handler, hints, value, entry.event, gateway.name)
        for e in emitted:
            time_us = e.time_us if e.time_us is not None else to_us(self.now)
            self._put(e.plan, e.event, gateway.name, time_us, entry.root, entry.id, entry.hops + 1)

    def _envelope(self, entry: _Entry) -> Envelope:
        source = f"/{self.app.name}/{entry.source}"
        time = to_time(entry.time_us)
        return make_envelope(
            entry.id, entry.plan, source, time, entry.root, entry.cause, entry.hops, subject=entry.subject
        )
