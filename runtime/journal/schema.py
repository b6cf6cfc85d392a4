"""The tables of the SQLite journal, and the pragmas of its connections."""

import secrets
import sqlite3
from pathlib import Path

from runtime.errors import JournalFailed
from runtime.journal.trouble import not_a_journal, translated, what_is_wrong_with

FORMAT = 1
"""Raised when a table changes in a way that older code can't read."""
APPLICATION_ID = 0x54524B4C
"""Marks the file as a Trunkline journal ("TRKL"), for `file` and for us."""


def new_identity() -> str:
    """For a journal that is made: another than any other's."""
    return secrets.token_hex(8)


TABLES = """
create table meta (name text primary key, value text not null) without rowid;
create table partitions (partition integer primary key, epoch integer not null, watermark integer not null);
-- One row an event; a copy in another partition's log has the id of its origin. `at` is partition << 40 | position.
-- No index but this: what an event led to stands in the logs of its listeners' partitions (see reader.led_to).
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
        JournalError: what is wrong with the file, and what to do. A file that is no journal is left as it was.
    """
    misplaced = what_is_wrong_with(path)
    if misplaced is not None:
        raise misplaced
    mode = "ro" if read_only else "rwc"
    uri = f"{Path(path).absolute().as_uri()}?mode={mode}"
    connection: sqlite3.Connection | None = None
    try:
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
        connection.execute("pragma busy_timeout = 10000")
        # Asked before anything is set: another program's database must not be changed by having been named here.
        tables = connection.execute("select count(*) from sqlite_master").fetchone()[0]
        if connection.execute("pragma application_id").fetchone()[0] != APPLICATION_ID and (tables or read_only):
            raise not_a_journal(path)
        if not read_only:
            if connection.execute("pragma journal_mode = wal").fetchone()[0] != "wal":
                raise JournalFailed(
                    f"the journal {path} can't be written ahead: its file system has no shared memory",
                    hint="keep it on a local disk.",
                )
            connection.execute("pragma synchronous = full")
            # A checkpoint copies each page once however often it was written: rarer ones cost less in all.
            connection.execute("pragma wal_autocheckpoint = 4000")
            connection.execute("pragma journal_size_limit = 67108864")
        connection.execute("pragma cache_size = -65536")
        connection.execute("pragma mmap_size = 268435456")
    except BaseException as error:
        if connection is not None:
            connection.close()
        if isinstance(error, sqlite3.Error):
            raise translated(error, path) from error
        raise
    return connection
