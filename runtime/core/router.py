"""The router's core: it decides what is written, delivered, called and said, and does none of it.

Theory of operation. Inputs (publishes, answers of hosts, outcomes of calls, time) are staged at once, in memory: events
get their places in the logs, and deliveries their places in mailboxes. `next_batch` gives what the journal must write
for it; when the shell has written it, it says `committed`, and then what the outside world may know is given out:
replies to publishers, calls to gateways. Deliveries to hosts may go out before, since a host's answer can only be
committed later, in order. If a commit fails, the shell throws this object away and makes a new one from the journal:
nothing that was staged has been told to anybody.

The order in which a shell calls: inputs; `advance(now)`; loads, fetches and pages until there are none; `next_batch`;
deliveries; the commit; `committed`; replies and calls.
"""

from collections.abc import Iterable, Mapping
from itertools import islice

from runtime.core.calling import Calling
from runtime.core.cell import Cell
from runtime.core.delivering import Delivering
from runtime.core.limits import Limits
from runtime.core.messages import POSITION_BITS, Answer, Call, CallDone, DeliverBatch, PublishBatch
from runtime.core.origins import Origins, Resent
from runtime.core.parking import Parking
from runtime.core.plan import CellPlan
from runtime.core.recovering import restore
from runtime.core.rows import Batch, DeliveryRow, Entry, InstanceRow, KeyRow, Recovery, Status
from runtime.core.spreads import PageRequest
from runtime.core.staging import Decided, Drained, Known, Reply
from runtime.core.turns import Turns

WHERE_MAX = 1_000
"""Instances whose host a router tells of at once."""


class RouterCore:
    """The decisions of one router over the partitions it has claimed."""

    def __init__(self, plan: CellPlan, recoveries: Iterable[Recovery], limits: Limits, now: int) -> None:
        cell = self._cell = Cell(plan, limits, now)
        self._parking = Parking(cell)
        self._turns = Turns(cell, self._parking)
        self._delivering = Delivering(cell)
        self._calling = Calling(cell, self._parking)
        self._origins = Origins(cell)
        self._swept = self._verified = now
        for number in range(limits.hosts):
            cell.link(f"host-{number}")
        ordered = sorted(recoveries, key=lambda r: r.partition)
        cell.newest = max((recovery.recorded for recovery in ordered), default=0)
        for recovery in ordered:
            restore(cell, self._origins, self._calling, recovery)

    # ------------------------------------------------------------ inputs

    def wants_keys(self, batch: PublishBatch) -> list[bytes]:
        """Idempotency keys that the shell looks up in the journal before `publish`."""
        return self._origins.wants_keys(batch)

    def wants_sent(self, batch: PublishBatch) -> list[Resent]:
        """Resent numbers whose ids the shell looks up with `find_sent` before `publish`."""
        return self._origins.wants_sent(batch)

    def publish(
        self,
        ticket: int,
        batch: PublishBatch,
        now: int,
        keys: Mapping[bytes, KeyRow] | None = None,
        sent: Mapping[tuple[int, int], int] | None = None,
    ) -> None:
        """Take a batch of origin events. Its reply comes when it is durable, or says that it was refused whole."""
        self._clock(now)
        self._origins.publish(ticket, batch, keys or {}, sent or {})

    def claimed_supervisor(self, epoch: int) -> None:
        """A supervisor has claimed this epoch: ticks of older ones are refused."""
        self._origins.supervisor_epoch = max(self._origins.supervisor_epoch, epoch)

    def answer(self, host: str, answer: Answer, now: int) -> None:
        """What a batch of deliveries led to."""
        self._clock(now)
        self._turns.answer(host, answer)

    def called(self, done: CallDone, now: int) -> None:
        """The outcome of one attempt at a gateway."""
        self._clock(now)
        self._calling.called(done)

    def host_up(self, host: str) -> None:
        """A host has connected. It holds nothing yet."""
        self._turns.host_up(host)

    def host_lost(self, host: str, now: int) -> None:
        """A host's process died or its link broke."""
        self._clock(now)
        self._turns.host_lost(host)

    def gateways_up(self) -> None:
        self._calling.up = True

    def gateways_lost(self, now: int) -> None:
        """The gateways' process died or its link broke: what ran there has an unknown outcome."""
        self._clock(now)
        self._calling.lost()

    def loaded(self, asked: Iterable[str], rows: Mapping[str, InstanceRow]) -> None:
        """The answer to `take_loads`."""
        for address in asked:
            box = self._cell.mailboxes.get(address)
            if box is not None and box.loading:
                self._cell.loaded(box, rows.get(address))

    def fetched(self, entries: dict[int, Entry]) -> None:
        """The answer to `take_fetches`."""
        self._delivering.fetched(entries)

    def live_page(self, request: PageRequest, rows: list[InstanceRow]) -> None:
        """The answer to one of `take_pages`."""
        self._cell.spreads.page(request, rows)

    def advance(self, now: int) -> None:
        """Let time pass: timers, retries, calls that may start, passivation."""
        self._clock(now)
        cell = self._cell
        self._origins.fire()
        cell.wake_retries()
        if self._waited_for and now - self._verified >= cell.limits.verify_us:
            self._verified = now
            cell.staging.stage.partitions.update(cell.logs)
        self._calling.start()
        if now - self._swept >= cell.limits.sweep_us:
            self._swept = now
            before = now - cell.limits.idle_us
            cell.passivate(
                [
                    box
                    for box in cell.mailboxes.values()
                    if box.used < before and not (box.queue or box.loading or cell.staging.writes(box.address))
                ]
            )
            cell.release()

    @property
    def _waited_for(self) -> bool:
        """Does anybody wait for what has not happened yet? Of a router that was succeeded, in vain."""
        return bool(self._cell.watches) or self._cell.drains.waited_for

    def writes_key(self, ticket: int, key: bytes) -> bool:
        """Is this idempotency key about to become durable? Then reply `Known` when it is."""
        if self._cell.staging.key(key) is None:
            return False
        self._cell.staging.stage.replies.append((ticket, Known()))
        return True

    def retry(self, ticket: int, at: int, address: str, now: int) -> None:
        """Try a dead letter again; reply `Decided` when that is durable."""
        self._clock(now)
        self._decided(ticket, at, self._parking.retry(at, address))

    def skip(self, ticket: int, at: int, address: str, now: int) -> None:
        """Go on without a dead letter's event; reply `Decided` when that is durable."""
        self._clock(now)
        self._decided(ticket, at, self._parking.skip(at, address))

    def _decided(self, ticket: int, at: int, done: bool) -> None:
        stage = self._cell.staging.stage
        partition = at >> POSITION_BITS
        if partition in self._cell.logs:
            # Also that there is no such dead letter is for the partition's owner alone to say.
            stage.partitions.add(partition)
        stage.replies.append((ticket, Decided(done)))

    def drain(self, ticket: int, timers: bool) -> None:
        """Reply `Drained` once all that was taken before is handled, parked or held."""
        self._cell.drains.wait(ticket, timers)

    def cancel(self, ticket: int) -> None:
        """Whoever waits under this ticket waits no longer."""
        self._cell.drains.cancel(ticket)
        for root in [root for root, watching in self._cell.watches.items() if ticket in watching]:
            self._cell.unwatch(root, ticket)

    def _clock(self, now: int) -> None:
        if now > self._cell.now:
            self._cell.now = now

    # ------------------------------------------------------------ commit

    def next_batch(self, *, closing: bool = False) -> Batch | None:
        """What is to be committed next. None: a commit is under way, or there is nothing to write.

        `closing` writes the watermarks exactly, so that the next start has least to read.
        """
        cell = self._cell
        if cell.staging.committing is not None:
            return None
        self._calling.start()
        stage = cell.staging.stage
        self._watermarks(cell.logs if closing else stage.partitions, 1 if closing else cell.limits.watermark_every)
        drained = cell.drains.done(cell.timers_left())
        if drained:
            # Only who owns a partition may say that nothing is left of it.
            stage.partitions.update(cell.logs)
            stage.replies += [(ticket, Drained()) for ticket in drained]
        epochs, logs = stage.batch.epochs, cell.logs
        for partition in stage.partitions:
            epochs[partition] = logs[partition].epoch
        return cell.staging.begin()

    def committed(self) -> None:
        """The batch is durable."""
        cell = self._cell
        cell.staging.committed()
        self._delivering.committed()
        if cell.loads_after_commit:
            addresses, cell.loads_after_commit = cell.loads_after_commit, []
            for address in addresses:
                waiter = cell.mailboxes.get(address)
                if waiter is not None and waiter.loading:
                    cell.load(waiter)

    def _watermarks(self, partitions: Iterable[int], every: int) -> None:
        cell = self._cell
        stage = cell.staging.stage
        for partition in list(partitions):
            log = cell.logs[partition]
            reached = log.reached()
            if log.next - reached > cell.limits.spill_after:
                self._spill(partition)
                reached = log.reached()
            if reached - log.watermark >= every:
                log.watermark = reached
                stage.batch.watermarks[partition] = reached
                stage.partitions.add(partition)

    def _spill(self, partition: int) -> None:
        """Give what has been open for long rows of its own, so that the watermark can pass it."""
        cell = self._cell
        log = cell.logs[partition]
        below = log.append_at - cell.limits.spill_after // 2
        old = {at for at in log.open if at < below}
        rows = cell.staging.stage.batch.deliveries

        def spill(row: DeliveryRow) -> None:
            if (row.at, row.address) not in cell.own_rows:
                cell.own_rows.add((row.at, row.address))
                rows[row.at, row.address] = row
                log.done(row.at)

        for box in cell.mailboxes.values():
            if box.partition == partition:
                for pending in box.queue:
                    if pending.at in old and not pending.broadcast:
                        spill(DeliveryRow(pending.at, box.address, partition, Status.WAITING, 0, 0, 0, 0, None))
        for call in cell.calls.all():
            if call.partition == partition and call.at in old:
                spill(call.row(Status.STARTED if call.running else Status.WAITING))
        for at, group in cell.spreads.open_ats(partition):
            if at in old:
                spill(DeliveryRow(at, group, partition, Status.WAITING, 0, 0, 0, 0, None))

    # ------------------------------------------------------------ outputs

    def take_loads(self) -> list[str]:
        """Addresses whose rows are to be read."""
        loads, self._cell.loads = self._cell.loads, []
        return loads

    def take_fetches(self) -> list[int]:
        """Entries that are to be read."""
        return self._delivering.take_fetches()

    def take_pages(self) -> list[PageRequest]:
        """Pages of live instances that are to be read."""
        return self._cell.spreads.pages()

    def take_deliveries(self) -> list[tuple[str, DeliverBatch]]:
        """What is to be sent to hosts now."""
        return self._delivering.take()

    def take_calls(self) -> list[Call]:
        """Calls whose start is durable."""
        return self._calling.take()

    def take_replies(self) -> list[tuple[int, Reply]]:
        """What is to be told to whoever gave the ticket."""
        return self._cell.staging.take_replies()

    def take_hosts(self) -> list[str]:
        """Hosts that are needed: to be started, or started again."""
        starts, self._cell.starts = self._cell.starts, []
        return [name for name in dict.fromkeys(starts) if name in self._cell.links]

    def needed_hosts(self) -> list[str]:
        """All hosts that are needed, there or not."""
        return list(self._cell.links)

    def missing_hosts(self) -> list[str]:
        """Hosts that are needed and not there: whoever starts them may have died, or heard of another router."""
        cell = self._cell
        return [n for n, link in cell.links.items() if not link.up and ("/" not in n or n in cell.mailboxes)]

    def take_releases(self) -> list[str]:
        """Hosts that are needed no longer: their processes may end. Tell of them before `take_hosts`."""
        releases, self._cell.releases = self._cell.releases, []
        return releases

    def wake_at(self) -> int | None:
        """When `advance` has something to do by itself."""
        cell = self._cell
        moments = [cell.timers.next(), cell.calls.next() if self._calling.up else None]
        moments.append(cell.later[0][0] if cell.later else None)
        if cell.loads or self._delivering.wants_fetches:
            moments.append(cell.now)
        if self._waited_for:
            moments.append(self._verified + cell.limits.verify_us)
        if cell.mailboxes or any("/" in name for name in cell.links):
            moments.append(self._swept + cell.limits.sweep_us)
        return min((m for m in moments if m is not None), default=None)

    @property
    def idle(self) -> bool:
        """Nothing is pending (but what is held), staged or being committed."""
        cell = self._cell
        staging = cell.staging
        written = not (staging.stage.batch or staging.stage.partitions or staging.committing)
        return written and not cell.pending and not cell.spreads.under_way

    def schedules(self) -> dict[str, int]:
        """The last moment taken of each schedule."""
        return dict(self._origins.schedules)

    def where(self, limit: int = WHERE_MAX) -> dict[str, list[str]]:
        """Which host holds which instances now: at most `limit` of them."""
        found: dict[str, list[str]] = {}
        for address, box in islice(self._cell.mailboxes.items(), limit):
            found.setdefault(box.host, []).append(address)
        return found

    def stats(self) -> dict[str, int]:
        """Counts for people: no decision rests on them."""
        cell = self._cell
        return {
            "pending": cell.pending,
            "instances": len(cell.mailboxes),
            "timers": len(cell.timers),
            "calls": len(cell.calls),
            "turns": self._turns.committed,
            "rejected": self._turns.rejected,
            "held": sum(box.held for box in cell.mailboxes.values()),
        }
