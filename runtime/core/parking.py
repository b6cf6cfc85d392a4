"""Dead letters: a delivery that could not be handled is parked, and its instance holds what comes after it.

Each decision is an entry of the log (`trunkline.parked`, `.retried`, `.skipped`), caused by the event it is about and
recorded in the same commit as its effect.
"""

import json

from runtime.core.calls import GatewayCall
from runtime.core.cell import Cell
from runtime.core.mailbox import Mailbox
from runtime.core.messages import CallKind, Failure, encode
from runtime.core.rows import DeliveryRow, Entry, Status
from runtime.wire import Body, encode_body

PARKED = "trunkline.parked"
RETRIED = "trunkline.retried"
SKIPPED = "trunkline.skipped"
NOTES = frozenset({PARKED, RETRIED, SKIPPED})
"""Wire types of what the runtime itself writes into a log."""


class Parking:
    """Parks deliveries; retries and skips them when a person says so."""

    def __init__(self, cell: Cell) -> None:
        self._cell = cell

    def park(self, box: Mailbox, failure: Failure) -> None:
        """The delivery at the queue's head will not be tried again by itself."""
        cell = self._cell
        pending = box.queue[0]
        tries, box.tries = box.tries, 0
        box.retry_at = 0
        self._note(PARKED, box.partition, pending.entry, box.address, failure.error)
        if cell.plan.groups[box.group].failures == "skip":
            box.queue.popleft()
            if not pending.broadcast:
                box.live = True
            cell.move_cursor(box, pending.at)
            cell.settle(box, pending)
            return
        row = DeliveryRow(
            pending.at, box.address, box.partition, Status.PARKED, CallKind.CALL, 0, tries, 0, encode(failure)
        )
        self._own_row(row, pending.broadcast, box)
        cell.hold(box)

    def park_call(self, call: GatewayCall, failure: Failure) -> None:
        """A gateway delivery has been given up."""
        cell = self._cell
        self._note(PARKED, call.partition, call.entry, call.name, failure.error)
        cell.pending -= 1
        cell.drains.remove(call.gen)
        call.gen = 0
        call.parked = True
        stage = cell.staging.stage
        stage.partitions.add(call.partition)
        stage.batch.deliveries[call.at, call.name] = call.row(Status.PARKED, encode(failure))
        if (call.at, call.name) not in cell.own_rows:
            cell.own_rows.add((call.at, call.name))
            cell.logs[call.partition].done(call.at)

    def retry(self, at: int, address: str) -> bool:
        """Try a dead letter again. False: there is none."""
        cell = self._cell
        call = cell.calls.find(at, address)
        if call is not None:
            if not call.parked:
                return False
            self._note(RETRIED, call.partition, call.entry, address, "")
            call.kind, call.tries, call.failure, call.parked, call.due = CallKind.CALL, 0, None, False, 0
            call.gen = cell.drains.present()
            cell.pending += 1
            cell.drains.add(call.gen)
            cell.staging.stage.batch.deliveries[at, address] = call.row(Status.WAITING)
            cell.calls.wait(call)
            return True
        box = self._held(at, address)
        if box is None:
            return False
        pending = box.queue[0]
        self._note(RETRIED, box.partition, pending.entry, address, "")
        cell.staging.stage.batch.deliveries[at, address] = DeliveryRow(
            at, address, box.partition, Status.WAITING, CallKind.CALL, 0, 0, 0, None
        )
        self._release(box)
        return True

    def skip(self, at: int, address: str) -> bool:
        """Go on without it. False: there is none."""
        cell = self._cell
        call = cell.calls.find(at, address)
        if call is not None:
            if not call.parked:
                return False
            self._note(SKIPPED, call.partition, call.entry, address, "")
            cell.close_call(call)
            return True
        box = self._held(at, address)
        if box is None:
            return False
        pending = box.queue[0]
        self._note(SKIPPED, box.partition, pending.entry, address, "")
        self._release(box)
        box.queue.popleft()
        if not pending.broadcast:
            box.live = True
        cell.move_cursor(box, pending.at)
        cell.settle(box, pending)
        return True

    def _held(self, at: int, address: str) -> Mailbox | None:
        box = self._cell.mailboxes.get(address)
        if box is None or not box.held or not box.queue or box.queue[0].at != at:
            return None
        return box

    def _release(self, box: Mailbox) -> None:
        cell = self._cell
        box.held = False
        cell.held.discard(box.address)
        cell.pending += len(box.queue)
        cell.spreads.held(box, 1)
        gen = cell.drains.present()
        for pending in box.queue:
            pending.gen = gen
            cell.drains.add(pending.gen)
        cell.make_ready(box)

    def _own_row(self, row: DeliveryRow, broadcast: bool, box: Mailbox) -> None:
        cell = self._cell
        stage = cell.staging.stage
        stage.batch.deliveries[row.at, row.address] = row
        stage.partitions.add(row.partition)
        if (row.at, row.address) not in cell.own_rows:
            cell.own_rows.add((row.at, row.address))
            if broadcast:
                cell.spreads.one_done(box, row.at)
            else:
                cell.logs[row.partition].done(row.at)

    def _note(self, type: str, partition: int, about: Entry | None, address: str, error: str) -> None:
        """Put the decision into the log."""
        cell = self._cell
        data = json.dumps({"address": address, "error": error}).encode()
        body = encode_body(Body(address, "", 1, 0, 0, "", (), "", data))
        cause, root = (about.id, about.root) if about is not None else (0, 0)
        cell.append(cell.logs[partition], type, cell.now, (), body, cause, root, 0)
