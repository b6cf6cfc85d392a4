"""The journal of a demo: with it an unfinished game goes on where it stopped, and a finished one is put away."""

import asyncio
from datetime import datetime
from pathlib import Path

from actors import TrunklineError
from apps.prankcall.app import app
from apps.prankcall.events import AttemptedPurchase
from apps.prankcall.players import BEGIN, seed_of
from apps.prankcall.telephony.network import us_of
from runtime.core.messages import POSITION_BITS
from runtime.journal import Reader, open_reader
from runtime.journal.place import MEMORY
from runtime.reading import Reading
from runtime.settings import journal_place, read_settings
from runtime.source import JournalAtRest

NAME = "prankcall-demo"
"""Of a journal that nobody has named: another than that of `prankcall serve`, which must not be put away."""


def begin(journal: str | None, seed: int) -> tuple[str, int]:
    """Where the game's journal is; and the moment at which its clock is set: an unfinished one goes on (µs).

    Raises:
        TrunklineError: it is no file; or the journal of another game, whose telephones would tell other stories now.
    """
    place = journal_place(NAME, journal, read_settings())
    if place == MEMORY:
        raise TrunklineError(
            "a demo can't be played in memory: its journal is replayed at the end, and kept",
            hint="say a file with --journal, or nothing.",
        )
    if not Path(place).exists():
        return place, us_of(BEGIN)
    reader = open_reader(place)
    try:
        for found in asyncio.run(_seeds(reader)) - {seed}:
            raise _other_game(place, found)
        newest = [reader.entry(partition << POSITION_BITS | position) for partition, position in reader.heads().items()]
        return place, max([us_of(BEGIN), *(entry.recorded for entry in newest if entry is not None)])
    finally:
        reader.close()


async def _seeds(reader: Reader) -> set[int | None]:
    """Of the games whose players bought something; None for what is no demo's. Without an order no call was made."""
    pages = Reading(JournalAtRest(reader), app).tail_pages((AttemptedPurchase,), None, False)
    return {seed_of(getattr(recorded.event, "order", "")) async for page in pages for recorded in page}


def _other_game(place: str, seed: int | None) -> TrunklineError:
    if seed is None:
        return TrunklineError(
            f"{place} holds a game that people play: a demo would play into it, and put it away",
            hint="say another file with --journal.",
        )
    return TrunklineError(
        f"{place} holds an unfinished game with seed {seed}",
        hint=f"go on with it by --seed {seed}; or begin another one in another file with --journal.",
    )


def put_away(journal: Path) -> Path:
    """A finished game's journal is kept under its date, so that the next game begins anew."""
    kept = journal.with_name(f"{journal.stem}-{datetime.now():%Y-%m-%dT%H-%M-%S}{journal.suffix}")
    journal.rename(kept)
    for side in ("-wal", "-shm"):
        # Readers leave them; what is in them belongs to the journal.
        beside = Path(f"{journal}{side}")
        if beside.exists():
            beside.rename(f"{kept}{side}")
    Path(f"{journal}.lock").unlink(missing_ok=True)
    return kept
