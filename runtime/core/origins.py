"""Events from outside any turn: publishes, ticks and schedules, fired timers."""

from collections.abc import Mapping

from runtime.core.cell import Cell
from runtime.core.messages import POSITION_MASK, Publish, PublishBatch, PublishReply, Taken
from runtime.core.rows import SUPERVISOR, KeyRow, ScheduleRow, TakenRow, decode_targets

Resent = tuple[int, str, list[int], int]
"""(partition, client, numbers, last position): a client sends again what this partition had taken."""


class Origins:
    """Takes what clients and the supervisor publish, once each; fires what is due."""

    def __init__(self, cell: Cell) -> None:
        self._cell = cell
        self.taken: dict[tuple[int, str], TakenRow] = {}
        self.schedules: dict[str, int] = {}
        self.supervisor_epoch = 0
        self._following: set[str] = set()
        """Clients whose last batch was taken. Any other begins with `again`: something before it may be missing."""

    def wants_keys(self, batch: PublishBatch) -> list[bytes]:
        """The idempotency keys to look up in the journal before `publish`."""
        key = self._cell.staging.key
        return [item.key for item in batch.items if item.key is not None and key(item.key) is None]

    def wants_sent(self, batch: PublishBatch) -> list[Resent]:
        """What this batch resends and is already durable: its ids must be looked up before `publish`."""
        wanted: dict[int, list[int]] = {}
        for item in batch.items:
            row = self.taken.get((item.partition, batch.client))
            if (
                row is not None
                and item.seq <= row.seq
                and self._cell.staging.sent(item.partition, batch.client, item.seq) is None
            ):
                wanted.setdefault(item.partition, []).append(item.seq)
        return [(p, batch.client, seqs, self.taken[p, batch.client].position) for p, seqs in wanted.items()]

    def publish(
        self,
        ticket: int,
        batch: PublishBatch,
        keys: Mapping[bytes, KeyRow],
        sent: Mapping[tuple[int, int], int],
    ) -> None:
        """Take a batch; its reply is said when it is durable. Refused whole while too much is unhandled."""
        cell = self._cell
        client = batch.client
        if (client not in self._following and not batch.again) or cell.pending > cell.limits.pending_max:
            self._following.discard(client)
            # Only who owns a partition may refuse what is for it: a client would wait for one that was succeeded.
            cell.staging.stage.partitions.update(item.partition for item in batch.items)
            cell.staging.stage.replies.append((ticket, PublishReply(True)))
            return
        self._following.add(client)
        stage = cell.staging.stage
        last: dict[int, tuple[int, int]] = {}
        results: list[tuple[int, int]] = []
        gen = cell.drains.gen
        for item in batch.items:
            row = self.taken.get((item.partition, client))
            if row is not None and item.seq <= row.seq:
                known = cell.staging.sent(item.partition, client, item.seq)
                if known is None:
                    known = sent.get((item.partition, item.seq))
                if known is not None:
                    results.append((Taken.NEW, known))
                    continue
                # Never taken, though a later number was: the earlier one had met a repeated key or a fence. Judge anew.
            refusal = self._refusal(item, keys)
            if refusal is not None:
                results.append(refusal)
                continue
            log = cell.logs[item.partition]
            time = cell.now if item.time is None else item.time
            own_gen = gen if item.schedule is None else 0
            entry = cell.append(log, item.type, time, item.targets, item.body, 0, 0, own_gen, client, item.seq)
            if item.key is not None:
                key = KeyRow(item.key, item.partition, entry.id, item.digest or b"")
                stage.batch.keys.append(key)
                stage.keys[item.key] = key
            if item.schedule is not None:
                name, moment, _ = item.schedule
                self.schedules[name] = moment
                stage.batch.schedules[name] = ScheduleRow(name, item.partition, moment)
            if item.fence is not None:
                stage.batch.epochs[SUPERVISOR] = item.fence
            last[item.partition] = (item.seq, entry.at)
            stage.sent[item.partition, client, item.seq] = entry.id
            results.append((Taken.NEW, entry.id))
        for partition, (seq, at) in last.items():
            before = self.taken.get((partition, client))
            # A number judged anew may be lower than others taken before it: those must stay taken.
            seq = seq if before is None else max(seq, before.seq)
            row = TakenRow(partition, client, seq, at & POSITION_MASK)
            self.taken[partition, client] = row
            stage.batch.taken[partition, client] = row
        stage.replies.append((ticket, PublishReply(False, tuple(results))))
        if batch.await_types and results and results[0][0] in (Taken.NEW, Taken.REPEATED):
            cell.watches.setdefault(results[0][1], {})[ticket] = frozenset(batch.await_types)

    def _refusal(self, item: Publish, keys: Mapping[bytes, KeyRow]) -> tuple[int, int] | None:
        if item.fence is not None:
            if item.fence < self.supervisor_epoch:
                return (Taken.FENCED, 0)
            self.supervisor_epoch = item.fence
        if item.schedule is not None and item.schedule[2] != self.schedules.get(item.schedule[0], -1):
            return (Taken.FENCED, 0)
        if item.key is None:
            return None
        row = self._cell.staging.key(item.key) or keys.get(item.key)
        if row is None:
            return None
        return (Taken.REPEATED if row.digest == (item.digest or b"") else Taken.KEY_REUSED, row.id)

    def fire(self) -> None:
        """Fire the timers that are due: each becomes an event of its instance's log, in the commit that removes it.

        One whose instance still has unhandled events recorded before the due moment waits for them: a slow host changes
        no result.
        """
        cell = self._cell
        timers = cell.timers
        for row in timers.due(cell.now):
            box = cell.mailboxes.get(row.address)
            waits = box is not None and box.queue and box.queue[0].since < row.due
            if waits or cell.spreads.may_reach(row.address, row.partition, row.due):
                timers.block(row)
                continue
            key = (row.address, row.type, row.name)
            stage = cell.staging.stage
            stage.batch.timers[key] = None
            targets = decode_targets(row.targets)
            gen = timers.generation(key) or cell.drains.gen
            cell.append(cell.logs[row.partition], row.type, row.due, targets, row.body, row.cause, row.root, gen)
            timers.clear(key)
