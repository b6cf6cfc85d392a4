"""Timers: each fires once, never early, never after it was cancelled or replaced, and none is forgotten."""

from runtime.core.messages import SetTimer, id_text
from runtime.core.reference import Handled
from runtime.core.rows import Entry, decode_targets
from runtime.journal.memory import MemoryStore
from runtime.simulation.violation import require


def check_timers(
    emitted: dict[tuple[int, str], list[Entry]], store: MemoryStore, address: str, handled: list[Handled]
) -> None:
    """Account for what an instance's timers have put into the log; its emissions are accounted for already."""
    pending: dict[tuple[str, str], tuple[SetTimer, int]] = {}
    """(event type, name) → the timer as last set, and the index of the turn that set it."""
    for index, turn in enumerate(handled):
        for key in list(pending):
            changed = turn.retired or any((c.type, c.name) == key for c in turn.cancels)
            changed = changed or any((s.event.type, s.name) == key for s in turn.sets)
            if changed:
                timer, since = pending.pop(key)
                fired = _fired(emitted, handled[since], timer)
                if fired is not None:
                    _before(fired, timer, turn, store, address)
        for timer in turn.sets:
            pending[timer.event.type, timer.name] = (timer, index)
    for (event_type, name), (timer, since) in pending.items():
        fired = _fired(emitted, handled[since], timer)
        row = store.timers.get((address, event_type, name))
        what = f"{event_type} {name!r} of {address}"
        if fired is None:
            known = row is not None and row.due == timer.event.time
            require(known, "no timer is forgotten", f"{what}, due {timer.event.time}, neither fired nor is pending")
        else:
            require(row is None, "a timer fires once", f"{what} has fired and is still pending")
    for row in store.timers.values():
        if row.address == address:
            known = (row.type, row.name) in pending
            require(known, "a cancelled timer does not fire", f"{row.type} {row.name!r} of {address} is still pending")


def _fired(emitted: dict[tuple[int, str], list[Entry]], turn: Handled, timer: SetTimer) -> Entry | None:
    """The entry by which this timer fired, taken off the list of what is not accounted for."""
    found = emitted.get((turn.entry.id, turn.address), [])
    for entry in found:
        event = timer.event
        targets = decode_targets(entry.targets) if entry.targets else ()
        if (entry.type, entry.time, entry.body, targets) == (event.type, event.time, event.body, event.targets):
            found.remove(entry)
            early = entry.recorded < timer.event.time
            require(not early, "a timer never fires early", f"{id_text(entry.at)} ({entry.type})")
            return entry
    return None


def _before(fired: Entry, timer: SetTimer, turn: Handled, store: MemoryStore, address: str) -> None:
    """A timer that fired, and was cancelled or replaced by this turn: the firing came first, and was allowed to."""
    what = f"{id_text(fired.at)} ({fired.type}) of {address} and the turn on {id_text(turn.entry.at)}"
    if turn.entry.at < fired.at:
        waited = turn.entry.recorded >= timer.event.time
        require(waited, "a due timer waits for older events of its instance", what)
        # What the turn emitted was committed with its cancel: it stands behind the firing, if that came first.
        for entry in store.log[fired.at >> 40][: (fired.at & ((1 << 40) - 1)) - 1]:
            late = entry.cause == turn.entry.id and any(
                (entry.type, entry.body) == (e.type, e.body) for e in turn.emitted
            )
            require(not late, "a cancel before the firing wins", what)
