"""A journal in memory: for tests and the simulator, where it is the disk. Nothing outlives the process."""

import threading
from collections.abc import Iterable, Sequence

from runtime.core.messages import POSITION_MASK
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
from runtime.errors import Fenced, JournalError, JournalFailed
from runtime.journal.descent import descent, recorded_first
from runtime.journal.protocol import JournalInfo, check_partitions


class MemoryStore:
    """What is durable. Several journals (a router and its zombies) may be open on one store."""

    def __init__(self, info: JournalInfo) -> None:
        self.info = info
        self.lock = threading.RLock()
        self.epochs: dict[int, int] = {}
        self.log: dict[int, list[Entry]] = {p: [] for p in range(info.partitions)}
        self.instances: dict[str, InstanceRow] = {}
        self.timers: dict[tuple[str, str, str], TimerRow] = {}
        self.keys: dict[bytes, KeyRow] = {}
        self.deliveries: dict[tuple[int, str], DeliveryRow] = {}
        self.taken: dict[tuple[int, str], TakenRow] = {}
        self.schedules: dict[str, ScheduleRow] = {}
        self.watermarks: dict[int, int] = {}

    def entry(self, at: int) -> Entry | None:
        log = self.log.get(at >> 40, [])
        position = at & POSITION_MASK
        # Positions start at 1 and have no gaps: an entry's place in the list is its position.
        return log[position - 1] if 0 < position <= len(log) else None

    def write(self, batch: Batch) -> None:
        with self.lock:
            stale = tuple(sorted(p for p, epoch in batch.epochs.items() if self.epochs.get(p, 0) != epoch))
            if stale:
                raise Fenced(stale)
            self._check(batch)
            for entry in batch.entries:
                self.log[entry.at >> 40].append(entry)
            self.instances.update(batch.instances)
            for address, row in batch.cursors.items():
                old = self.instances.get(address)
                self.instances[address] = row._replace(state=old.state if old is not None else None)
            for timer_key, timer in batch.timers.items():
                if timer is None:
                    self.timers.pop(timer_key, None)
                else:
                    self.timers[timer_key] = timer
            for delivery_key, delivery in batch.deliveries.items():
                if delivery is None:
                    self.deliveries.pop(delivery_key, None)
                else:
                    self.deliveries[delivery_key] = delivery
            self.keys.update((row.key, row) for row in batch.keys)
            self.taken.update(batch.taken)
            self.schedules.update(batch.schedules)
            for partition, position in batch.watermarks.items():
                self.watermarks[partition] = position
                passed = [
                    key
                    for key, row in self.deliveries.items()
                    if row.partition == partition and row.status == Status.DONE and key[0] & POSITION_MASK <= position
                ]
                for key in passed:
                    del self.deliveries[key]

    def _check(self, batch: Batch) -> None:
        """What a database's own keys refuse, before anything is written. Positions left out are refused here only."""
        heads: dict[int, int] = {}
        for entry in batch.entries:
            partition = entry.at >> 40
            head = heads.get(partition) or len(self.log[partition])
            if entry.at & POSITION_MASK != head + 1:
                raise _broken(f"position {entry.at & POSITION_MASK} of partition {partition} follows {head}")
            heads[partition] = head + 1
        if any(row.key in self.keys for row in batch.keys) or len({row.key for row in batch.keys}) < len(batch.keys):
            raise _broken("an idempotency key was given twice")


def _broken(why: str) -> JournalError:
    return JournalFailed(f"the journal in memory: {why}", hint="this is a bug of Trunkline: report it, please.")


def _due(row: TimerRow) -> tuple[int, str, str, str]:
    return (row.due, row.address, row.type, row.name)


def _recorded(entry: Entry) -> tuple[int, int]:
    return (entry.recorded, entry.at)


class MemoryJournal:
    """A journal opened on a store."""

    def __init__(self, store: MemoryStore) -> None:
        self.store = store

    @property
    def info(self) -> JournalInfo:
        return self.store.info

    def begin(self, begun: Sequence[BegunRow]) -> None:
        self.store.info = self.store.info._replace(begun=tuple(sorted(begun)))

    def claim(self, partitions: Sequence[int]) -> dict[int, int]:
        store = self.store
        check_partitions(partitions, self.info)
        with store.lock:
            for partition in partitions:
                store.epochs[partition] = store.epochs.get(partition, 0) + 1
            return {partition: store.epochs[partition] for partition in partitions}

    def recover(self, partition: int, epoch: int) -> Recovery:
        check_partitions((partition,), self.info)
        store = self.store
        with store.lock:
            if store.epochs.get(partition, 0) != epoch:
                raise Fenced((partition,))
            log = store.log[partition]
            watermark = store.watermarks.get(partition, 0)
            rows = sorted(row for row in store.deliveries.values() if row.partition == partition)
            behind = {row.at for row in rows if row.at & POSITION_MASK <= watermark}
            entries = [e for at in sorted(behind) if (e := store.entry(at)) is not None] + log[watermark:]
            addresses = {address for entry in entries for _, address in local_targets(entry)}
            addresses |= {row.address for row in rows}
            return Recovery(
                partition,
                epoch,
                len(log) + 1,
                watermark,
                entries,
                {a: store.instances[a] for a in addresses if a in store.instances},
                rows,
                sorted((t for t in store.timers.values() if t.partition == partition), key=_due),
                sorted(t for t in store.taken.values() if t.partition == partition),
                sorted(s for s in store.schedules.values() if s.partition == partition),
                log[-1].recorded if log else 0,
            )

    def commit(self, batch: Batch) -> None:
        self.store.write(batch)

    def instances(self, addresses: Iterable[str]) -> dict[str, InstanceRow]:
        with self.store.lock:
            rows = self.store.instances
            return {address: rows[address] for address in addresses if address in rows}

    def keys(self, keys: Iterable[bytes]) -> dict[bytes, KeyRow]:
        with self.store.lock:
            rows = self.store.keys
            return {key: rows[key] for key in keys if key in rows}

    def entries(self, ats: Iterable[int]) -> dict[int, Entry]:
        with self.store.lock:
            return {at: entry for at in ats if (entry := self.store.entry(at)) is not None}

    def live(self, partition: int, group: str, after: str, limit: int) -> list[InstanceRow]:
        prefix = group + "/"
        with self.store.lock:
            found = [
                row
                for address, row in self.store.instances.items()
                if row.live and row.partition == partition and address > after and address.startswith(prefix)
            ]
        return sorted(found)[:limit]

    def find_sent(self, partition: int, client: str, seqs: Iterable[int], last: int) -> dict[int, int]:
        wanted = set(seqs)
        found: dict[int, int] = {}
        first = min(wanted, default=0)
        for entry in reversed(self.store.log[partition][:last]):
            if entry.client == client and entry.at == entry.id:
                if entry.seq in wanted:
                    found[entry.seq] = entry.id
                if len(found) == len(wanted) or entry.seq <= first:
                    break
        return found

    def reader(self) -> "MemoryReader":
        return MemoryReader(self.store)

    def close(self) -> None:
        """Nothing to close: the store stays."""


class MemoryReader:
    """What people and tools ask of a journal."""

    def __init__(self, store: MemoryStore) -> None:
        self.store = store

    @property
    def info(self) -> JournalInfo:
        return self.store.info

    def instance(self, address: str) -> InstanceRow | None:
        return self.store.instances.get(address)

    def instances(self, addresses: Iterable[str]) -> dict[str, InstanceRow]:
        with self.store.lock:
            rows = self.store.instances
            return {address: rows[address] for address in addresses if address in rows}

    def group(self, group: str, after: str = "", limit: int = 1000) -> list[InstanceRow]:
        prefix = group + "/"
        with self.store.lock:
            rows = [r for a, r in self.store.instances.items() if r.live and a.startswith(prefix) and a > after]
        return sorted(rows)[:limit]

    def of_app(self, after: str = "", limit: int = 1000) -> list[InstanceRow]:
        with self.store.lock:
            rows = [r for a, r in self.store.instances.items() if r.live and a > after]
        return sorted(rows)[:limit]

    def log(self, partition: int, after: int, limit: int) -> list[Entry]:
        return self.store.log.get(partition, [])[after : after + limit]

    def latest(self, partition: int, before: int, limit: int) -> list[Entry]:
        return self.store.log.get(partition, [])[: max(before - 1, 0)][::-1][:limit]

    def heads(self) -> dict[int, int]:
        return {partition: len(log) for partition, log in self.store.log.items()}

    def entry(self, at: int) -> Entry | None:
        return self.store.entry(at)

    def key(self, key: bytes) -> KeyRow | None:
        return self.store.keys.get(key)

    def led_to(self, id: int, limit: int) -> list[Entry]:
        first = self.entry(id)
        return [] if first is None else descent(id, [e for e in self._events() if e.root == first.root], limit)

    def of_root(self, root: int, types: Iterable[str]) -> Entry | None:
        wanted = set(types)
        found = [e for e in self._events() if e.root == root != e.id and e.type in wanted]
        return min(found, key=recorded_first, default=None)

    def _events(self) -> list[Entry]:
        with self.store.lock:
            return [e for log in self.store.log.values() for e in log if e.at == e.id]

    def deliveries(self, status: int | None = None) -> list[DeliveryRow]:
        with self.store.lock:
            return sorted(r for r in self.store.deliveries.values() if status is None or r.status == status)

    def timers(self, address: str | None = None) -> list[TimerRow]:
        with self.store.lock:
            found = [t for t in self.store.timers.values() if address is None or t.address == address]
        return sorted(found, key=_due)

    def epochs(self) -> dict[int, int]:
        return dict(self.store.epochs)

    def watermarks(self) -> dict[int, int]:
        return {partition: self.store.watermarks.get(partition, 0) for partition in self.store.log}

    def schedules(self) -> dict[str, int]:
        return {name: row.moment for name, row in self.store.schedules.items()}

    def close(self) -> None:
        """Nothing to close."""
