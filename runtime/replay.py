"""Run every turn of a journal again, through the present code, as fast as it goes.

Nothing is written, and no gateway is called: a log says what happened, and each turn must follow from it.
"""

import time
from dataclasses import dataclass

from actors.app import App
from runtime.comparing import Difference, addresses, compare
from runtime.core.messages import Entry
from runtime.journal import open_reader
from runtime.journal.protocol import Reader

PAGE = 5_000


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay came to."""

    turns: int
    instances: int
    seconds: float
    difference: Difference | None
    """The first one."""


def replay(journal: str, app: App) -> Replayed:
    """Replay a journal at rest.

    Args:
        journal: a path or a URL, as `Runtime.start` takes it.

    Raises:
        JournalError: it can't be read.
    """
    begun = time.perf_counter()
    turns = instances = 0
    found: list[Difference] = []
    reader = open_reader(journal)
    try:
        timers = reader.timers()
        for partition in range(reader.info.partitions):
            log = _log(reader, partition)
            rows = {address: row for address in addresses(log) if (row := reader.instance(address)) is not None}
            mine = [timer for timer in timers if timer.partition == partition]
            outcome = compare(app, reader.info.partitions, log, rows, mine)
            turns += outcome.turns
            instances += len(rows)
            if outcome.first is not None:
                found.append(outcome.first)
    finally:
        reader.close()
    first = min(found, key=lambda difference: difference.entry.recorded, default=None)
    return Replayed(turns, instances, time.perf_counter() - begun, first)


def _log(reader: Reader, partition: int) -> list[Entry]:
    found: list[Entry] = []
    after = 0
    while page := reader.log(partition, after, PAGE):
        found += page
        after += len(page)
    return found


__all__ = ["Replayed", "replay"]
