"""Durable timers, and the stated time of a gateway's event."""

from datetime import datetime
from numbers import Real
from typing import Generic, Never, TypeVar

from actors.errors import TrunklineError
from actors.event import Event

E = TypeVar("E", bound=Event, covariant=True)

DAY, HOUR, MINUTE, SECOND = 86_400_000_000, 3_600_000_000, 60_000_000, 1_000_000
DELAY_MAX = 36_525 * DAY


class After(Generic[E]):
    """Returned, or yielded, by an aggregate's handler: this event is to happen later, once, whatever dies meanwhile.

    A timer is (instance, event type, name); setting it again replaces it. It is due at the turn's `self.now` plus the
    delay (`days`, `hours`, `minutes` and `seconds` add up; one of them is given), and its event carries that moment as
    its time. The event goes to those who listen to it, as any does; in the return hint it is an `After[X]`, and the
    class owns X.
    """

    __slots__ = ("delay_us", "event", "name")

    def __init__(
        self,
        event: E,
        *unnamed: Never,
        days: float | None = None,
        hours: float | None = None,
        minutes: float | None = None,
        seconds: float | None = None,
        name: str | None = None,
    ) -> None:
        if not isinstance(event, Event):
            raise TrunklineError(
                f"After() takes an event, and {event!r} is none", hint="yield After(Expired(...), minutes=10)."
            )
        self.event = event
        self.name = name or ""
        what = f"After({type(event).__name__})"
        if unnamed:
            raise TrunklineError(
                f"{what} was given {unnamed[0]!r}, and not in which unit", hint="After(..., minutes=10, name='first')."
            )
        delay: float = 0
        said = False
        for value, unit in ((days, DAY), (hours, HOUR), (minutes, MINUTE), (seconds, SECOND)):
            if value is None:
                continue
            if not isinstance(value, Real):
                raise TrunklineError(
                    f"{what} has a delay of {value!r}, which is no number",
                    hint="After(..., minutes=10); of a timedelta, seconds=delta.total_seconds().",
                )
            delay += value * unit
            said = True
        if not said:
            # It is more likely forgotten than meant to be nought, and the event would happen at once.
            raise TrunklineError(
                f"{what} has no delay in days, hours, minutes or seconds",
                hint="After(..., minutes=10); seconds=0 for what comes right after what the turn leads to.",
            )
        if not 0 <= delay <= DELAY_MAX:
            raise TrunklineError(
                f"{what} has a delay of {delay / SECOND:g} s",
                hint="a timer fires now (0) or later, and within a hundred years.",
            )
        self.delay_us = round(delay)

    def __repr__(self) -> str:
        return f"After({self.event!r}, seconds={self.delay_us / SECOND:g}, name={self.name!r})"


class Cancel(Generic[E]):
    """Returned, or yielded, by an aggregate's handler: its instance's timer for this event class is not to fire.

    `name` is the timer's. Without such a timer nothing happens; one that has fired is a fact. In the return hint it is
    a `Cancel[X]`.
    """

    __slots__ = ("event_class", "name")

    def __init__(self, event_class: type[E], name: str | None = None) -> None:
        if not isinstance(event_class, type) or not issubclass(event_class, Event):
            raise TrunklineError(
                f"Cancel() takes the class of an event, and {event_class!r} is none", hint="yield Cancel(Expired)."
            )
        self.event_class = event_class
        self.name = name or ""

    def __repr__(self) -> str:
        return f"Cancel({self.event_class.__name__}, name={self.name!r})"


class At(Generic[E]):
    """Returned by a gateway's handler: the event happened at this moment (aware), as the outside world says.

    In the return hint it is an `At[X]`.
    """

    __slots__ = ("event", "time")

    def __init__(self, event: E, time: datetime) -> None:
        if time.tzinfo is None:
            raise TrunklineError(
                f"At({type(event).__name__}) has a time without a zone", hint="datetime.now(UTC), or tzinfo=UTC."
            )
        self.event = event
        self.time = time

    def __repr__(self) -> str:
        return f"At({self.event!r}, {self.time.isoformat()})"
