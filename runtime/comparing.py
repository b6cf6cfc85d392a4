"""Does the present code do what a journal says was done? The turns of a log run again; the first difference.

What can be told of a turn is what it emitted, the timers that it set, and the state that its instance has in the end.
Gateways are not called: what they answered stands in the log.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from actors.app import App
from actors.errors import TrunklineError
from actors.turn import Instance
from runtime.core.messages import Emission, id_text
from runtime.core.parking import PARKED, RETRIED, SKIPPED
from runtime.core.reference import Handled, Life, Replay
from runtime.core.rows import Entry, InstanceRow, TimerRow, local_targets
from runtime.fields import codec_of
from runtime.wire import Codec, Plain, decode_body

Said = tuple[str, int, dict[str, Any]]
"""Of an emission: its type, time (µs) and payload."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What the code does otherwise than the journal says."""

    entry: Entry
    """The event whose turn differs; of a state the last event that its instance handled."""
    address: str
    what: str
    journal: Any
    code: Any

    last: bool = False
    """Whether it was found behind the last event that the instance handled: it may have begun at any before."""

    def __str__(self) -> str:
        event = f"event {id_text(self.entry.id)} ({self.entry.type})"
        where = f"after all that it handled, to {event}" if self.last else f"on {event}"
        return (
            f"{self.address} {where}: {self.what}\n  the journal has: {_text(self.journal)}\n"
            f"  the code gives:  {_text(self.code)}"
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one partition's log."""

    turns: int
    instances: int
    first: Difference | None


def addresses(log: Sequence[Entry]) -> list[str]:
    """The instances that a log's events are for."""
    return sorted({address for entry in log for where, address in local_targets(entry) if where >= 0})


def compare(
    app: App, partitions: int, log: Sequence[Entry], rows: Mapping[str, InstanceRow], timers: Sequence[TimerRow]
) -> Outcome:
    """Replay a partition's log as far as its instances have handled it, and compare.

    Args:
        rows: of the instances that `addresses` names, read before the end of the log was.
    """
    known = app.catalogue
    found: list[Difference] = []
    cursors = {address: row.cursor for address, row in rows.items()}
    for entry, address in _handled(log, cursors):
        if entry.type not in known.events or address.partition("/")[0] not in known.groups:
            what = entry.type if entry.type not in known.events else address.partition("/")[0]
            found.append(Difference(entry, address, f"this code has no {what}", entry.type, None))
            break
    replay = Replay(app, partitions, list(log), cursors)
    comparing = _Comparing(app, log, timers)
    turns = 0
    for address, life in replay.lives.items():
        turns += len(life.handled)
        difference = next(comparing.of(address, life, rows.get(address)), None)
        if difference is not None:
            found.append(difference)
    return Outcome(turns, len(replay.lives), min(found, key=lambda d: d.entry.at, default=None))


def _handled(log: Sequence[Entry], cursors: Mapping[str, int]) -> Iterator[tuple[Entry, str]]:
    for entry in log:
        for where, address in local_targets(entry):
            if where >= 0 and entry.at <= cursors.get(address, 0):
                yield entry, address


class _Comparing:
    """What one log says of turns."""

    def __init__(self, app: App, log: Sequence[Entry], timers: Sequence[TimerRow]) -> None:
        self._groups = app.catalogue.groups
        self._codec: Codec = codec_of(app.catalogue, None) or Plain()
        self._emitted: dict[tuple[int, str], list[Entry]] = {}
        for entry in log:
            if entry.at == entry.id and entry.cause and entry.type not in (PARKED, RETRIED, SKIPPED):
                self._emitted.setdefault((entry.cause, decode_body(entry.body).source), []).append(entry)
        self._pending: dict[str, dict[tuple[str, str], int]] = {}
        for timer in timers:
            self._pending.setdefault(timer.address, {})[timer.type, timer.name] = timer.due

    def of(self, address: str, life: Life, row: InstanceRow | None) -> Iterator[Difference]:
        """The differences of an instance, in order."""
        pending: dict[tuple[str, str], tuple[Handled, int]] = {}
        for turn in life.handled:
            if turn.error is not None:
                said = str(turn.error) or type(turn.error).__name__
                yield Difference(turn.entry, address, "the turn went through, and fails now", "no error", said)
                return
            actual = [self._said(entry) for entry in self._emitted.get((turn.entry.id, address), ())]
            expected = [self._said(emission) for emission in turn.emitted]
            fired = actual[len(expected) :]
            if turn.retired:
                pending.clear()
            for cancel in turn.cancels:
                pending.pop((cancel.type, cancel.name), None)
            for timer in turn.sets:
                pending[timer.event.type, timer.name] = (turn, timer.event.time)
                said_of_timer = self._said(timer.event)
                if said_of_timer in fired:
                    fired.remove(said_of_timer)
                    del pending[timer.event.type, timer.name]
            if actual[: len(expected)] != expected or fired:
                what = "what the turn emits"
                yield Difference(turn.entry, address, what, _shown(actual), _shown(expected))
                return
        yield from self._timers(address, life, pending)
        if row is not None and life.handled:
            yield from self._state(address, life, row)

    def _timers(
        self, address: str, life: Life, pending: dict[tuple[str, str], tuple[Handled, int]]
    ) -> Iterator[Difference]:
        there = self._pending.get(address, {})
        for (type, name), (turn, due) in pending.items():
            if there.get((type, name)) != due:
                yield Difference(turn.entry, address, _timer(type, name), there.get((type, name)), due)
        for type, name in there:
            if (type, name) not in pending and life.handled:
                yield Difference(
                    life.handled[-1].entry, address, _timer(type, name), there[type, name], None, last=True
                )

    def _state(self, address: str, life: Life, row: InstanceRow) -> Iterator[Difference]:
        name, _, id = address.partition("/")
        last = life.handled[-1].entry
        stored = None if row.state is None else self._codec.open(name, row.state)
        try:
            there = _fields(Instance(self._groups[name], id, stored))
        except TrunklineError as error:
            yield Difference(last, address, "this code can't read the state", str(stored), str(error), last=True)
            return
        here = _fields(life.instance)
        if (there, row.live) != (here, life.live):
            # With the fields that the code has under another name, or no longer.
            there = _as_stored(stored, there)
            if row.live != life.live:
                there, here = {"live": row.live, **there}, {"live": life.live, **here}
            yield Difference(last, address, "the state in the end", there, here, last=True)

    def _said(self, one: Entry | Emission) -> Said:
        data = self._codec.open(one.type, decode_body(one.body).data)
        return one.type, one.time, msgspec.json.decode(data)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _timer(type: str, name: str) -> str:
    return f"the timer {type} {name!r}" if name else f"the timer {type}"


def _fields(instance: Instance) -> dict[str, Any]:
    """Defaults are filled in: a field that was added since is no difference."""
    found: dict[str, Any] = {}
    for one in instance.objects():
        found |= one.model_dump(mode="json")
    return found


def _as_stored(stored: bytes | None, read: dict[str, Any]) -> dict[str, Any]:
    """What stands in the journal of a state that the code reads as this."""
    return read if stored is None else msgspec.json.decode(stored)


def _shown(said: Sequence[Said]) -> list[dict[str, Any]]:
    return [{"type": type, "time_us": time, "event": event} for type, time, event in said]


__all__ = ["Difference", "Outcome", "addresses", "compare"]
