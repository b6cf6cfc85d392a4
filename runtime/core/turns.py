"""What a host's answer means: each turn is committed whole, or is thrown away whole.

A turn counts only if its (activation, turn number) is what the router expects of the instance next, and the event that
it handled is the oldest that the instance has not handled. So a late, repeated or foreign answer has no effect, whoever
sends it; and a chain that a host ran on ahead of the router counts exactly as far as it is what the ordinary way would
have led to. A turn that does not hold takes with it those that rest on it: the next of its instance (their numbers do
not follow) and those that handled its events (they have no place in the log). Their instances are activated anew.
"""

from runtime.core.cell import SPARE, Cell, HostLink
from runtime.core.mailbox import Mailbox, Pending
from runtime.core.messages import Answer, Failure, TurnDone, TurnFailed
from runtime.core.parking import Parking
from runtime.core.rows import Entry, InstanceRow, TimerRow, encode_targets

DEATHS = 2
"""Deaths of the spare host with one event alone, after which that event is taken for what kills."""
HOST_DIED = Failure(
    error="HostDied",
    message="the host's process died while it handled this event alone: the handler ended it, or took longer than a "
    "turn may (TRUNKLINE_TURN_LIMIT)\n  fix: its last words, with the stack, are in Ray's logs (worker-*.err); mend "
    "the handler, or move what waits into a Gateway, and retry the dead letter, or skip it.",
    traceback="",
    where="",
)


class Turns:
    """Answers of hosts, and the loss of hosts."""

    def __init__(self, cell: Cell, parking: Parking) -> None:
        self._cell = cell
        self._parking = parking
        self.committed = 0
        self.rejected = 0

    def answer(self, host: str, answer: Answer) -> None:
        cell = self._cell
        link = cell.links.get(host)
        if link is None or not link.up or answer.number not in link.in_flight:
            return
        link.in_flight.remove(answer.number)
        mailboxes = cell.mailboxes
        emitted: list[list[Entry] | None] = []
        for turn in answer.turns:
            box = mailboxes.get(turn.address)
            at = turn.at
            entry: Entry | None = None
            if turn.link is not None:
                parent = emitted[turn.link[0]]
                entry = parent[turn.link[1]] if parent is not None else None
                at = entry.at if entry is not None else -1
            if (
                box is None
                or not box.active
                or box.activation != turn.activation
                or box.turn != turn.turn
                or not box.queue
                or box.queue[0].at != at
            ):
                emitted.append(None)
                self.rejected += 1
                if box is not None and box.active and box.activation == turn.activation:
                    cell.reset(box)
                continue
            pending = box.queue.popleft()
            entry = entry or pending.entry
            assert entry is not None, "answered before it was delivered"
            emitted.append(self._commit(box, pending, entry, turn))
        for failed in answer.failed:
            self._failed(failed)

    def _commit(self, box: Mailbox, pending: Pending, entry: Entry, turn: TurnDone) -> list[Entry]:
        """Stage the effect of a turn that holds; give the entries of what it emitted.

        `entry` is what was handled: a long mailbox keeps no body of one that was run on as soon as it was emitted.
        """
        cell = self._cell
        if box.sent:
            box.sent -= 1
        box.turn += 1
        box.tries = 0
        box.used = cell.now
        self.committed += 1
        entries: list[Entry] = []
        timers = turn.timers or turn.cancels or turn.retired
        if not (pending.broadcast and not (turn.changed or turn.emitted or timers)):
            at = pending.at
            box.live = not turn.retired and (box.live or not pending.broadcast)
            if not turn.changed:
                cell.move_cursor(box, at)
            elif turn.state is not None or turn.retired:
                box.cursor = at
                stage = cell.staging.stage
                stage.partitions.add(box.partition)
                stage.batch.instances[box.address] = InstanceRow(box.address, box.partition, at, box.live, turn.state)
                stage.batch.cursors.pop(box.address, None)
            log = cell.logs[box.partition]
            for e in turn.emitted:
                entries.append(cell.append(log, e.type, e.time, e.targets, e.body, entry.id, entry.root, pending.gen))
            if timers:
                self._timers(box, entry, turn, pending.gen)
        cell.settle(box, pending)
        if box.suspects:
            box.deaths = 0
            box.suspects -= 1
            if not box.suspects:
                self._back_from_spare(box)
            else:
                cell.make_ready(box)
        return entries

    def _timers(self, box: Mailbox, entry: Entry, turn: TurnDone, gen: int) -> None:
        cell = self._cell
        stage = cell.staging.stage
        rows = stage.batch.timers
        stage.partitions.add(box.partition)
        if turn.retired:
            for key in cell.timers.of(box.address):
                cell.timers.clear(key)
                rows[key] = None
        for cancel in turn.cancels:
            key = (box.address, cancel.type, cancel.name)
            if cell.timers.clear(key):
                rows[key] = None
        for timer in turn.timers:
            e = timer.event
            row = TimerRow(
                box.address,
                e.type,
                timer.name,
                box.partition,
                e.time,
                entry.id,
                entry.root,
                encode_targets(e.targets),
                e.body,
            )
            at_once = e.time == entry.time and e.time <= cell.now
            cell.timers.set(row, gen if at_once else 0)
            rows[row.address, row.type, row.name] = row

    def _back_from_spare(self, box: Mailbox) -> None:
        cell = self._cell
        if box.host == SPARE:
            cell.make_ready(box)
            return
        if box.active:
            cell.link(SPARE).drops.append(box.address)
        cell.reset(box)

    def _failed(self, failed: TurnFailed) -> None:
        """A turn raised: tried again after a backoff, then parked."""
        cell = self._cell
        box = cell.mailboxes.get(failed.address)
        if (
            box is None
            or not box.active
            or box.activation != failed.activation
            or not box.queue
            or box.queue[0].at != failed.at
        ):
            return
        box.tries += 1
        if box.tries <= cell.limits.retries:
            box.retry_at = cell.now + cell.limits.backoff(box.tries)
        else:
            self._parking.park(box, failed.failure)
        cell.reset(box)

    def host_lost(self, host: str) -> None:
        """A host's process died or its link broke: what it had not answered goes to the spare host, one by one.

        What the spare host dies of twice, when it has it alone, is what kills: it is parked. (Once may be chance: when
        a node ends, its processes end one after the other.)
        """
        cell = self._cell
        link = cell.links.get(host)
        if link is None or not link.up:
            return
        link.up = False
        link.in_flight.clear()
        link.drops.clear()
        waiting = list(link.ready)
        link.ready.clear()
        for box in waiting:
            box.ready = False
        for box in list(cell.mailboxes.values()):
            if not box.active or (SPARE if box.suspects else box.host) != host:
                continue
            if box.suspects and box.sent:
                box.deaths += 1
                if box.deaths == DEATHS:
                    box.deaths = 0
                    box.suspects -= 1
                    self._parking.park(box, HOST_DIED)
            elif box.sent:
                box.suspects = box.sent
            cell.reset(box)
        cell.starts.append(host)
        cell.place(host)
        for box in waiting:
            cell.make_ready(box)

    def host_up(self, host: str) -> None:
        """A host has connected, empty. It takes over those whom others have in its stead."""
        cell = self._cell
        link = cell.links.get(host)
        if link is None:
            link = cell.links[host] = HostLink(host)
        link.up = True
        link.number = 0
        link.in_flight.clear()
        link.drops.clear()
        cell.place(host)
