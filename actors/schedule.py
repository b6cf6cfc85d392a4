"""The heartbeat and schedules: which moments are due. Pure: moments in, moments out; who beats is the runtime's.

A schedule is a rising sequence of moments. What has been taken of it is one moment, kept in the journal; the next event
is for the newest moment that is due; its `missed` says how many due ones before it were passed over. From where it
counts is kept as well: from when the app has had it, without a break. Cron expressions are read by cronsim, which keeps
Debian cron's rules, also over changes of daylight saving time.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from actors.errors import TrunklineError
from actors.event import Event

SECOND = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RIGHT = 'cron("0 8 * * *", DailyBoard, tz="Europe/Berlin"), with class DailyBoard(Event, origin=True).'
COUNTED_MAX = 100_000
"""Missed moments of a cron expression are counted up to this number: each costs some microseconds to find."""


class Heartbeat(Event, origin=True, broadcast=True):
    """Time passes. Beaten every `App(heartbeat=...)` seconds, once, to every live instance that listens."""

    tick: int
    """Whole periods since the app has had a heartbeat, each as long as it was then; only rising."""
    missed: int = 0
    """Ticks that were skipped before this one, while nobody was there to beat."""


class BadSchedule(TrunklineError):
    """A schedule that can't be followed: its expression, zone, period or event."""


@dataclass(frozen=True, slots=True)
class Due:
    """The event of a schedule that is due now."""

    moment: int
    """What it is keyed by, above all taken before: the tick's number, or the scheduled µs since the epoch."""
    time: int
    """µs since the epoch: the event's time."""
    event: Event


class Begun(NamedTuple):
    """From where a schedule counts."""

    since: int
    """µs since the epoch."""
    period: int = 0
    """µs between its moments, where `since` depends on that."""


class Schedule(Protocol):
    """A source of origin events by the clock."""

    @property
    def name(self) -> str:
        """Unique in the app; what is kept in the journal stands under it."""
        ...

    @property
    def event_class(self) -> type[Event]: ...

    def begun(self, kept: Begun | None, taken: int | None, now: int) -> Begun:
        """From where it counts in a life of the app that starts now.

        `kept` is from where it did in the life before; None: that did not have it, or there was none.
        """
        ...

    def due(self, taken: int | None, since: int, now: int) -> Due | None:
        """The newest moment that is due and above `taken` (None: none yet). Times are µs since the epoch."""
        ...

    def next(self, taken: int | None, since: int, now: int) -> int:
        """µs since the epoch at which the following moment comes, after `now`."""
        ...


@dataclass(frozen=True, slots=True)
class Beat:
    """The heartbeat: tick n is due n whole periods after `since`, mostly the app's first start."""

    period: float
    """Seconds."""

    @property
    def name(self) -> str:
        return "heartbeat"

    @property
    def event_class(self) -> type[Event]:
        return Heartbeat

    @property
    def _period(self) -> int:
        return round(self.period * SECOND)

    def begun(self, kept: Begun | None, taken: int | None, now: int) -> Begun:
        passed = (taken or 0) * self._period
        if kept is not None and kept.period == self._period and kept.since + passed <= now:
            return kept
        # It is new, or has another period now, or the clock was set back: the next tick comes in one period.
        return Begun(now - passed, self._period)

    def due(self, taken: int | None, since: int, now: int) -> Due | None:
        tick = (now - since) // self._period
        before = taken if taken is not None else 0
        if tick <= before:
            return None
        return Due(tick, since + tick * self._period, Heartbeat(tick=tick, missed=tick - before - 1))

    def next(self, taken: int | None, since: int, now: int) -> int:
        tick = max((now - since) // self._period, taken or 0)
        return since + (tick + 1) * self._period


@dataclass(frozen=True, slots=True)
class Cron:
    """A cron expression in a time zone, and the event that it makes."""

    expression: str
    event_class: type[Event]
    tz: str
    fields: tuple[tuple[str, object], ...] = ()
    """Given to each event."""

    @property
    def name(self) -> str:
        given = "".join(f" {name}={value!r}" for name, value in self.fields)
        return f"cron {self.expression} {self.tz} {self.event_class.__trunkline__.name}{given}"

    def begun(self, kept: Begun | None, taken: int | None, now: int) -> Begun:
        return kept if kept is not None and kept.since <= now else Begun(now)

    def due(self, taken: int | None, since: int, now: int) -> Due | None:
        moment = self._last(now)
        since = max(since, taken or 0)
        if moment <= since:
            return None
        missed = 0
        for at in self._from(since):
            if at >= moment or missed == COUNTED_MAX:
                break
            missed += 1
        return Due(moment, moment, self.event_class.model_validate({**dict(self.fields), "missed": missed}))

    def next(self, taken: int | None, since: int, now: int) -> int:
        return next(self._from(max(now, taken or 0)))

    def _from(self, after: int) -> "CronMoments":
        return CronMoments(CronSim(self.expression, _local(after, self.tz)))

    def _last(self, now: int) -> int:
        """The newest moment at or before `now`."""
        return next(CronMoments(CronSim(self.expression, _local(now + SECOND * 60, self.tz), reverse=True), now))


class CronMoments:
    """cronsim's datetimes as µs since the epoch, none above `until`."""

    def __init__(self, moments: CronSim, until: int | None = None) -> None:
        self._moments = moments
        self._until = until

    def __iter__(self) -> "CronMoments":
        return self

    def __next__(self) -> int:
        while True:
            moment = round((next(self._moments).astimezone(UTC) - _EPOCH) / timedelta(microseconds=1))
            if self._until is None or moment <= self._until:
                return moment


def _local(at: int, tz: str) -> datetime:
    return (_EPOCH + timedelta(microseconds=at)).astimezone(ZoneInfo(tz))


def cron(expression: str, event_class: type[Event], *, tz: str = "UTC", **fields: object) -> Cron:
    """An event on a cron schedule: `cron("0 8 * * *", DailyBoard, tz="Europe/Berlin")`.

    The event is an origin event with a field `missed: int`: how many due moments were passed over before this, while
    the app was down. `fields` are given to each event; every other field needs a default.

    Raises:
        BadSchedule: the expression or zone can't be read, or the event can't be made from `missed` and `fields`.
    """
    for given, what in ((expression, "an expression"), (tz, "a time zone")):
        if not isinstance(given, str):
            raise BadSchedule(f"{given!r} can't be {what} of cron(...): it is no text", hint=_RIGHT)
    if not isinstance(event_class, type) or not issubclass(event_class, Event):
        raise BadSchedule(f"{event_class!r} can't be scheduled: it is no class of an event", hint=_RIGHT)
    try:
        zone = ZoneInfo(tz)
        moments = CronSim(expression, datetime(2024, 1, 1, tzinfo=zone))
        next(moments)
    except (CronSimError, StopIteration) as error:
        raise BadSchedule(
            f"cron expression {expression!r} can't be followed: {error or 'it never comes'}",
            hint='five fields, as in "0 8 * * mon-fri": minute, hour, day, month, weekday.',
        ) from error
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise BadSchedule(
            f"there is no time zone {tz!r}", hint='a name of the IANA database, as in "Europe/Berlin".'
        ) from error

    if not event_class.__trunkline__.origin:
        raise BadSchedule(
            f"{event_class.__name__} can't be scheduled: it does not come from outside any turn",
            hint=f"class {event_class.__name__}(Event, origin=True).",
        )
    if "missed" not in event_class.model_fields:
        raise BadSchedule(
            f"{event_class.__name__} can't be scheduled: it has no field `missed`",
            hint=f"add `missed: int = 0` to {event_class.__name__}: what was due in a down time comes as one event.",
        )
    try:
        event_class.model_validate({"missed": 0, **fields})
    except ValueError as error:
        raise BadSchedule(
            f"{event_class.__name__} can't be made from its schedule: {error}",
            hint="give its fields as keywords to cron(...), or give them defaults.",
        ) from error
    return Cron(expression, event_class, tz, tuple(fields.items()))
