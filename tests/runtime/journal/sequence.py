"""A known sequence of batches, and what a journal must hold after the first n of them."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import cache
from pathlib import Path
from random import Random

from runtime.core.messages import pack_id
from runtime.core.rows import Batch, Entry, KeyRow, ScheduleRow, Status, TakenRow
from runtime.journal import Journal, JournalInfo, Reader, open_journal
from runtime.journal.memory import MemoryJournal, MemoryStore
from runtime.journal.schema import FORMAT

from .rows import batch, delivery, entry, instance, timer, timer_key

PARTITIONS = 2
ALL = range(PARTITIONS)

Contents = tuple[object, ...]


def opened(path: Path) -> Journal:
    return open_journal(str(path), app="shop", partitions=PARTITIONS)


def nth(n: int, epochs: dict[int, int]) -> Batch:
    """The n-th batch (from 1): rows in every table, of a few bytes or of many pages."""
    size = Random(n).choice((10, 10, 300, 3000, 9000))
    entries: list[Entry] = [entry(p, n, body=bytes([n % 256]) * size) for p in ALL]
    before = timer(f"Call/{n - 1}", 1)
    return batch(
        epochs,
        entries=entries,
        instances=[
            instance("Wallet/ada", 0, n, state=b"%d" % n),
            instance(f"Call/{n}", 1, n, state=b"x" * (size // 3)),
        ],
        timers=[timer(f"Call/{n}", 1, due=n)],
        timers_gone=[timer_key(before)],
        keys=[KeyRow(Random(n).randbytes(32), 0, n, b"digest")],
        deliveries=[delivery(0, n, "Payments", Status.STARTED)],
        deliveries_gone=[(pack_id(0, n - 1), "Payments")],
        taken=[TakenRow(0, "client", n, n)],
        schedules=[ScheduleRow("heartbeat", 0, n)],
        watermarks={0: n - 1, 1: n},
    )


def write(journal: Journal, first: int, last: int, said: Callable[[int], None] = lambda n: None) -> None:
    """Commit these batches one after the other, and say each when it is durable."""
    epochs = journal.claim(ALL)
    for n in range(first, last + 1):
        journal.commit(nth(n, epochs))
        said(n)


def checkpoint(path: Path) -> None:
    """Bring what stands in the write-ahead log into the file, as SQLite does from time to time."""
    with closing(sqlite3.connect(path)) as db:
        db.execute("pragma wal_checkpoint(restart)")


def contents(journal: Journal, reader: Reader) -> Contents:
    """All that the batches have written."""
    epochs = journal.claim(ALL)
    heads = reader.heads()
    recoveries = [journal.recover(p, epochs[p])._replace(epoch=0) for p in ALL]
    logs = [reader.log(p, 0, 10_000) for p in ALL]
    keys = journal.keys(Random(n).randbytes(32) for n in range(1, max(heads.values()) + 2))
    return (
        heads,
        recoveries,
        logs,
        reader.group("Wallet"),
        reader.group("Call"),
        keys,
        reader.deliveries(),
        reader.timers(),
    )


@cache
def expected(n: int) -> Contents:
    """What the model holds after n batches."""
    journal = MemoryJournal(MemoryStore(JournalInfo("shop", PARTITIONS, "", FORMAT, 0)))
    write(journal, 1, n)
    return contents(journal, journal.reader())


def survivors(path: Path) -> int:
    """How many batches a journal holds: the first ones, each whole, in a sound file to which the next can be added."""
    with closing(opened(path)) as journal, closing(journal.reader()) as reader:
        n = reader.heads()[0]
        assert contents(journal, reader) == expected(n)
        with closing(sqlite3.connect(path)) as db:
            assert db.execute("pragma integrity_check").fetchall() == [("ok",)]
        journal.commit(nth(n + 1, journal.claim(ALL)))
        assert contents(journal, reader) == expected(n + 1)
    return n
