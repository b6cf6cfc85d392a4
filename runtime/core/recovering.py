"""A cell's state as the journal has it: the same that a router had that lived through it all."""

from collections.abc import Iterable

import msgspec

from runtime.core.calling import Calling
from runtime.core.calls import GatewayCall
from runtime.core.cell import Cell
from runtime.core.log import PartitionLog
from runtime.core.mailbox import Mailbox, Pending
from runtime.core.messages import EVERYWHERE, HOME, CallKind, Failure, id_text
from runtime.core.origins import Origins
from runtime.core.rows import DeliveryRow, Entry, InstanceRow, Recovery, Status, decode_targets, local_targets
from runtime.errors import JournalMismatch

_FAILURE = msgspec.msgpack.Decoder(Failure)


def restore(cell: Cell, origins: Origins, calling: Calling, recovery: Recovery) -> None:
    """Take over one partition. What the cursors, and the rows of single deliveries, do not say is done is open."""
    log = PartitionLog(recovery.partition, recovery.epoch, recovery.next_position, recovery.watermark)
    cell.logs[recovery.partition] = log
    for taken in recovery.taken:
        origins.taken[taken.partition, taken.source] = taken
    for schedule in recovery.schedules:
        origins.schedules[schedule.name] = schedule.moment
    for timer in recovery.timers:
        for _, address in decode_targets(timer.targets):
            _must_know(cell, timer.type, address, f"the timer {timer.type}, set by {id_text(timer.cause)},")
        cell.timers.set(timer, cell.drains.gen if timer.due <= cell.now else 0)
    rows = {(row.at, row.address): row for row in recovery.deliveries}
    entries = {entry.at: entry for entry in recovery.entries}
    heads = _heads(recovery.deliveries, entries)
    unknown: list[GatewayCall] = []
    for entry in recovery.entries:
        behind = log.position(entry.at) <= log.watermark
        for where, address in local_targets(entry):
            if where == HOME:
                _gateway(cell, log, entry, address, rows.get((entry.at, address)), behind, unknown)
            elif where == EVERYWHERE:
                if not behind or (entry.at, address) in rows:
                    _open(cell, log, entry, address, (entry.at, address) in rows)
                    cell.spreads.begin(entry, address, log.partition, cell.drains.gen)
            else:
                row = rows.get((entry.at, address))
                if row is not None or not behind:
                    _instance(cell, log, entry, address, row, recovery.instances.get(address), heads)
    for address, head in heads.items():
        _must_know(cell, "", address, f"what is parked or tried again, {id_text(head.at)},")
        box = _mailbox(cell, address, log.partition, recovery.instances.get(address), heads)
        if not box.queue or box.queue[0].at != head.at:
            # A delivery of a broadcast, which itself may be long done.
            _broadcast(cell, entries[head.at], box)
        if head.status == Status.PARKED:
            cell.hold(box)
    for call in unknown:
        calling.unknown(call)


def _heads(rows: Iterable[DeliveryRow], entries: dict[int, Entry]) -> dict[str, DeliveryRow]:
    """Of instances: the delivery that they must handle first, as its turn failed and all before it was handled.

    It is parked, or is to be tried again. (Of the latter, those of single deliveries have rows like others that wait.)
    """
    found = {}
    for row in rows:
        if "/" in row.address:
            single = any(address == row.address for _, address in local_targets(entries[row.at]))
            if row.status == Status.PARKED or not single:
                found[row.address] = row
    return found


def _must_know(cell: Cell, type: str, address: str, what: str) -> None:
    """What is still to be handled, an event of this type, must have somebody to handle it.

    Raises:
        JournalMismatch: the app no longer has whom it is for.
    """
    name, is_instance, _ = address.partition("/")
    if name in cell.plan.groups:
        return
    gateway = None if is_instance else cell.plan.gateways.get(name)
    if gateway is not None and type in gateway.handlers:
        return
    who = f"{name} that listens to it" if gateway is not None else name
    raise JournalMismatch(
        f"{what} is still to be handled by {address}, and this app has no {who}",
        hint=f"start the version that has it, and drain, or skip its dead letters; or let what took its place have "
        f"name={name!r}.",
    )


def _open(cell: Cell, log: PartitionLog, entry: Entry, address: str, has_row: bool) -> None:
    """Count an open delivery, or note that it has a row of its own."""
    _must_know(cell, entry.type, address, f"{entry.type} {id_text(entry.id)}")
    if has_row:
        cell.own_rows.add((entry.at, address))
    else:
        log.open[entry.at] = log.open.get(entry.at, 0) + 1


def _instance(
    cell: Cell,
    log: PartitionLog,
    entry: Entry,
    address: str,
    row: DeliveryRow | None,
    instance: InstanceRow | None,
    heads: dict[str, DeliveryRow],
) -> None:
    if instance is not None and entry.at <= instance.cursor:
        return
    _open(cell, log, entry, address, row is not None)
    _mailbox(cell, address, log.partition, instance, heads)
    cell.deliver(entry, address, log.partition, cell.drains.gen, cell.since(entry))


def _mailbox(
    cell: Cell, address: str, partition: int, instance: InstanceRow | None, heads: dict[str, DeliveryRow]
) -> Mailbox:
    box = cell.mailboxes.get(address)
    if box is None:
        box = cell.open_mailbox(address, partition)
        head = heads.get(address)
        if head is not None:
            # What came before was handled, also a broadcast that wrote nothing.
            box.last_broadcast = head.at
        cell.loaded(box, instance)
    return box


def _broadcast(cell: Cell, entry: Entry, box: Mailbox) -> None:
    cell.own_rows.add((entry.at, box.address))
    cell.pending += 1
    cell.drains.add(cell.drains.gen)
    box.insert(Pending(entry.at, entry, cell.since(entry), cell.drains.gen, True))


def _gateway(
    cell: Cell,
    log: PartitionLog,
    entry: Entry,
    name: str,
    row: DeliveryRow | None,
    behind: bool,
    unknown: list[GatewayCall],
) -> None:
    if row is not None and row.status == Status.DONE:
        return
    if row is None and behind:
        return
    _open(cell, log, entry, name, behind)
    call = GatewayCall(entry.at, name, log.partition, entry, cell.drains.gen)
    cell.pending += 1
    cell.drains.add(call.gen)
    if row is not None:
        call.kind, call.attempt, call.tries, call.due = CallKind(row.kind), row.attempt, row.tries, row.due
        if row.detail is not None:
            call.failure = _FAILURE.decode(row.detail)
    cell.calls.restore(call, row.status if row is not None else Status.WAITING)
    if row is not None and row.status == Status.STARTED:
        unknown.append(call)
    if call.parked:
        cell.pending -= 1
        cell.drains.remove(call.gen)
        call.gen = 0
        if not behind:
            log.done(entry.at)
            cell.own_rows.add((entry.at, name))
