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
from actors.errors import TrunklineError, TurnError
from actors.event import Event
from actors.gateway import CallContext, current_call
from actors.hints import Hints
from actors.subject import START, NotDeterministic, Pending, Subject, given, make_envelope, run_twice, to_time, to_us
from actors.turn import Emitted, Instance, TimerCancel, TimerSet, gateway_answer

__all__ = [
    "DeadLetter",
    "Endless",
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


class _Entry:
    __slots__ = ("cause", "event", "hops", "id", "plan", "root", "source", "time_us")

    def __init__(
        self, id: str, plan: EventPlan, event: Event, source: str, time_us: int, root: str, cause: str, hops: int
    ) -> None:
        self.id, self.plan, self.event, self.source = id, plan, event, source
        self.time_us, self.root, self.cause, self.hops = time_us, root or id, cause, hops


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
        self.dead_letters: list[DeadLetter] = []
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
            for group, key in entry.plan.targets(entry.event):
                if key is None:
                    self._call(self.app.catalogue.gateways[group], entry)
                elif key == EVERYONE and entry.plan.broadcast:
                    for address in [a for a in self._live if a.startswith(group + "/")]:
                        self._turn(address, entry)
                else:
                    address = f"{group}/{key}"
                    self._live[address] = None
                    self._turn(address, entry)

    def _turn(self, address: str, entry: _Entry) -> None:
        group, _, id = address.partition("/")
        instance = self._instances.get(address)
        if instance is None:
            instance = self._instances[address] = Instance(self.app.catalogue.groups[group], id, None)
        envelope = self._envelope(entry)
        try:
            result = run_twice(instance, entry.plan, entry.event, entry.time_us, envelope)
        except TurnError as error:
            self.dead_letters.append(DeadLetter(entry.event, address, error))
            return
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
        handler = gateway.handlers[entry.plan.type]
        tries = 0
        while True:
            try:
                value = self._await(gateway, handler.fn, entry)
                self._answered(gateway, handler.handler.hints, value, entry)
                return
            except Exception as error:
                tries += 1
                if tries <= handler.retries:
                    continue
                if handler.failed is not None:
                    failed = handler.failed(gateway.gateway, entry.event, error)
                    value = asyncio.run(failed) if asyncio.iscoroutine(failed) else failed
                    self._answered(gateway, handler.handler.failed_hints, value, entry)
                else:
                    self.dead_letters.append(DeadLetter(entry.event, gateway.name, error))
                return

    def _await(self, gateway: GatewayPlan, function: Any, entry: _Entry) -> Any:
        async def call() -> Any:
            current_call.set(CallContext(self._envelope(entry), f"{entry.id}-{gateway.name}"))
            await gateway.gateway.open()
            try:
                return await function(gateway.gateway, entry.event)
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
        return make_envelope(
            entry.id, entry.plan, entry.source, to_time(entry.time_us), entry.root, entry.cause, entry.hops
        )
