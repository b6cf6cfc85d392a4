"""What people and tools ask of a SQLite journal: read-only, over a connection of its own, also on one at rest."""

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from typing import Any

from runtime.core.messages import EVERYWHERE, HOME, POSITION_BITS, POSITION_MASK
from runtime.core.rows import BegunRow, DeliveryRow, Entry, InstanceRow, KeyRow, TimerRow, decode_targets
from runtime.errors import JournalMismatch
from runtime.journal.descent import descent, recorded_first
from runtime.journal.protocol import JournalInfo
from runtime.journal.schema import FORMAT, connect
from runtime.journal.trouble import not_a_journal, translated

BEGUN = "begun "
"""Before a schedule's name in `meta`: from where it counts, and its period."""
TIMERS_ORDER = "order by due, address, type, name"


def read_info(db: sqlite3.Connection, path: str) -> JournalInfo:
    """What a journal says of itself.

    Raises:
        JournalMismatch: it was written by a newer Trunkline.
        JournalFailed: it is no journal, or is damaged.
    """
    try:
        meta = dict(db.execute("select name, value from meta"))
    except sqlite3.Error as error:
        raise translated(error, path) from error
    try:
        found = JournalInfo(
            meta["app"],
            int(meta["partitions"]),
            meta["schema_hash"],
            int(meta["format"]),
            int(meta["started"]),
            meta.get("identity", ""),
            tuple(sorted(_begun(name, value) for name, value in meta.items() if name.startswith(BEGUN))),
        )
    except (KeyError, ValueError) as error:
        raise not_a_journal(path) from error
    if found.format > FORMAT:
        raise JournalMismatch(
            f"the journal {path} has format {found.format}; this Trunkline knows {FORMAT} at most",
            hint="run the newer Trunkline that wrote it: pip install --upgrade trunkline.",
        )
    return found


def _begun(name: str, value: str) -> BegunRow:
    since, period = value.split()
    return BegunRow(name.removeprefix(BEGUN), int(since), int(period))


class SqliteReader:
    """A view of what is durable. May be used from several threads, one at a time."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._db = connect(path, read_only=True)
        try:
            self._info = read_info(self._db, path)
        except BaseException:
            self._db.close()
            raise

    def _all(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        try:
            with self._lock:
                return self._db.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise translated(error, self.path) from error

    @property
    def info(self) -> JournalInfo:
        return self._info

    def instance(self, address: str) -> InstanceRow | None:
        rows = self._all("select * from instances where address = ?", address)
        return instance_row(rows[0]) if rows else None

    def instances(self, addresses: Iterable[str]) -> dict[str, InstanceRow]:
        # One parameter, however many: a statement takes 32,766 of them at most.
        query = "select * from instances where address in (select value from json_each(?))"
        return {row[0]: instance_row(row) for row in self._all(query, json.dumps(list(addresses)))}

    def group(self, group: str, after: str = "", limit: int = 1000) -> list[InstanceRow]:
        rows = self._all(
            "select * from instances where address > ? and address < ? and live order by address limit ?",
            max(after, group + "/"),
            group + "0",
            limit,
        )
        return [instance_row(row) for row in rows]

    def of_app(self, after: str = "", limit: int = 1000) -> list[InstanceRow]:
        query = "select * from instances where address > ? and live order by address limit ?"
        return [instance_row(row) for row in self._all(query, after, limit)]

    def log(self, partition: int, after: int, limit: int) -> list[Entry]:
        rows = self._all(
            "select * from log where at > ? and at < ? order by at limit ?",
            partition << POSITION_BITS | after,
            (partition + 1) << POSITION_BITS,
            limit,
        )
        return [Entry(*row) for row in rows]

    def latest(self, partition: int, before: int, limit: int) -> list[Entry]:
        base = partition << POSITION_BITS
        rows = self._all(
            "select * from log where at > ? and at < ? order by at desc limit ?", base, base | max(before, 0), limit
        )
        return [Entry(*row) for row in rows]

    def heads(self) -> dict[int, int]:
        # One statement sees one moment: an event is never below these heads while its cause is above them.
        rows = self._all(
            "with recursive p(n) as (select 0 union all select n + 1 from p where n + 1 < ?) "
            f"select n, (select max(at) from log where at > n << {POSITION_BITS} and at < (n + 1) << {POSITION_BITS}) "
            "from p",
            self._info.partitions,
        )
        return {partition: (at or 0) & POSITION_MASK for partition, at in rows}

    def entry(self, at: int) -> Entry | None:
        rows = self._all("select * from log where at = ?", at)
        return Entry(*rows[0]) if rows else None

    def key(self, key: bytes) -> KeyRow | None:
        rows = self._all("select * from keys where key = ?", key)
        return KeyRow(*rows[0]) if rows else None

    def led_to(self, id: int, limit: int) -> list[Entry]:
        first = self.entry(id)
        return [] if first is None else descent(id, self._chain(first, first.root), limit)

    def of_root(self, root: int, types: Iterable[str]) -> Entry | None:
        origin = self.entry(root)
        if origin is None:
            return None
        wanted = set(types)
        found = (entry for entry in self._chain(origin, root) if entry.type in wanted)
        return min(found, key=recorded_first, default=None)

    def _chain(self, first: Entry, root: int) -> Iterator[Entry]:
        """What stands behind an event in the chain of its origin.

        Every event of a chain names its origin: each partition that the chain reached is read once.
        """
        home = first.id >> POSITION_BITS
        todo, read = self._reached(first), set[int]()
        while todo:
            partition = todo.pop()
            read.add(partition)
            after = first.id if partition == home else partition << POSITION_BITS
            for entry in self._events(partition, after, "root = ?", root):
                todo |= self._reached(entry) - read
                yield entry

    def _events(self, partition: int, first: int, condition: str, value: Any) -> list[Entry]:
        """A partition's own events above `first`: no copies."""
        query = f"select * from log where at > ? and at < ? and id = at and {condition} order by at"
        return [Entry(*row) for row in self._all(query, first, (partition + 1) << POSITION_BITS, value)]

    def _reached(self, entry: Entry) -> set[int]:
        """The partitions whose logs an event stands in."""
        where = {partition for partition, _ in decode_targets(entry.targets)}
        if EVERYWHERE in where:
            return set(range(self._info.partitions))
        return where - {HOME} | {entry.id >> POSITION_BITS}

    def deliveries(self, status: int | None = None) -> list[DeliveryRow]:
        if status is None:
            return [DeliveryRow(*row) for row in self._all("select * from deliveries order by at, address")]
        rows = self._all("select * from deliveries where status = ? order by at, address", status)
        return [DeliveryRow(*row) for row in rows]

    def timers(self, address: str | None = None) -> list[TimerRow]:
        if address is None:
            return [TimerRow(*row) for row in self._all(f"select * from timers {TIMERS_ORDER}")]
        rows = self._all(f"select * from timers where address = ? {TIMERS_ORDER}", address)
        return [TimerRow(*row) for row in rows]

    def epochs(self) -> dict[int, int]:
        return dict(self._all("select partition, epoch from partitions where epoch > 0"))

    def watermarks(self) -> dict[int, int]:
        return dict(self._all("select partition, watermark from partitions where partition >= 0"))

    def schedules(self) -> dict[str, int]:
        return dict(self._all("select name, moment from schedules"))

    def close(self) -> None:
        self._db.close()


def instance_row(row: tuple[Any, ...]) -> InstanceRow:
    """SQLite has no booleans."""
    address, partition, cursor, live, state = row
    return InstanceRow(address, partition, cursor, bool(live), state)
