"""What each host gets: activations and deliveries of its ready instances, in batches.

Of a long mailbox the router keeps positions only: the bodies that its next deliveries lack are read here, from the
journal, once they are durable.
"""

from itertools import islice

from runtime.core.cell import SPARE, Cell, HostLink
from runtime.core.mailbox import Mailbox
from runtime.core.messages import Activate, DeliverBatch, Delivery
from runtime.core.rows import Entry

BATCH_BYTES = 4 << 20


class Delivering:
    """Fills batches for hosts."""

    def __init__(self, cell: Cell) -> None:
        self._cell = cell
        self._activation = 0
        self._fetches: list[int] = []
        self._after_commit = False
        """Some of what is awaited was not durable when it was read."""
        self._awaiting: list[Mailbox] = []
        """Mailboxes whose next bodies are being read."""

    def take_fetches(self) -> list[int]:
        """Entries that are to be read."""
        fetches, self._fetches = self._fetches, []
        return fetches

    @property
    def wants_fetches(self) -> bool:
        return bool(self._fetches)

    def committed(self) -> None:
        """What was not durable may be so now."""
        if self._after_commit:
            self._after_commit = False
            waiting, self._awaiting = self._awaiting, []
            for box in waiting:
                self._want_bodies(box)

    def take(self) -> list[tuple[str, DeliverBatch]]:
        """What each host gets now: at most `batches_in_flight` batches are with it."""
        cell = self._cell
        out = []
        for link in list(cell.links.values()):
            if link.up and (link.ready or link.drops):
                limit = 1 if link.name == SPARE else cell.limits.batches_in_flight
                while len(link.in_flight) < limit:
                    batch = self._fill(link)
                    if batch is None:
                        break
                    out.append((link.name, batch))
        return out

    def _fill(self, link: HostLink) -> DeliverBatch | None:
        cell = self._cell
        spare = link.name == SPARE
        room = cell.limits.batch_deliveries
        size = 0
        activations: list[Activate] = []
        deliveries: list[Delivery] = []
        ready = link.ready
        while ready and room > 0 and size < BATCH_BYTES:
            box = ready.popleft()
            box.ready = False
            if box.loading or box.held:
                continue
            if (SPARE if box.suspects else box.host) != link.name:
                cell.make_ready(box)
                continue
            alone = box.suspects > 0
            if alone and deliveries:
                box.ready = True
                ready.appendleft(box)
                break
            if not box.active:
                if not self._activate(box, activations):
                    continue
                size += len(activations[-1].state or b"")
            queue, activation, address = box.queue, box.activation, box.address
            for index in range(box.sent, len(queue)):
                pending = queue[index]
                entry = pending.entry
                if entry is None:
                    if not box.awaiting:
                        self._want_bodies(box)
                    break
                deliveries.append(
                    Delivery(
                        address,
                        activation,
                        pending.at,
                        entry.id,
                        entry.cause,
                        entry.root,
                        entry.time,
                        entry.type,
                        entry.body,
                        pending.broadcast,
                    )
                )
                box.sent = index + 1
                size += len(entry.body)
                room -= 1
                if room <= 0 or size >= BATCH_BYTES or alone:
                    break
            if alone:
                if deliveries:
                    break
            elif box.sent < len(queue) and not box.awaiting:
                box.ready = True
                ready.append(box)
        if not deliveries and not activations and not link.drops:
            return None
        link.number += 1
        run_on = not spare and not link.in_flight and not ready
        link.in_flight.append(link.number)
        drops, link.drops = tuple(link.drops), []
        return DeliverBatch(link.number, tuple(activations), tuple(deliveries), drops, run_on)

    def _activate(self, box: Mailbox, activations: list[Activate]) -> bool:
        """Send the state first. False: there is nothing to send after all, or the state must be read."""
        cell = self._cell
        cell.spreads.skip_for_the_dead(box)
        if not box.queue:
            return False
        row = box.row
        if row is None:
            cell.load(box)
            return False
        self._activation += 1
        box.activation = self._activation
        box.active, box.turn, box.sent, box.row = True, 0, 0, None
        box.used = cell.now
        activations.append(Activate(box.address, box.activation, row.state))
        return True

    def fetched(self, entries: dict[int, Entry]) -> None:
        """Bodies that were asked for. What is not durable yet is asked for again after the next commit."""
        cell = self._cell
        waiting, self._awaiting = self._awaiting, []
        for box in waiting:
            for pending in box.queue:
                if pending.entry is None:
                    pending.entry = entries.get(pending.at)
                    if pending.entry is None:
                        break
            self._want_bodies(box, not_durable=cell.staging.holds_entries())

    def _want_bodies(self, box: Mailbox, *, not_durable: bool = False) -> None:
        """Have the bodies read that its next deliveries lack: now, or after the next commit."""
        cell = self._cell
        box.awaiting = box.sent < len(box.queue) and box.queue[box.sent].entry is None
        if not box.awaiting:
            cell.make_ready(box)
            return
        self._awaiting.append(box)
        if not_durable:
            self._after_commit = True
            return
        for pending in islice(box.queue, box.sent, box.sent + cell.limits.mailbox_bodies_max):
            if pending.entry is None:
                self._fetches.append(pending.at)
