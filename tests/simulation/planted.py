"""Worlds with one bug each, such as a tired programmer writes: the simulator must catch every one of them."""

import dataclasses
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from actors import App
from actors.schedule import Due, Schedule
from runtime.core.heart import HeartCore
from runtime.core.host import HostCore
from runtime.core.limits import Limits
from runtime.core.messages import Answer, DeliverBatch, PublishBatch, PublishReply, Taken, TurnDone
from runtime.core.plan import CellPlan
from runtime.core.router import RouterCore
from runtime.core.rows import Batch, Entry, InstanceRow, Recovery, Status
from runtime.core.staging import Drained
from runtime.core.supervisor import Kill, Start, SupervisorCore, first_children
from runtime.core.timers import Timers
from runtime.errors import JournalError
from runtime.journal.memory import MemoryJournal
from runtime.journal.protocol import Journal
from runtime.simulation.disk import Disk
from runtime.simulation.process import Process
from runtime.simulation.profile import Profile
from runtime.simulation.scheduler import Scheduler
from runtime.simulation.world import World


def with_journal(kind: type[MemoryJournal]) -> type[World]:
    """A world whose processes open this journal."""

    class Planted(World):
        def open_journal(self) -> Journal:
            return kind(self.store)

    return Planted


def with_router(kind: type[RouterCore], **weather: Any) -> type[World]:
    """`weather` changes profiles, where a bug needs something to happen that is rare."""

    class Planted(World):
        def __init__(self, app: App, profile: Profile, scheduler: Scheduler) -> None:
            super().__init__(app, dataclasses.replace(profile, **weather), scheduler)

        def make_router(self, recoveries: list[Recovery], now: int) -> RouterCore:
            return kind(self.plan, recoveries, self.profile.limits, now)

    return Planted


def with_host(kind: type[HostCore]) -> type[World]:
    class Planted(World):
        def make_host(self) -> HostCore:
            return kind(self.app.catalogue, self.partitions, run_on=self.profile.run_on, app=self.app.name)

    return Planted


def with_supervisor(kind: type[SupervisorCore], **weather: Any) -> type[World]:
    class Planted(World):
        def __init__(self, app: App, profile: Profile, scheduler: Scheduler) -> None:
            super().__init__(app, dataclasses.replace(profile, **weather), scheduler)

        def make_supervisor(self) -> SupervisorCore:
            names = first_children(self.profile.limits.hosts, gateways=True)
            return kind(names, self.schedules, patience=self.patience_us, second=self.profile.second_us)

    return Planted


def with_heart(kind: type[HeartCore]) -> type[World]:
    class Planted(World):
        def make_heart(self, core: SupervisorCore) -> HeartCore:
            return kind(core, self.app.catalogue, self.partitions)

    return Planted


def with_disk(kind: type[Disk]) -> type[World]:
    class Planted(World):
        def make_disk(self, journal: Journal) -> Disk:
            return kind(self.scheduler, journal, self.profile.wear)

    return Planted


# ---------------------------------------------------------------- disks and journals


class HastyDisk(Disk):
    """Says that a commit is durable when it has only begun."""

    def commit(
        self, process: Process, batch: Batch, done: Callable[[], None], failed: Callable[[JournalError], None]
    ) -> None:
        process.later(1, done)
        super().commit(process, batch, lambda: None, failed)


class TornJournal(MemoryJournal):
    """Writes cursors with their commit, and states with the commit after it."""

    _late: dict[str, InstanceRow]

    def commit(self, batch: Batch) -> None:
        self.store.write(batch._replace(instances={}, cursors={**batch.cursors, **batch.instances}))
        for address, row in getattr(self, "_late", {}).items():
            self.store.instances[address] = self.store.instances[address]._replace(state=row.state)
        self._late = batch.instances


class ForgetfulJournal(MemoryJournal):
    """Keeps fired and cancelled timers."""

    def commit(self, batch: Batch) -> None:
        self.store.write(batch._replace(timers={key: row for key, row in batch.timers.items() if row is not None}))


class TimerlessJournal(MemoryJournal):
    """Keeps no timers: they live only in the router's memory."""

    def commit(self, batch: Batch) -> None:
        self.store.write(batch._replace(timers={}))


class RenamingJournal(MemoryJournal):
    """Gives a copied event an id of its own."""

    def commit(self, batch: Batch) -> None:
        self.store.write(batch._replace(entries=[entry._replace(id=entry.at) for entry in batch.entries]))


class LosingJournal(MemoryJournal):
    """Loses the last event of every tenth commit."""

    _count = 0

    def commit(self, batch: Batch) -> None:
        self._count += 1
        self.store.write(batch)
        if batch.entries and self._count % 10 == 0:
            at = batch.entries[-1].at
            log = self.store.log[at >> 40]
            log[-1] = log[-1]._replace(type="trunkline.skipped", targets=b"", body=log[0].body, client="", id=log[0].id)


class UnmarkedJournal(MemoryJournal):
    """Does not say that a call was answered."""

    def commit(self, batch: Batch) -> None:
        rows = {key: row for key, row in batch.deliveries.items() if row is None or row.status != Status.DONE}
        self.store.write(batch._replace(deliveries=rows))


# ---------------------------------------------------------------- routers


class HastyRouter(RouterCore):
    """Tells publishers, and calls gateways, while the commit is under way."""

    def next_batch(self, *, closing: bool = False) -> Batch | None:
        batch = super().next_batch(closing=closing)
        staging = self._cell.staging
        if batch is not None and staging.committing is not None:
            staging._say(staging.committing)
            staging.committing.replies, staging.committing.calls = [], []
        return batch


class HastyCalls(RouterCore):
    """Calls gateways before the start of the attempt is durable."""

    def next_batch(self, *, closing: bool = False) -> Batch | None:
        batch = super().next_batch(closing=closing)
        staging = self._cell.staging
        if batch is not None and staging.committing is not None:
            staging._calls += staging.committing.calls
            staging.committing.calls = []
        return batch


class TrustingRouter(RouterCore):
    """Commits whatever a host answers, as if it were the answer that is due: no compare-and-set."""

    def answer(self, host: str, answer: Answer, now: int) -> None:
        seen: dict[str, int] = {}
        turns: list[TurnDone] = []
        for turn in answer.turns:
            box = self._cell.mailboxes.get(turn.address)
            if box is not None and box.active:
                count = seen[turn.address] = seen.get(turn.address, -1) + 1
                at = box.queue[count].at if turn.at and count < len(box.queue) else turn.at
                turn = replace(turn, activation=box.activation, turn=box.turn + count, at=at)
            turns.append(turn)
        super().answer(host, Answer(answer.number, tuple(turns), answer.failed), now)


class RepeatingRouter(TrustingRouter):
    """Commits an answer as often as it comes."""

    def answer(self, host: str, answer: Answer, now: int) -> None:
        link = self._cell.links.get(host)
        if link is not None and answer.number not in link.in_flight:
            link.in_flight.append(answer.number)
        super().answer(host, answer, now)


class UnfencedRouter(RouterCore):
    """Takes a tick from whoever brings it."""

    def publish(self, ticket: int, batch: PublishBatch, now: int, keys: Any = None, sent: Any = None) -> None:
        items = tuple(replace(item, fence=None, schedule=None) for item in batch.items)
        super().publish(ticket, replace(batch, items=items), now, keys, sent)


class KeylessRouter(RouterCore):
    """Does not look a key up."""

    def publish(self, ticket: int, batch: PublishBatch, now: int, keys: Any = None, sent: Any = None) -> None:
        items = tuple(replace(item, key=None) for item in batch.items)
        super().publish(ticket, replace(batch, items=items), now, {}, sent)


class ResendTakingRouter(RouterCore):
    """Takes anew what a client sends again."""

    def publish(self, ticket: int, batch: PublishBatch, now: int, keys: Any = None, sent: Any = None) -> None:
        for item in batch.items:
            self._origins.taken.pop((item.partition, batch.client), None)
        super().publish(ticket, batch, now, keys, {})


class GullibleRouter(RouterCore):
    """Takes whatever a client sends first for the first that there is."""

    _met: set[str]

    def publish(self, ticket: int, batch: PublishBatch, now: int, keys: Any = None, sent: Any = None) -> None:
        self._met = getattr(self, "_met", set())
        if batch.client not in self._met:
            self._met.add(batch.client)
            self._origins._following.add(batch.client)
        super().publish(ticket, batch, now, keys, sent)


class BlindCalls(RouterCore):
    """Counts a call as lost with its gateways that was not sent yet, and sends it all the same."""

    def gateways_lost(self, now: int) -> None:
        for call in self._cell.calls.running():
            call.sent = True
        super().gateways_lost(now)


class ShortDrains(RouterCore):
    """Says that all is handled as soon as it is asked."""

    def drain(self, ticket: int, timers: bool) -> None:
        self._cell.staging.stage.replies.append((ticket, Drained()))


class EarlyTimers(Timers):
    def due(self, now: int) -> Any:
        return super().due(now + 30_000)

    def next(self) -> int | None:
        moment = super().next()
        return None if moment is None else moment - 30_000


class EarlyRouter(RouterCore):
    """Fires timers 30 ms before they are due."""

    def __init__(self, plan: CellPlan, recoveries: list[Recovery], limits: Limits, now: int) -> None:
        super().__init__(plan, recoveries, limits, now)
        self._cell.timers.__class__ = EarlyTimers


class ImpatientRouter(RouterCore):
    """Fires what is due, whatever its instance has still to handle."""

    def advance(self, now: int) -> None:
        kept = []
        for row in self._cell.timers._rows.values():
            box = self._cell.mailboxes.get(row.address)
            if row.due <= now and box is not None:
                for pending in box.queue:
                    kept.append((pending, pending.since))
                    pending.since = row.due
        super().advance(now)
        for pending, since in kept:
            pending.since = since


class DoubleCopies(RouterCore):
    """Copies some events twice to another partition."""

    def __init__(self, plan: CellPlan, recoveries: list[Recovery], limits: Limits, now: int) -> None:
        super().__init__(plan, recoveries, limits, now)
        copy = self._cell._copy

        def twice(entry: Entry, home: Any, elsewhere: dict[int, list[str]], everywhere: list[str], gen: int) -> None:
            copy(entry, home, elsewhere, everywhere, gen)
            if entry.at & 7 == 0 and elsewhere:
                copy(entry, home, elsewhere, [], gen)

        self._cell._copy = twice  # type: ignore[method-assign]


class TirelessRouter(RouterCore):
    """Makes a call again, and again, after the tries that its handler allows."""

    def __init__(self, plan: CellPlan, recoveries: list[Recovery], limits: Limits, now: int) -> None:
        gateways = {}
        for name, gateway in plan.gateways.items():
            handlers = {t: handler._replace(retries=handler.retries + 3) for t, handler in gateway.handlers.items()}
            gateways[name] = gateway._replace(handlers=handlers)
        super().__init__(plan._replace(gateways=gateways), recoveries, limits, now)


class SleepyRouter(RouterCore):
    """Never wakes by itself."""

    def wake_at(self) -> int | None:
        return None


# ---------------------------------------------------------------- hosts


class SwallowingHost(HostCore):
    """Takes a handler that raised for one that had nothing to do."""

    def deliver(self, batch: DeliverBatch) -> Answer:
        answer = super().deliver(batch)
        turns = list(answer.turns)
        for failed in answer.failed:
            number = sum(turn.address == failed.address and turn.activation == failed.activation for turn in turns)
            turns.append(TurnDone(failed.address, failed.activation, number, failed.at))
        return Answer(answer.number, tuple(turns))


class UncancellingHost(HostCore):
    """Forgets to pass on what a turn cancels."""

    def deliver(self, batch: DeliverBatch) -> Answer:
        answer = super().deliver(batch)
        turns = tuple(replace(turn, cancels=()) for turn in answer.turns)
        return Answer(answer.number, turns, answer.failed)


class StatelessHost(HostCore):
    """Loses the state of a turn that emits nothing."""

    def deliver(self, batch: DeliverBatch) -> Answer:
        answer = super().deliver(batch)
        turns = tuple(turn if turn.emitted else replace(turn, changed=False, state=None) for turn in answer.turns)
        return Answer(answer.number, turns, answer.failed)


# ---------------------------------------------------------------- supervisors


class HalfHeartedSupervisor(SupervisorCore):
    """Kills a process once, whether or not that gets through."""

    _killed: set[str]

    def actions(self, now: int) -> list[Start | Kill]:
        self._killed = getattr(self, "_killed", set())
        found = [a for a in super().actions(now) if isinstance(a, Start) or a.name not in self._killed]
        self._killed |= {action.name for action in found if isinstance(action, Kill)}
        return found

    def died(self, name: str, now: int) -> None:
        super().died(name, now)
        self._killed.discard(name)


class DeafSupervisor(SupervisorCore):
    """Does not hear of the death of a child that has not come up."""

    def died(self, name: str, now: int) -> None:
        if self.is_up(name):
            super().died(name, now)


class StubbornHeart(HeartCore):
    """Publishes a tick that was refused as it was worked out first, on top of what was taken since."""

    _kept: dict[str, Due]

    def _batch(self, schedule: Schedule, due: Due) -> PublishBatch:
        self._kept = getattr(self, "_kept", {})
        return super()._batch(schedule, self._kept.setdefault(schedule.name, due))

    def published(self, reply: PublishReply) -> None:
        super().published(reply)
        if not reply.refused and reply.results[0][0] == Taken.NEW:
            self._kept.clear()
