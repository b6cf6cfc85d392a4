"""The third executor: Ray, with processes, sockets and SQLite, in the story's own time."""

from datetime import timedelta
from pathlib import Path

from actors import Event
from actors.aggregate import EPOCH
from runtime import Runtime
from runtime.core.plan import Placement
from tests.conftest import Start
from tests.runtime.cluster.actors_of import wait_for_own_hosts
from tests.scenarios.hand_clock import HandClock
from tests.scenarios.story import BEGINS, NOTES, SECOND, Ending, Fact, Say, Story, Wait

MICROSECOND = timedelta(microseconds=1)
TIME_STEP = 5
"""Seconds of a story: no two timers of one instance are due within them. A leap over both would fire both at once."""


def on_ray(
    story: Story, start: Start, folder: Path, *, run_on: bool = True, placement: Placement | None = None
) -> Ending:
    clock = HandClock(folder / "clock")
    moment = BEGINS
    clock.set(moment)
    rt = start(story.app, clock=clock, run_on=run_on, placement=placement, partitions=8)
    for step in story.steps:
        if isinstance(step, Say):
            rt.publish(step.events, time=EPOCH + moment * MICROSECOND)
            _settle(rt)
            if placement == "dedicated":
                # The steps that follow are taken there.
                wait_for_own_hosts(rt)
        for _ in range(step.seconds // TIME_STEP if isinstance(step, Wait) else 0):
            moment += TIME_STEP * SECOND
            clock.set(moment)
            _settle(rt)
    facts = []
    for recorded in rt.tail():
        if recorded.type not in NOTES:
            assert isinstance(recorded.event, Event)
            since = (recorded.time - EPOCH) // MICROSECOND - BEGINS
            payload = recorded.event.model_dump_json()
            facts.append(Fact(since, recorded.type, recorded.subject, recorded.source, payload))
    dead = [(letter.address, letter.recorded.type) for letter in rt.dead_letters.list()]
    return Ending.of(story, [rt.get(cls, id) for cls, id in story.look_at], facts, dead)


def _settle(rt: Runtime) -> None:
    """All that is due has fired, and all that followed from it is handled.

    A router fires what is due as soon as it looks at its clock, which it does when the first drain asks: the second one
    waits for what follows.
    """
    rt.drain(timeout=60)
    rt.drain(timeout=60)
