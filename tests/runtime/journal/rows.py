"""Rows and batches in few words."""

from collections.abc import Iterable

from runtime.core.messages import CallKind, Target, pack_id
from runtime.core.rows import (
    Batch,
    DeliveryRow,
    Entry,
    InstanceRow,
    KeyRow,
    ScheduleRow,
    Status,
    TakenRow,
    TimerRow,
    encode_targets,
)

TimerKey = tuple[str, str, str]


def entry(
    partition: int,
    position: int,
    *,
    targets: tuple[Target, ...] = (),
    type: str = "happened",
    cause: int = 0,
    root: int | None = None,
    recorded: int | None = None,
    client: str = "",
    seq: int = 0,
    body: bytes = b"{}",
) -> Entry:
    """An event in the log that it was first written to."""
    at = pack_id(partition, position)
    moment = position if recorded is None else recorded
    root = at if root is None else root
    return Entry(at, at, cause, root, moment, moment, type, client, seq, encode_targets(targets), body)


def copy(of: Entry, partition: int, position: int) -> Entry:
    """The same event in the log of a listener's partition."""
    return of._replace(at=pack_id(partition, position), client="", seq=0)


def instance(
    address: str, partition: int, cursor: int = 1, *, live: bool = True, state: bytes | None = b"s"
) -> InstanceRow:
    return InstanceRow(address, partition, pack_id(partition, cursor), live, state)


def cursor(address: str, partition: int, at: int, *, live: bool = True) -> InstanceRow:
    """A cursor that moves on, the state staying as it is."""
    return InstanceRow(address, partition, pack_id(partition, at), live, None)


def delivery(
    partition: int, position: int, address: str, status: Status = Status.WAITING, *, detail: bytes | None = None
) -> DeliveryRow:
    return DeliveryRow(pack_id(partition, position), address, partition, status, CallKind.CALL, 1, 0, 0, detail)


def timer(address: str, partition: int, *, type: str = "expired", name: str = "", due: int = 50) -> TimerRow:
    return TimerRow(address, type, name, partition, due, 7, 3, b"", b"{}")


def timer_key(row: TimerRow) -> TimerKey:
    return (row.address, row.type, row.name)


def batch(
    epochs: dict[int, int],
    *,
    entries: Iterable[Entry] = (),
    instances: Iterable[InstanceRow] = (),
    cursors: Iterable[InstanceRow] = (),
    timers: Iterable[TimerRow] = (),
    timers_gone: Iterable[TimerKey] = (),
    keys: Iterable[KeyRow] = (),
    deliveries: Iterable[DeliveryRow] = (),
    deliveries_gone: Iterable[tuple[int, str]] = (),
    taken: Iterable[TakenRow] = (),
    schedules: Iterable[ScheduleRow] = (),
    watermarks: dict[int, int] | None = None,
) -> Batch:
    """What one commit writes, from rows."""
    return Batch(
        dict(epochs),
        list(entries),
        {row.address: row for row in instances},
        {row.address: row for row in cursors},
        {timer_key(row): row for row in timers} | dict.fromkeys(timers_gone),
        list(keys),
        {(row.at, row.address): row for row in deliveries} | dict.fromkeys(deliveries_gone),
        {(row.partition, row.source): row for row in taken},
        {row.name: row for row in schedules},
        watermarks or {},
    )
