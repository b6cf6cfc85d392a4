"""What happened in a scenario: its log, and what could not be handled."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from traceback import extract_tb

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


def unlooked(letters: Sequence[DeadLetter]) -> str:
    """What a test is told that ends without a look at its dead letters."""
    count = "a dead letter" if len(letters) == 1 else f"{len(letters)} dead letters"
    told = "".join(f"\n\n{letter.address} could not handle {letter.event!r}\n{_shown(letter)}" for letter in letters)
    return (
        f"the scenario ends with {count} that nobody looked at{told}\n\n"
        "  fix: mend the handler; if it is to fail, look at play.dead_letters: (letter,) = play.dead_letters."
    )


def _shown(letter: DeadLetter) -> str:
    """The error, and the line that raised it."""
    error = letter.error.__cause__ or letter.error
    raised = extract_tb(error.__traceback__)[-1:]
    places = "".join(f"\n  at {frame.filename}:{frame.lineno}" for frame in raised)
    return f"  {type(error).__name__}: {error}{places}"


def subject_of(entry: Entry) -> str:
    """The key that an event's listeners agree on."""
    keys = {key for _, key in entry.targets if key is not None and key != EVERYONE}
    return keys.pop() if len(keys) == 1 else ""
