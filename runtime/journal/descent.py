"""What an event led to, out of all that its chain holds."""

from collections.abc import Iterable

from runtime.core.rows import Entry


def recorded_first(entry: Entry) -> tuple[int, int]:
    """The order of entries from several logs."""
    return entry.recorded, entry.at


def descent(id: int, chain: Iterable[Entry], limit: int) -> list[Entry]:
    """The entries below an event: causes before effects; at most `limit`, those nearest to it."""
    below: dict[int, list[Entry]] = {}
    for entry in chain:
        below.setdefault(entry.cause, []).append(entry)
    found: list[Entry] = []
    front = [id]
    while front and len(found) < limit:
        generation = [entry for cause in front for entry in below.get(cause, ())]
        generation.sort(key=recorded_first)
        found += generation
        front = [entry.id for entry in generation]
    return found[:limit]


__all__ = ["descent", "recorded_first"]
