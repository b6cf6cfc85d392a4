"""The supervisor's core: which processes should run, which must be ended, which ticks are due.

Theory of operation. Every process that the app needs is a child: wanted, then starting, then up, until it dies; a dead
one is started again, at once the first time, later if it keeps dying. The processes of dedicated instances start few
at a time, and not beside one that all need. A child that has not answered for `patience` is taken for stopped or
blocked: it is killed, again and again, and only its death lets a successor start. Safety does not rest on any of this:
a second supervisor, or a child that outlives its successor's start, is fenced by epochs in the journal.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from actors.schedule import Begun, Due, Schedule
from runtime.core.cell import SPARE
from runtime.core.rows import BegunRow

SECOND = 1_000_000
ROUTER = "Router"
GATEWAYS = "Gateways"
STARTS = 12
"""Patiences that a child has to come up: the first answer may be long in coming."""
EXTRAS_AT_ONCE = 2
"""Processes of dedicated instances that start at the same time. Each takes a second of CPU, a node starts as many at
once as it has CPUs, and whoever else must be started stands in that line; their instances share a host meanwhile."""
PINGS = 5
"""In the time after which a process counts as stopped; but at least one a second."""


def ping_every(patience: float) -> float:
    """Seconds between two pings."""
    return min(1.0, patience / PINGS)


def first_children(hosts: int, *, gateways: bool) -> list[str]:
    """Whom an app needs from its start."""
    return [ROUTER, *(f"host-{n}" for n in range(hosts)), *([GATEWAYS] if gateways else [])]


@dataclass(slots=True)
class Child:
    """One process."""

    name: str
    up: bool = False
    starting: bool = False
    found: bool = False
    """An earlier supervisor has started it, so it should answer, also when it does not say that it is up."""
    heard: int = 0
    """When it last answered, or was killed for its silence (µs)."""
    not_before: int = 0
    deaths: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Start:
    """Start this child."""

    name: str


@dataclass(frozen=True, slots=True)
class Kill:
    """End this child's process, which does not answer."""

    name: str


class SupervisorCore:
    """Decides; time is given in µs."""

    def __init__(
        self,
        children: Sequence[str],
        schedules: Sequence[Schedule],
        *,
        patience: int = 10 * SECOND,
        second: int = SECOND,
    ) -> None:
        self._children = {name: Child(name) for name in children}
        self._needed = frozenset(children)
        """By all, from the start on."""
        self._schedules = schedules
        self._patience = patience
        self._second = second
        self._looked: int | None = None
        """When `actions` was last asked for."""
        self.begun: dict[str, int] = {}
        """From where each schedule counts, if from elsewhere than `started`."""
        self.started = 0
        """The app's first start."""
        self.taken: dict[str, int] = {}
        """Last moment taken of each schedule."""
        self._fenced_at: dict[str, int] | None = None
        """What was taken when this supervisor was fenced off from a tick that nobody had taken."""

    def want(self, name: str) -> None:
        """The router needs this host."""
        self._children.setdefault(name, Child(name))

    def found(self, name: str, now: int) -> None:
        """An earlier supervisor has started this one: it comes up, or dies, or is killed for its silence."""
        child = self._children.setdefault(name, Child(name))
        child.starting, child.found, child.heard = True, True, now

    def unwant(self, name: str) -> None:
        """The router needs this host no longer: it is to end, and not to be started again."""
        self._children.pop(name, None)

    def wants(self, name: str) -> bool:
        return name in self._children

    def names(self) -> list[str]:
        return list(self._children)

    def is_up(self, name: str) -> bool:
        child = self._children.get(name)
        return child is not None and child.up

    def came_up(self, name: str, now: int) -> None:
        child = self._children.get(name)
        if child is not None:
            child.up, child.starting, child.found, child.heard = True, False, False, now

    def heard(self, name: str, now: int) -> None:
        child = self._children.get(name)
        if child is not None:
            child.heard = now

    def died(self, name: str, now: int) -> None:
        """Its process is gone. Started again at once; later, up to 5 s, if it died often in the last minute."""
        second = self._second
        child = self._children.get(name)
        if child is None:
            return
        child.up = child.starting = child.found = False
        child.deaths = [*(t for t in child.deaths if t > now - 60 * second), now]
        often = len(child.deaths) - 2
        child.not_before = now + min(second // 4 << often, 5 * second) if often > 0 else now

    def actions(self, now: int) -> list[Start | Kill]:
        """What is to be done now."""
        found: list[Start | Kill] = []
        if self._looked is not None and now - self._looked > self._patience // 2:
            # It is this process that stood still, with all of the machine or alone: their silence means nothing.
            for child in self._children.values():
                child.heard = now
        self._looked = now
        for child in self._children.values():
            if child.up or child.starting:
                if now - child.heard > self._patience * (1 if child.up or child.found else STARTS):
                    # Should it not get through, it is killed again when it has been silent for so long again.
                    child.heard = now
                    found.append(Kill(child.name))
            elif child.not_before <= now and (not self._is_extra(child) or self._has_room_for_extras()):
                child.starting, child.heard = True, now
                found.append(Start(child.name))
        return found

    def _is_extra(self, child: Child) -> bool:
        return child.name not in self._needed and child.name != SPARE

    def _has_room_for_extras(self) -> bool:
        starting = [child for child in self._children.values() if child.starting]
        needed = any(child.name in self._needed for child in starting)
        return not needed and sum(map(self._is_extra, starting)) < EXTRAS_AT_ONCE

    def ticks(self, now: int) -> list[tuple[Schedule, Due]]:
        """The origin events that are due."""
        found = []
        for schedule in self._schedules:
            due = schedule.due(self.taken.get(schedule.name), self._since(schedule), now)
            if due is not None:
                found.append((schedule, due))
        return found

    def fenced(self, schedule: Schedule, due: Due, taken: dict[str, int]) -> bool:
        """A newer supervisor's epoch fenced this tick off; `taken` is what the router has taken now.

        True: the newer one is gone, as it seems, so this one is to claim again: it was told twice that nobody has
        taken the tick.
        """
        self.taken = taken
        left_out = taken.get(schedule.name, -1) < due.moment
        gone = left_out and self._fenced_at == taken
        self._fenced_at = dict(taken) if left_out and not gone else None
        return gone

    def next_tick(self, now: int) -> int | None:
        """When `ticks` has something next."""
        return min(
            (s.next(self.taken.get(s.name), self._since(s), now) for s in self._schedules),
            default=None,
        )

    def _since(self, schedule: Schedule) -> int:
        return self.begun.get(schedule.name, self.started)


def begin(
    schedules: Sequence[Schedule], kept: Iterable[BegunRow], taken: Mapping[str, int], now: int
) -> tuple[BegunRow, ...]:
    """From where each schedule counts in a life of the app that starts now: what is to be kept of that."""
    before = {row.name: Begun(row.since, row.period) for row in kept}
    return tuple(
        BegunRow(schedule.name, *schedule.begun(before.get(schedule.name), taken.get(schedule.name), now))
        for schedule in schedules
    )
