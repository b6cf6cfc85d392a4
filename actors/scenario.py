"""A whole app in process, in virtual time: publishes, turns, calls, timers and schedules in the order of one log."""

import asyncio
import weakref
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from traceback import format_exception
from types import TracebackType
from typing import Literal, TypeVar

from actors.agenda import Ticks, Timers
from actors.aggregate import Aggregate
from actors.app import App
from actors.calls import Ended, attempt
from actors.catalogue import EVERYONE, GatewayPlan
from actors.chain import HALTED, HOPS_MAX, bounds, halted, path_of, too_far
from actors.envelope import Envelope
from actors.errors import EventRejected, GaveUp, TrunklineError, TurnError
from actors.event import Event, decode_event, encode_event
from actors.gateway import CallContext
from actors.handler import Key
from actors.happened import DeadLetter, Entry, Happened, subject_of, unlooked
from actors.outcomes import ANSWER, PARK, CallKind, decide
from actors.subject import Pending, make_envelope, run_twice, to_time, to_us
from actors.turn import Emitted, Instance, TimerCancel, TimerSet

A = TypeVar("A", bound=Aggregate)
Ties = Literal["timers first", "events first"]

STEPS_MAX = 10_000


class Endless(TrunklineError):
    """A scenario that went on and on."""


@dataclass(slots=True)
class _Call:
    kind: CallKind = CallKind.CALL
    tries: int = 0
    asked: int = 0


class Scenario:
    """Publishes, turns, calls, timers and schedules of one app. Calls of gateways are made one after the other, and
    what the runtime waits for between two attempts is not waited for.

    May be used in a `with` block: its end closes the gateways, and fails if there are dead letters that were not looked
    at. So a handler that raises does not go unnoticed.
    """

    def __init__(self, app: App, start: datetime, ties: Ties) -> None:
        self.app = app
        self.now = start
        self.events: list[Event] = []
        """Everything that happened, in order."""
        self.log: list[Happened] = []
        """The same, with times and sources."""
        self._letters: list[DeadLetter] = []
        self._unseen: list[DeadLetter] = []
        self._ties = ties
        self._instances: dict[str, Instance] = {}
        self._live: dict[str, None] = {}
        self._held: dict[str, deque[Entry]] = {}
        """By address: what waits behind a dead letter, which is the first."""
        self._timers: Timers[Entry] = Timers()
        self._ticks = Ticks(app.schedules, to_us(start))
        self._queue: deque[Entry] = deque()
        self._keys: dict[tuple[str, str, str], bytes] = {}
        self._count = 0
        self._runner: asyncio.Runner | None = None

    def publish(self, event: Event, *, idempotency_key: str | None = None, time: datetime | None = None) -> list[Event]:
        """An event from outside, now (or of this time); it and all that follows at once is handled.

        Gives what followed, in order.

        Raises:
            EventRejected: it is no origin event of this app, or its idempotency key was used with another payload.
        """
        if time is not None and time.tzinfo is None:
            raise EventRejected(
                f"{type(event).__name__} has a time without a zone: {time}", hint="datetime.now(UTC), or tzinfo=UTC."
            )
        plan = self.app.catalogue.plan(event)
        if not plan.origin:
            raise EventRejected(
                f"{type(event).__name__} does not come from outside: {plan.owner} owns it",
                hint="publish an origin event: class X(Event, origin=True).",
            )
        data = plan.cls.__pydantic_serializer__.to_json(event, warnings=False)
        if decode_event(type(event), data, plan.version) != event:
            raise EventRejected(
                f"{event!r} would be read back as another event", hint="give its fields values of their own types."
            )
        entry = Entry(plan, event, plan.targets(event), "client", to_us(time or self.now))
        if idempotency_key is not None and self._is_repeat(entry, data, idempotency_key):
            return []
        if self._ties == "timers first":
            self._pass(to_us(self.now))
        before = len(self.events)
        self._append(entry)
        self._run()
        self._pass(to_us(self.now))
        return self.events[before + 1 :]

    def advance(self, **delta: float) -> list[Event]:
        """Let time pass (`timedelta`'s arguments): timers fire, heartbeat and schedules come. Gives what happened.

        Timers that are due at its very end wait when events come first.
        """
        before = len(self.events)
        if timedelta(**delta) < timedelta():
            raise TrunklineError(f"a scenario can't go back in time: advance({delta})", hint="advance(minutes=10).")
        until = to_us(self.now + timedelta(**delta))
        self._pass(until, until - (self._ties == "events first"))
        self.now = to_time(until)
        return self.events[before:]

    def get(self, cls: type[A], id: Key | None = None) -> A | None:
        """A copy of an instance's state; None if it never handled a keyed event, or has retired."""
        group = self.app.catalogue.group_of.get(cls)
        if group is None:
            raise TrunklineError(
                f"app {self.app.name!r} has no {getattr(cls, '__name__', repr(cls))}",
                hint="its aggregates are: " + ", ".join(c.__name__ for c in self.app.catalogue.group_of) + ".",
            )
        key = group.name if id is None else str(id)
        address = f"{group.name}/{key}"
        if address not in self._live:
            return None
        copy = Instance(group, key, self._instances[address].state)
        return copy.objects()[group.classes.index(cls)]  # type: ignore[return-value]

    @property
    def dead_letters(self) -> list[DeadLetter]:
        """What could not be handled. Its instance holds what came after it, if it does not skip failures.

        One that was never looked at fails the `with` block of the scenario.
        """
        self._unseen.clear()
        return list(self._letters)

    @property
    def timers(self) -> list[Pending]:
        """What is set, earliest first."""
        return [Pending(entry.event, to_time(due), key[2]) for key, due, entry in self._timers.pending()]

    def retry(self, letter: DeadLetter) -> None:
        """Try a dead letter again, and then what its instance held behind it."""
        self._decided(letter, skip=False)

    def skip(self, letter: DeadLetter) -> None:
        """Leave a dead letter unhandled, and go on with what its instance held behind it."""
        self._decided(letter, skip=True)

    def close(self) -> None:
        """Close the gateways, if they were opened."""
        if self._runner is not None:
            for plan in self.app.catalogue.gateways.values():
                self._runner.run(plan.gateway.close())
            self._runner.close()
            self._runner = None

    def __enter__(self) -> "Scenario":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
        if kind is None and self._unseen:
            raise AssertionError(unlooked(self._unseen)) from self._unseen[0].error

    # ------------------------------------------------------------ the log

    def _is_repeat(self, entry: Entry, data: bytes, idempotency_key: str) -> bool:
        key = (entry.plan.type, subject_of(entry), idempotency_key)
        before = self._keys.setdefault(key, data)
        if before != data:
            raise EventRejected(
                f"the idempotency key {idempotency_key!r} was used with another {type(entry.event).__name__}",
                hint="give each event a key of its own; a repeat is the same event with the same key.",
            )
        return before is not data

    def _append(self, entry: Entry) -> None:
        self._count += 1
        entry.id = f"0-{self._count}"
        entry.root = entry.root or entry.id
        self.events.append(entry.event)
        self.log.append(Happened(entry.event, to_time(entry.time_us), entry.source, subject_of(entry)))
        self._queue.append(entry)

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
            for group, key in entry.targets:
                if key is None:
                    self._call(self.app.catalogue.gateways[group], entry)
                elif key == EVERYONE:
                    for address in [a for a in (*self._live, *self._held) if a.startswith(group + "/")]:
                        self._deliver(address, entry)
                else:
                    self._deliver(f"{group}/{key}", entry)

    def _pass(self, until: int, timers_until: int | None = None) -> None:
        """Let everything happen that is due, in the order of its moments."""
        timers_until = until if timers_until is None else timers_until
        while True:
            timer, tick = self._timers.next(self._held), self._ticks.next()
            if timer is not None and timer > timers_until:
                timer = None
            if tick is not None and tick > until:
                tick = None
            if timer is not None and (tick is None or timer < tick + (self._ties == "timers first")):
                due, entry = self._timers.take()
                self.now = max(self.now, to_time(due))
                self._append(entry)
            elif tick is not None:
                name, beat = self._ticks.take()
                if beat is not None:
                    self.now = max(self.now, to_time(beat.time))
                    plan = self.app.catalogue.plan(beat.event)
                    self._append(Entry(plan, beat.event, plan.targets(beat.event), name, beat.time))
            else:
                return
            self._run()

    # ------------------------------------------------------------ turns

    def _deliver(self, address: str, entry: Entry) -> None:
        if address in self._held:
            self._held[address].append(entry)
        else:
            self._turn(address, entry)

    def _turn(self, address: str, entry: Entry) -> None:
        name, _, id = address.partition("/")
        group = self.app.catalogue.groups[name]
        keyed = (name, id) in entry.targets
        if not keyed and address not in self._live:
            return
        instance = self._instances.get(address)
        if instance is None:
            instance = self._instances[address] = Instance(group, id, None)
        try:
            result = run_twice(instance, entry.plan, entry.event, entry.time_us, self._envelope(entry))
        except (TurnError, EventRejected) as error:
            self._park(DeadLetter(entry.event, address, error, entry))
            if group.failures == "hold":
                self._held[address] = deque([entry])
            elif keyed:
                self._live[address] = None
            return
        if keyed:
            self._live[address] = None
        if result.retired:
            del self._live[address]
            self._timers.cancel_all(address)
        for emitted in result.emitted:
            self._append(self._following(entry, emitted, address, entry.time_us))
        for timer in result.timers:
            if isinstance(timer, TimerCancel):
                self._timers.cancel((address, timer.type, timer.name))
            else:
                self._set(address, timer, entry)

    def _following(self, entry: Entry, emitted: Emitted, source: str, time_us: int) -> Entry:
        """An emission; in place of one that goes too far what tells of it."""
        hops = entry.hops + 1
        path = path_of(entry.path, hops, entry.plan.type)
        bound, hops_max = bounds(emitted.max_hops, entry.hops_max)
        if hops <= bound:
            made = Entry(emitted.plan, emitted.event, emitted.targets, source, time_us)
        else:
            path = path or (entry.plan.type,)
            told = halted(emitted, emitted.data, too_far(bound), path)
            plan = self.app.catalogue.events[HALTED]
            made = Entry(plan, told, () if HALTED in path else plan.targets(told), source, time_us)
            hops_max = hops + HOPS_MAX
        made.hops, made.hops_max, made.path = hops, hops_max, path
        made.root, made.cause = entry.root, entry.id
        return made

    def _park(self, letter: DeadLetter) -> None:
        self._letters.append(letter)
        self._unseen.append(letter)

    def _decided(self, letter: DeadLetter, *, skip: bool) -> None:
        address, entry = letter.address, letter.entry
        gateway = self.app.catalogue.gateways.get(address)
        waiting = self._held.get(address)
        if letter not in self._letters or (gateway is None and (waiting is None or waiting[0] is not entry)):
            raise TrunklineError(
                f"this {type(letter.event).__name__} waits nowhere: {address} has gone on without it",
                hint="retry or skip what stands in dead_letters, once; failures='skip' goes on by itself.",
            )
        self._letters.remove(letter)
        if gateway is not None:
            if not skip:
                self._call(gateway, entry)
        elif waiting is not None:
            del self._held[address]
            if skip:
                waiting.popleft()
                if tuple(address.split("/", 1)) in entry.targets:
                    self._live[address] = None
            for one in waiting:
                self._deliver(address, one)
            self._timers.release(address)
        self._run()
        self._pass(to_us(self.now))

    # ------------------------------------------------------------ timers

    def _set(self, address: str, timer: TimerSet, entry: Entry) -> None:
        emitted = timer.emitted
        key = (address, emitted.plan.type, timer.name)
        due = entry.time_us + timer.delay_us
        if timer.delay_us:
            later = Entry(emitted.plan, emitted.event, emitted.targets, address, due)
            later.root, later.cause = entry.root, entry.id
        else:
            # It belongs to the chain, as an emission does.
            later = self._following(entry, emitted, address, due)
            if later.plan is not emitted.plan:
                self._timers.cancel(key)
                self._append(later)
                return
        self._timers.set(key, due, later)

    # ------------------------------------------------------------ gateways

    def _call(self, gateway: GatewayPlan, entry: Entry) -> None:
        handler = gateway.handlers[entry.plan.type]
        call = _Call()
        last: GaveUp | None = None
        while True:
            ended = self._attempt(gateway, call.kind, entry, last)
            if ended.error is not None and call.kind == CallKind.CALL:
                last = GaveUp(type(ended.error).__name__, str(ended.error), "".join(format_exception(ended.error)))
            step, _ = decide(call, ended.outcome, handler)
            if step == ANSWER:
                for emitted in ended.emitted:
                    time_us = to_us(self.now) if emitted.time_us is None else emitted.time_us
                    self._append(self._following(entry, emitted, gateway.name, time_us))
                return
            if step == PARK:
                assert ended.error is not None
                self._park(DeadLetter(entry.event, gateway.name, ended.error, entry))
                return

    def _attempt(self, gateway: GatewayPlan, kind: CallKind, entry: Entry, last: GaveUp | None) -> Ended:
        if asyncio._get_running_loop() is not None:
            raise TrunklineError(
                "a scenario was asked to call a gateway inside an event loop, and has to run one itself",
                hint="test in a plain function: `def test_...`, not `async def`.",
            )
        if self._runner is None:
            self._runner = asyncio.Runner()
            weakref.finalize(self, self._runner.close)
            for plan in self.app.catalogue.gateways.values():
                self._runner.run(plan.gateway.open())
        event = decode_event(entry.plan.cls, encode_event(entry.event), entry.plan.version)
        context = CallContext(self._envelope(entry), f"{entry.id}-{gateway.name}")
        return self._runner.run(attempt(gateway, kind, entry.plan.type, event, context, last))

    def _envelope(self, entry: Entry) -> Envelope:
        return make_envelope(
            entry.id,
            entry.plan,
            source=f"/{self.app.name}/{entry.source}",
            subject=subject_of(entry),
            time=to_time(entry.time_us),
            root=entry.root,
            cause=entry.cause,
            hops=entry.hops,
        )
