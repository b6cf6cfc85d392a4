"""Run every turn of a journal again, through the present code, and say where it goes another way.

Nothing is written, and no gateway is called: a log says what happened, and each turn must follow from it.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from actors.app import App
from runtime.comparing import Difference, Outcome, addresses, compare
from runtime.core.messages import POSITION_MASK
from runtime.core.rows import Entry, TimerRow
from runtime.journal import open_reader
from runtime.reading import Reading
from runtime.source import JournalAtRest


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay came to."""

    turns: int
    instances: int
    seconds: float
    differing: int
    """Partitions that differ somewhere."""
    difference: Difference | None
    """The first one, by when its event was recorded."""


def replay(journal: str, app: App) -> Replayed:
    """Replay a journal, at rest or in use.

    Args:
        journal: a path or a URL, as `Runtime.start` takes it.

    Raises:
        JournalError: it can't be read.
    """
    reader = open_reader(journal)
    try:
        return asyncio.run(replayed(Reading(JournalAtRest(reader), app), app))
    finally:
        reader.close()


async def replayed(reading: Reading, app: App, tell: Callable[[str], None] = lambda text: None) -> Replayed:
    """Replay what a reading reads; `tell` is told how far it has come."""
    begun = time.perf_counter()
    partitions = (await reading.info()).partitions
    turns = instances = 0
    found: list[Difference] = []
    timers = await reading.timers()
    for partition in range(partitions):
        tell(f"replaying partition {partition + 1} of {partitions}, {turns:,} turns so far")
        outcome = await _partition(reading, app, partition, timers)
        if outcome.first is not None:
            # An app may go on in it between two questions: what differs twice differs.
            outcome = await _partition(reading, app, partition, None)
        turns += outcome.turns
        instances += outcome.instances
        if outcome.first is not None:
            found.append(outcome.first)
    first = min(found, key=lambda d: (d.entry.recorded, d.entry.at), default=None)
    return Replayed(turns, instances, time.perf_counter() - begun, len(found), first)


async def _partition(reading: Reading, app: App, partition: int, timers: list[TimerRow] | None) -> Outcome:
    partitions = (await reading.info()).partitions
    log: list[Entry] = []
    await _read(reading, partition, log)
    of_log = addresses(log)
    rows = await reading.instances(of_log)
    if timers is None:
        timers = await reading.timers()
    # How far instances have come was read after the log: with what was written meanwhile it holds all that they did.
    await _read(reading, partition, log)
    return compare(app, partitions, log, rows, [timer for timer in timers if timer.partition == partition])


async def _read(reading: Reading, partition: int, log: list[Entry]) -> None:
    """Read on to the log's end."""
    while page := await reading.log(partition, log[-1].at & POSITION_MASK if log else 0):
        log += page


__all__ = ["Difference", "Replayed", "replay", "replayed"]
