"""The tables of the SQLite journal, and the pragmas of its connections."""

import sqlite3
from pathlib import Path

from runtime.errors import JournalError, JournalFailed, JournalFull, JournalReadOnly

FORMAT = 1
"""Raised when a table changes in a way that older code can't read."""
APPLICATION_ID = 0x54524B4C
"""Marks the file as a Trunkline journal ("TRKL"), for `file` and for us."""

TABLES = """
create table meta (name text primary key, value text not null) without rowid;
create table partitions (partition integer primary key, epoch integer not null, watermark integer not null);
-- One row an event; a copy in another partition's log has the id of its origin. `at` is partition << 40 | position.
-- No index but this: what an event led to stands in the logs of its listeners' partitions (see reader.caused_by).
create table log (
    at integer primary key, id integer not null, cause integer not null, root integer not null,
    time integer not null, recorded integer not null, type text not null, client text not null, seq integer not null,
    targets blob not null, body blob not null
);
create table instances (
    address text primary key, partition integer not null, cursor integer not null, live integer not null, state blob
) without rowid;
create table timers (
    address text not null, type text not null, name text not null, partition integer not null, due integer not null,
    cause integer not null, root integer not null, targets blob not null, body blob not null,
    primary key (address, type, name)
) without rowid;
create table keys (key blob primary key, partition integer not null, id integer not null, digest blob not null)
    without rowid;
-- Deliveries that a cursor or watermark does not say all about.
create table deliveries (
    at integer not null, address text not null, partition integer not null, status integer not null,
    kind integer not null, attempt integer not null, tries integer not null, due integer not null, detail blob,
    primary key (at, address)
) without rowid;
create table taken (
    partition integer not null, source text not null, seq integer not null, position integer not null,
    primary key (partition, source)
) without rowid;
create table schedules (name text primary key, partition integer not null, moment integer not null) without rowid;
"""


def connect(path: str, *, read_only: bool = False) -> sqlite3.Connection:
    """A connection that commits only when told to, and waits for durability.

    Raises:
        JournalError: what is wrong with the file, and what to do.
    """
    mode = "ro" if read_only else "rwc"
    try:
        connection = sqlite3.connect(
            f"{Path(path).absolute().as_uri()}?mode={mode}", uri=True, isolation_level=None, check_same_thread=False
        )
        connection.execute("pragma busy_timeout = 10000")
        if not read_only:
            connection.execute("pragma journal_mode = wal")
            connection.execute("pragma synchronous = full")
            # A checkpoint copies each page once however often it was written: rarer ones cost less in all.
            connection.execute("pragma wal_autocheckpoint = 4000")
            connection.execute("pragma journal_size_limit = 67108864")
        connection.execute("pragma cache_size = -65536")
        connection.execute("pragma mmap_size = 268435456")
        connection.execute("select count(*) from sqlite_master").fetchone()
    except sqlite3.Error as error:
        raise translated(error, path) from error
    return connection


def translated(error: sqlite3.Error, path: str) -> JournalError:
    """What SQLite said, as an error that says what to do."""
    said = str(error)
    if "full" in said:
        return JournalFull(
            f"no room is left for the journal {path}; nothing of the last batch was written",
            hint="make room on that disk; the runtime goes on by itself.",
        )
    if "readonly" in said or "read-only" in said:
        return JournalReadOnly(
            f"the journal {path} can't be written", hint="make file and folder writable, or name another journal=."
        )
    if "unable to open" in said:
        folder = Path(path).absolute().parent
        if not folder.is_dir():
            return JournalFailed(
                f"the journal {path} can't be made: there is no folder {folder}", hint=f"mkdir -p {folder}"
            )
        return JournalReadOnly(
            f"the journal {path} can't be opened", hint="make file and folder writable, or name another journal=."
        )
    if "not a database" in said or "malformed" in said:
        return JournalFailed(
            f"{path} is no journal, or is damaged: SQLite says {said!r}",
            hint="name another journal=, or restore this one from a backup.",
        )
    return JournalFailed(
        f"the journal {path}: SQLite says {said!r}",
        hint="see the message; nothing of the last batch counts as written.",
    )
