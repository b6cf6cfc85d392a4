"""Run every turn of a journal again, through the present code, and say where it goes another way.

Nothing is written, and no gateway is called: a log says what happened, and each turn must follow from it.
"""

import time
from dataclasses import dataclass

from actors.app import App
from runtime.core.messages import Entry, InstanceRow, Status, id_text
from runtime.core.reference import Handled, Life, Replay
from runtime.journal import open_reader
from runtime.journal.protocol import Reader
from runtime.wire import decode_body

PAGE = 5_000


@dataclass(frozen=True, slots=True)
class Difference:
    """Where the present code and the journal part."""

    address: str
    """The instance."""
    event: str
    """Id of the event whose turn differs; empty: the turns are the same, and the state is not."""
    recorded: str
    replayed: str

    def __str__(self) -> str:
        at = f" on event {self.event}" if self.event else ""
        return f"{self.address}{at}\n  the journal has: {self.recorded}\n  the code gives:  {self.replayed}"


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay came to."""

    turns: int
    instances: int
    seconds: float
    difference: Difference | None
    """The first one, in the order of the logs."""


def replay(journal: str, app: App) -> Replayed:
    """Replay a journal, at rest or in use, as it stands when each partition is read.

    Args:
        journal: a path or a URL, as `Runtime.start` takes it.

    Raises:
        JournalError: it can't be read.
    """
    begun = time.perf_counter()
    turns = instances = 0
    reader = open_reader(journal)
    try:
        for partition in range(reader.info.partitions):
            log = _log(reader, partition)
            played = Replay(app, reader.info.partitions, log)
            instances += len(played.lives)
            turns += sum(len(life.handled) for life in played.lives.values())
            difference = _first(reader, log, played.lives)
            if difference is not None:
                return Replayed(turns, instances, time.perf_counter() - begun, difference)
    finally:
        reader.close()
    return Replayed(turns, instances, time.perf_counter() - begun, None)


def _log(reader: Reader, partition: int) -> list[Entry]:
    found: list[Entry] = []
    after = 0
    while page := reader.log(partition, after, PAGE):
        found += page
        after += len(page)
    return found


def _first(reader: Reader, log: list[Entry], lives: dict[str, Life]) -> Difference | None:
    """The first difference of one partition."""
    emitted: dict[tuple[int, str], list[Entry]] = {}
    for entry in log:
        if entry.at == entry.id and entry.cause:
            emitted.setdefault((entry.cause, decode_body(entry.body).source), []).append(entry)
    parked = {row.address: row.at for row in reader.deliveries(Status.PARKED)}
    found: list[tuple[int, Difference]] = []
    for address, life in lives.items():
        row = reader.instance(address)
        cursor = row.cursor if row is not None else 0
        for handled in life.handled:
            if handled.entry.at > cursor or handled.skipped:
                # Not handled yet when it was read (a broadcast that changes nothing moves no cursor), or left out.
                continue
            difference = _turn(handled, emitted.get((handled.entry.id, address), []))
            if difference is not None:
                found.append((handled.entry.at, difference))
                break
        else:
            up_to_date = not life.handled or life.handled[-1].entry.at <= cursor or life.handled[-1].broadcast
            if up_to_date and address not in parked:
                difference = _state(address, life, row)
                if difference is not None:
                    found.append((cursor, difference))
    return min(found, key=lambda item: item[0])[1] if found else None


def _turn(handled: Handled, actual: list[Entry]) -> Difference | None:
    event = id_text(handled.entry.id)
    if handled.error is not None:
        return Difference(handled.address, event, _said(actual), f"{type(handled.error).__name__}: {handled.error}")
    # What its timers fired stands behind what it emitted.
    expected = [(e.type, e.time, decode_body(e.body).data) for e in handled.emitted]
    recorded = [(e.type, e.time, decode_body(e.body).data) for e in actual[: len(expected)]]
    if expected == recorded:
        return None
    gives = ", ".join(f"{type} {data.decode()}" for type, _, data in expected) or "nothing"
    return Difference(handled.address, event, _said(actual), gives)


def _said(entries: list[Entry]) -> str:
    return ", ".join(f"{e.type} {decode_body(e.body).data.decode()}" for e in entries) or "nothing"


def _state(address: str, life: Life, row: InstanceRow | None) -> Difference | None:
    recorded = row.state if row is not None else None
    if recorded == life.state:
        return None
    return Difference(address, "", _text(recorded), _text(life.state))


def _text(state: bytes | None) -> str:
    return "an empty state" if state is None else state.decode()


__all__ = ["Difference", "Replayed", "replay"]
