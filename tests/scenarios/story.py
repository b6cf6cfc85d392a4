"""A story: an app, what is said to it and when, and whose state is looked at in the end."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from actors import Aggregate, App, Event
from runtime.core.parking import PARKED, RETRIED, SKIPPED
from runtime.simulation.scheduler import START_US

SECOND = 1_000_000
BEGINS = START_US + 5 * SECOND
"""When every story begins, whoever executes it (µs since the epoch): by then a simulation has its processes up."""
NOTES = (PARKED, RETRIED, SKIPPED)
"""What the runtime notes in its log about deliveries: no event of the app."""


@dataclass(frozen=True, slots=True)
class Say:
    """Publish these, one after the other, now; then all that follows at once is handled."""

    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Wait:
    """Let time pass: at least ten seconds, since a runtime takes its time between two steps; a multiple of five."""

    seconds: int

    def __post_init__(self) -> None:
        assert self.seconds >= 10
        assert self.seconds % 5 == 0


def say(*events: Event) -> Say:
    return Say(events)


@dataclass(frozen=True, slots=True)
class Story:
    """What happens to one app."""

    app: App
    steps: Sequence[Say | Wait]
    look_at: Sequence[tuple[type[Aggregate], str]]
    """(class, id) of every instance that matters, also of those that should not be there."""


class Fact(NamedTuple):
    """An event that happened."""

    time_us: int
    """Since the story's start."""
    type: str
    subject: str
    source: str
    payload: str
    """Its JSON."""


@dataclass(frozen=True, slots=True)
class Ending:
    """What a story led to, whoever executed it."""

    states: dict[str, dict[str, Any] | None]
    """`Wallet/ada` → its fields; None: there is no such instance."""
    facts: list[Fact]
    """In the order of time; of the same moment in an order of their own, since several logs have no common one."""
    dead: list[tuple[str, str]]
    """(address, event type) of the dead letters."""

    @classmethod
    def of(
        cls,
        story: Story,
        states: Sequence[Aggregate | None],
        facts: Sequence[Fact],
        dead: Sequence[tuple[str, str]],
    ) -> "Ending":
        names = [f"{aggregate.__name__}/{id}" for aggregate, id in story.look_at]
        dumped = [state.model_dump(mode="json") if state is not None else None for state in states]
        return cls(dict(zip(names, dumped, strict=True)), sorted(facts), sorted(dead))
