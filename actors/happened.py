"""What happened in a scenario: its log, and what could not be handled."""

from dataclasses import dataclass, field
from datetime import datetime

from actors.catalogue import EVERYONE, EventPlan, Route
from actors.chain import HOPS_MAX
from actors.event import Event


class Entry:
    """An event in the scenario's log."""

    __slots__ = ("cause", "event", "hops", "hops_max", "id", "path", "plan", "root", "source", "targets", "time_us")

    def __init__(self, plan: EventPlan, event: Event, targets: tuple[Route, ...], source: str, time_us: int) -> None:
        self.id = self.root = self.cause = ""
        self.plan, self.event, self.targets, self.source, self.time_us = plan, event, targets, source, time_us
        self.hops = 0
        self.hops_max = HOPS_MAX
        self.path: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Happened:
    """An event as it stands in the log of a scenario."""

    event: Event
    time: datetime
    source: str
    """Who emitted it: `Wallet/ada`, `Payments`, `client`."""
    subject: str
    """The routing key that its listeners agree on, or an empty string."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that could not be handled, by whom, and why."""

    event: Event
    address: str
    error: BaseException
    entry: Entry = field(repr=False, compare=False)


def subject_of(entry: Entry) -> str:
    """The key that an event's listeners agree on."""
    keys = {key for _, key in entry.targets if key is not None and key != EVERYONE}
    return keys.pop() if len(keys) == 1 else ""
