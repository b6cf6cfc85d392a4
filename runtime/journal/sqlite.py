"""The embedded journal: one SQLite file, WAL, synchronous=FULL. A commit is one transaction and one fsync."""

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from typing import Any

from runtime.core.messages import POSITION_BITS, POSITION_MASK
from runtime.core.rows import (
    Batch,
    BegunRow,
    DeliveryRow,
    Entry,
    InstanceRow,
    KeyRow,
    Recovery,
    ScheduleRow,
    Status,
    TakenRow,
    TimerRow,
    local_targets,
)
from runtime.errors import Fenced, JournalMismatch
from runtime.journal.protocol import JournalInfo, check_partitions
from runtime.journal.reader import BEGUN, TIMERS_ORDER, SqliteReader, instance_row, read_info
from runtime.journal.schema import APPLICATION_ID, FORMAT, TABLES, connect, new_identity
from runtime.journal.trouble import lost, translated

CHUNK = 500
"""Parameters of one `in (...)`."""
AT_ONCE = 32
"""Rows of one `insert`: the interpreter's lock is given away and taken back once for them all."""


class Insert:
    """A statement for one row, and one for many."""

    def __init__(self, into: str, columns: int, otherwise: str = "", *, verb: str = "insert") -> None:
        row = f"({','.join('?' * columns)})"
        self.one = f"{verb} into {into} values {row} {otherwise}"
        self.many = f"{verb} into {into} values {','.join([row] * AT_ONCE)} {otherwise}"


_INSTANCE = "instances (address, partition, cursor, live, state)"
_CURSOR = "on conflict (address) do update set cursor = excluded.cursor, live = excluded.live"
INSERT_LOG = Insert("log", 11)
PUT_INSTANCE = Insert(_INSTANCE, 5, _CURSOR + ", state = excluded.state")
PUT_CURSOR = Insert(_INSTANCE, 5, _CURSOR)
PUT_TIMER = Insert("timers", 9, verb="insert or replace")
PUT_DELIVERY = Insert("deliveries", 9, verb="insert or replace")
INSERT_KEY = Insert("keys", 4)


def chunks(values: Iterable[Any]) -> Iterator[list[Any]]:
    iterator = iter(values)
    while chunk := list(islice(iterator, CHUNK)):
        yield chunk


def marks(values: list[Any]) -> str:
    return ",".join("?" * len(values))


class SqliteJournal:
    """A journal in a file. Written from one thread at a time; looked up in by another meanwhile."""

    def __init__(self, path: str, *, app: str, partitions: int, schema_hash: str, now: int) -> None:
        self.path = path
        self._db = connect(path)
        self._file = self._there()
        try:
            self._info = self._identify(app, partitions, schema_hash, now)
            # Of its own, so that no lookup waits for the disk, nor sees half of what is being written.
            self._lookups = connect(path, read_only=True)
        except BaseException:
            self._db.close()
            raise

    def _there(self) -> tuple[int, int] | None:
        """The file that stands at the path: SQLite would go on writing into one that was deleted."""
        try:
            found = os.stat(self.path)
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino

    def _identify(self, app: str, partitions: int, schema_hash: str, now: int) -> JournalInfo:
        db = self._db
        with self._transaction():
            if not db.execute("select 1 from sqlite_master where type = 'table' limit 1").fetchone():
                for statement in TABLES.split(";\n"):
                    if statement.strip():
                        db.execute(statement)
                db.execute(f"pragma application_id = {APPLICATION_ID}")
                values = {
                    "app": app,
                    "partitions": partitions,
                    "schema_hash": schema_hash,
                    "format": FORMAT,
                    "started": now,
                }
                db.executemany("insert into meta values (?, ?)", [(k, str(v)) for k, v in values.items()])
                db.executemany("insert into partitions values (?, 0, 0)", [(p,) for p in range(-1, partitions)])
            # One that was made before journals had an identity gets it now.
            db.execute("insert or ignore into meta values ('identity', ?)", (new_identity(),))
            info = read_info(db, self.path)
            if info.app != app:
                raise JournalMismatch(
                    f"the journal {self.path} belongs to app {info.app!r}, not to {app!r}",
                    hint="name another journal=, or start the app that it belongs to.",
                )
            db.execute(
                "update meta set value = ? where name = 'schema_hash' and value <> ?", (schema_hash, schema_hash)
            )
        self._finish()
        return info._replace(schema_hash=schema_hash)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """Begin one, and leave it open for `_finish`; undo it if anything is raised."""
        assert not self._db.in_transaction, "what is being written must be finished first"
        if self._there() != self._file:
            raise lost(self.path)
        try:
            self._db.execute("begin immediate")
            yield
        except BaseException as error:
            self._rollback()
            if isinstance(error, sqlite3.Error):
                raise translated(error, self.path) from error
            raise

    def _rollback(self) -> None:
        if self._db.in_transaction:
            self._db.execute("rollback")

    @property
    def info(self) -> JournalInfo:
        return self._info

    def begin(self, begun: Sequence[BegunRow]) -> None:
        with self._transaction():
            self._db.execute("delete from meta where name like ?", (f"{BEGUN}%",))
            rows = [(BEGUN + row.name, f"{row.since} {row.period}") for row in begun]
            self._db.executemany("insert into meta values (?, ?)", rows)
        self._finish()
        self._info = self._info._replace(begun=tuple(sorted(begun)))

    def claim(self, partitions: Sequence[int]) -> dict[int, int]:
        check_partitions(partitions, self._info)
        db = self._db
        with self._transaction():
            db.executemany("update partitions set epoch = epoch + 1 where partition = ?", [(p,) for p in partitions])
            epochs = dict(db.execute("select partition, epoch from partitions"))
        self._finish()
        return {p: epochs[p] for p in partitions}

    def recover(self, partition: int, epoch: int) -> Recovery:
        check_partitions((partition,), self._info)
        of = (partition,)
        ((held, watermark),) = self._rows("select epoch, watermark from partitions where partition = ?", of)
        if held != epoch:
            raise Fenced(of)
        base, end = partition << POSITION_BITS, (partition + 1) << POSITION_BITS
        newest = "select at, recorded from log where at > ? and at < ? order by at desc limit 1"
        ((last, recorded),) = list(self._rows(newest, (base, end))) or [(base, 0)]
        query = "select * from deliveries where at > ? and at < ? order by at, address"
        rows = [DeliveryRow(*row) for row in self._rows(query, (base, end))]
        behind = self.entries(sorted({row.at for row in rows if row.at <= base | watermark}))
        entries = [behind[at] for at in sorted(behind)]
        after = self._rows("select * from log where at > ? and at < ? order by at", (base | watermark, end))
        entries += [Entry(*row) for row in after]
        addresses = {address for entry in entries for _, address in local_targets(entry)}
        addresses |= {row.address for row in rows}
        timers = self._rows(f"select * from timers where partition = ? {TIMERS_ORDER}", of)
        return Recovery(
            partition,
            epoch,
            (last & POSITION_MASK) + 1,
            watermark,
            entries,
            self.instances(addresses),
            rows,
            [TimerRow(*row) for row in timers],
            [TakenRow(*row) for row in self._rows("select * from taken where partition = ? order by source", of)],
            [ScheduleRow(*row) for row in self._rows("select * from schedules where partition = ? order by name", of)],
            recorded,
        )

    def commit(self, batch: Batch) -> None:
        db = self._db
        with self._transaction():
            self._fence(batch.epochs)
            if batch.entries:
                # In the table's order: rows of one partition lie side by side, and fewer pages are looked for (a fifth
                # of the time of an insert, of 2,000 rows over 64 partitions).
                self._insert(INSERT_LOG, sorted(batch.entries))
            if batch.instances:
                self._insert(PUT_INSTANCE, list(batch.instances.values()))
            if batch.cursors:
                self._insert(PUT_CURSOR, list(batch.cursors.values()))
            if batch.timers:
                self._put(
                    PUT_TIMER,
                    "delete from timers where address = ? and type = ? and name = ?",
                    batch.timers,
                )
            if batch.deliveries:
                self._put(
                    PUT_DELIVERY,
                    "delete from deliveries where at = ? and address = ?",
                    batch.deliveries,
                )
            if batch.keys:
                self._insert(INSERT_KEY, batch.keys)
            if batch.taken:
                db.executemany("insert or replace into taken values (?,?,?,?)", batch.taken.values())
            if batch.schedules:
                db.executemany("insert or replace into schedules values (?,?,?)", batch.schedules.values())
            if batch.watermarks:
                self._watermarks(batch.watermarks)
        self._finish()

    def _finish(self) -> None:
        try:
            self._db.execute("commit")
        except sqlite3.Error as error:
            self._rollback()
            raise translated(error, self.path) from error

    def _fence(self, epochs: dict[int, int]) -> None:
        if len(epochs) > 8:
            newest = dict(self._db.execute("select partition, epoch from partitions"))
        else:
            asked = list(epochs)
            query = f"select partition, epoch from partitions where partition in ({marks(asked)})"
            newest = dict(self._db.execute(query, asked))
        if any(newest.get(p) != epoch for p, epoch in epochs.items()):
            raise Fenced(tuple(sorted(p for p, epoch in epochs.items() if newest.get(p) != epoch)))

    def _insert(self, insert: Insert, rows: Sequence[Sequence[Any]]) -> None:
        whole = len(rows) - len(rows) % AT_ONCE
        for first in range(0, whole, AT_ONCE):
            self._db.execute(insert.many, list(chain.from_iterable(rows[first : first + AT_ONCE])))
        if whole < len(rows):
            self._db.executemany(insert.one, rows[whole:])

    def _put(self, put: Insert, delete: str, rows: Any) -> None:
        """Rows by key; None deletes."""
        new = [row for row in rows.values() if row is not None]
        if len(new) < len(rows):
            self._db.executemany(delete, [key for key, row in rows.items() if row is None])
        if new:
            self._insert(put, new)

    def _watermarks(self, watermarks: dict[int, int]) -> None:
        self._db.executemany(
            "update partitions set watermark = ? where partition = ?", [(w, p) for p, w in watermarks.items()]
        )
        ranges = [
            (p << POSITION_BITS, p << POSITION_BITS | position, int(Status.DONE)) for p, position in watermarks.items()
        ]
        self._db.executemany("delete from deliveries where at > ? and at <= ? and status = ?", ranges)

    # ------------------------------------------------------------ what the router looks up

    def _rows(self, query: str, values: Sequence[Any]) -> Iterator[Any]:
        try:
            yield from self._lookups.execute(query, values)
        except sqlite3.Error as error:
            raise translated(error, self.path) from error

    def _rows_of(self, table: str, key: str, values: Iterable[Any]) -> Iterator[Any]:
        for chunk in chunks(values):
            yield from self._rows(f"select * from {table} where {key} in ({marks(chunk)})", chunk)

    def instances(self, addresses: Iterable[str]) -> dict[str, InstanceRow]:
        return {row[0]: instance_row(row) for row in self._rows_of("instances", "address", addresses)}

    def keys(self, keys: Iterable[bytes]) -> dict[bytes, KeyRow]:
        return {row[0]: KeyRow(*row) for row in self._rows_of("keys", "key", keys)}

    def entries(self, ats: Iterable[int]) -> dict[int, Entry]:
        return {row[0]: Entry(*row) for row in self._rows_of("log", "at", ats)}

    def live(self, partition: int, group: str, after: str, limit: int) -> list[InstanceRow]:
        query = (
            "select * from instances where address > ? and address < ? and partition = ? and live "
            "order by address limit ?"
        )
        first, end = max(after, group + "/"), group + "0"
        return [instance_row(row) for row in self._rows(query, (first, end, partition, limit))]

    def find_sent(self, partition: int, client: str, seqs: Iterable[int], last: int) -> dict[int, int]:
        wanted = set(seqs)
        found: dict[int, int] = {}
        first = min(wanted, default=0)
        base = partition << POSITION_BITS
        query = "select id, seq from log where at <= ? and at > ? and client = ? and id = at order by at desc"
        for id, seq in self._rows(query, (base | last, base, client)):
            if seq in wanted:
                found[seq] = id
            if seq <= first or len(found) == len(wanted):
                break
        return found

    def reader(self) -> SqliteReader:
        return SqliteReader(self.path)

    def close(self) -> None:
        self._lookups.close()
        self._db.close()
