"""A cell's state, and the one way by which an event enters its logs and reaches its mailboxes.

`append` writes an entry to a partition's log, copies it to the logs of other partitions in which it has listeners
(under the same id, in the same commit: this router owns them all), and puts a delivery into each listener's mailbox.
`settle` is its counterpart: a delivery is done. Everything else in this package decides when these two are called.
"""

from collections import deque
from collections.abc import Iterable
from heapq import heappop, heappush

from runtime.core.calls import Calls, GatewayCall
from runtime.core.drains import Drains
from runtime.core.limits import Limits
from runtime.core.log import PartitionLog
from runtime.core.mailbox import Mailbox, Pending
from runtime.core.messages import EVERYWHERE, HOME, Target
from runtime.core.plan import CellPlan
from runtime.core.rows import Entry, InstanceRow, Status, encode_targets
from runtime.core.spreads import Spreads
from runtime.core.staging import RequestReply, Staging
from runtime.core.timers import Timers

SPARE = "spare"
"""The host that gets suspect deliveries, one at a time."""


class HostLink:
    """What the router knows of one host."""

    __slots__ = ("drops", "in_flight", "name", "number", "ready", "up")

    def __init__(self, name: str) -> None:
        self.name = name
        self.up = False
        self.number = 0
        self.in_flight: deque[int] = deque()
        self.ready: deque[Mailbox] = deque()
        self.drops: list[str] = []


class Cell:
    """Logs, mailboxes, timers, calls and hosts of the partitions that one router owns."""

    def __init__(self, plan: CellPlan, limits: Limits, now: int) -> None:
        self.plan = plan
        self.limits = limits
        self.now = now
        """The router's clock, never going back while it lives."""
        self.newest = 0
        """When the newest entry that was found in the logs was recorded: later than now, after a clock was set back."""
        self.logs: dict[int, PartitionLog] = {}
        self.mailboxes: dict[str, Mailbox] = {}
        self.staging = Staging()
        self.calls = Calls(plan.gateways, limits)
        self.drains = Drains()
        self.timers = Timers(self.drains)
        self.spreads = Spreads(self)
        self.links: dict[str, HostLink] = {}
        self.own_rows: set[tuple[int, str]] = set()
        """Deliveries that have a row of their own: the watermark does not wait for them."""
        self.held: set[str] = set()
        """Instances behind a dead letter."""
        self.pending = 0
        """Deliveries that are neither handled nor held."""
        self.watches: dict[int, dict[int, frozenset[str]]] = {}
        """Origin event → ticket → the types that the request under it waits for. Those with one key have one origin."""
        self.loads: list[str] = []
        self.loads_after_commit: list[str] = []
        self.starts: list[str] = []
        """Hosts that are needed and not known."""
        self.releases: list[str] = []
        """Hosts that are needed no longer."""
        self.later: list[tuple[int, int, Mailbox]] = []
        """Mailboxes that wait for a retry: (moment, tie, mailbox)."""
        self._tie = 0

    # ------------------------------------------------------------ events in

    def append(
        self,
        log: PartitionLog,
        type: str,
        time: int,
        targets: tuple[Target, ...],
        body: bytes,
        cause: int,
        root: int,
        gen: int,
        client: str = "",
        seq: int = 0,
    ) -> Entry:
        """Write an event to a log, copy it to where it has other listeners, deliver it."""
        stage = self.staging.stage
        at = log.append()
        partition = log.partition
        coded = encode_targets(targets)
        # Never earlier than what stands before it: a log is searched, and logs are merged, by it.
        recorded = self.now if self.now > self.newest else self.newest
        entry = Entry(at, at, cause, root or at, time, recorded, type, client, seq, coded, body)
        stage.batch.entries.append(entry)
        stage.partitions.add(partition)
        count = 0
        elsewhere: dict[int, list[str]] | None = None
        everywhere: list[str] | None = None
        for where, address in targets:
            if where == partition:
                self.deliver(entry, address, partition, gen, self.now)
                count += 1
            elif where == HOME:
                self.calls.add(GatewayCall(at, address, partition, entry, gen))
                self.pending += 1
                self.drains.add(gen)
                count += 1
            elif where == EVERYWHERE:
                everywhere = everywhere or []
                everywhere.append(address)
            else:
                elsewhere = elsewhere or {}
                elsewhere.setdefault(where, []).append(address)
        if count:
            log.open[at] = count
        if elsewhere is not None or everywhere is not None:
            self._copy(entry, log, elsewhere or {}, everywhere or [], gen)
        if self.watches:
            watching = self.watches.get(entry.root, {})
            for ticket in [ticket for ticket, types in watching.items() if type in types]:
                stage.replies.append((ticket, RequestReply(entry)))
                self.unwatch(entry.root, ticket)
        return entry

    def unwatch(self, root: int, ticket: int) -> None:
        """Whoever waits for what an event leads to is told, or waits no longer."""
        watching = self.watches[root]
        del watching[ticket]
        if not watching:
            del self.watches[root]

    def _copy(
        self, entry: Entry, home: PartitionLog, elsewhere: dict[int, list[str]], everywhere: list[str], gen: int
    ) -> None:
        stage = self.staging.stage
        for where in self.logs if everywhere else elsewhere:
            log = self.logs[where]
            if log is home:
                here = entry
            else:
                here = entry._replace(at=log.append())
                stage.batch.entries.append(here)
                stage.partitions.add(where)
            addresses = elsewhere.get(where, ())
            for address in addresses:
                self.deliver(here, address, where, gen, self.now)
            log.open[here.at] = log.open.get(here.at, 0) + len(addresses) + len(everywhere)
            for group in everywhere:
                self.spreads.begin(here, group, where, gen)

    def since(self, entry: Entry) -> int:
        """When an entry of before was recorded, by a clock that may have been set back since: not after now."""
        return min(entry.recorded, self.now)

    def deliver(
        self, entry: Entry, address: str, partition: int, gen: int, since: int, broadcast: bool = False
    ) -> None:
        """Put a delivery into its mailbox, of what has been there since that moment: timers due later wait for it."""
        box = self.mailboxes.get(address)
        if box is None:
            box = self.open_mailbox(address, partition)
            self.load(box)
        if box.held:
            gen = 0
        else:
            self.pending += 1
            if gen:
                self.drains.add(gen)
        queue = box.queue
        kept = entry if len(queue) < self.limits.mailbox_bodies_max else None
        pending = Pending(entry.at, kept, since, gen, broadcast)
        if not queue or queue[-1].at < entry.at:
            queue.append(pending)
        else:
            box.insert(pending)
        if not box.ready:
            self.make_ready(box)

    # ------------------------------------------------------------ deliveries done

    def settle(self, box: Mailbox, pending: Pending) -> None:
        """A delivery, already out of its mailbox's queue, is handled."""
        self.pending -= 1
        self.drains.remove(pending.gen)
        if pending.broadcast and (pending.at, box.address) not in self.own_rows:
            self.spreads.one_done(box, pending.at)
        else:
            self.close_delivery(pending.at, box.address, box.partition)
        if self.timers.blocked(box.address):
            self.timers.unblock(box.address)

    def close_delivery(self, at: int, address: str, partition: int) -> None:
        """Nothing has to remember this delivery any longer."""
        key = (at, address)
        if self.own_rows and key in self.own_rows:
            self.own_rows.discard(key)
            stage = self.staging.stage
            stage.batch.deliveries[key] = None
            stage.partitions.add(partition)
        else:
            self.logs[partition].done(at)

    def close_call(self, call: GatewayCall) -> None:
        """A gateway's delivery is answered, or skipped: no cursor says so, only the watermark or a row of its own."""
        self.calls.remove(call)
        log = self.logs[call.partition]
        if log.position(call.at) > log.watermark:
            stage = self.staging.stage
            stage.batch.deliveries[call.at, call.name] = call.row(Status.DONE)
            stage.partitions.add(call.partition)
            if (call.at, call.name) in self.own_rows:
                self.own_rows.discard((call.at, call.name))
            else:
                log.done(call.at)
        else:
            self.close_delivery(call.at, call.name, call.partition)

    def hold(self, box: Mailbox) -> None:
        """Its deliveries wait for a person: they count for no drain, and keep no origin waiting."""
        box.held = True
        self.held.add(box.address)
        self.timers.hold(box.address)
        self.pending -= len(box.queue)
        for pending in box.queue:
            self.drains.remove(pending.gen)
            pending.gen = 0
        self.spreads.held(box, -1)

    def timers_left(self) -> int:
        """Pending timers that will fire by themselves: those of a held instance wait behind what holds it."""
        return len(self.timers) - sum(len(self.timers.of(address)) for address in self.held)

    def move_cursor(self, box: Mailbox, at: int) -> None:
        """The instance has handled `at`; its state is as it was."""
        box.cursor = at
        stage = self.staging.stage
        stage.partitions.add(box.partition)
        known = stage.batch.instances.get(box.address)
        if known is not None:
            stage.batch.instances[box.address] = known._replace(cursor=at, live=box.live)
        else:
            stage.batch.cursors[box.address] = InstanceRow(box.address, box.partition, at, box.live, None)

    # ------------------------------------------------------------ mailboxes and their hosts

    def open_mailbox(self, address: str, partition: int) -> Mailbox:
        group = address.partition("/")[0]
        box = Mailbox(address, partition, group, self.host_of(group, address, partition), self.now)
        self.mailboxes[address] = box
        self.spreads.opened(box)
        return box

    def host_of(self, group: str, address: str, partition: int) -> str:
        """Which host has it: its own if that is up, else one that it shares. Results never depend on it."""
        if self.plan.groups[group].placement == "dedicated":
            if self._is_up(address):
                return address
            if len(self.links) - self.limits.hosts - (SPARE in self.links) < self.limits.dedicated_max:
                self.link(address)
        shared = f"host-{partition % self.limits.hosts}"
        return SPARE if self._is_up(SPARE) and not self._is_up(shared) else shared

    def _is_up(self, host: str) -> bool:
        link = self.links.get(host)
        return link is not None and link.up

    def place(self, come_or_gone: str) -> None:
        """A host has come or gone: each instance that this concerns is to be where it belongs now."""
        own = self.mailboxes.get(come_or_gone)
        # An instance's own host is nothing to the others, who may be many.
        for box in [own] if own is not None else self.mailboxes.values():
            host = self.host_of(box.group, box.address, box.partition)
            if host != box.host:
                self.move(box, host)

    def move(self, box: Mailbox, host: str) -> None:
        """It is on another host from now on, with its state as committed."""
        old, box.host = box.host, host
        if box.suspects:
            # It is with the spare host, and comes here afterwards.
            return
        link = self.link(old)
        if box.active:
            link.drops.append(box.address)
            self.reset(box)
        if box in link.ready:
            link.ready.remove(box)
            box.ready = False
            self.make_ready(box)

    def link(self, name: str) -> HostLink:
        """What is known of a host; one that was not known is asked for."""
        link = self.links.get(name)
        if link is None:
            link = self.links[name] = HostLink(name)
            self.starts.append(name)
        return link

    def load(self, box: Mailbox) -> None:
        """Its row is to be read, once what is staged for it is durable."""
        box.loading = True
        box.row = None
        if self.staging.writes(box.address):
            self.loads_after_commit.append(box.address)
        else:
            self.loads.append(box.address)

    def loaded(self, box: Mailbox, row: InstanceRow | None) -> None:
        box.loading = False
        box.row = row or InstanceRow(box.address, box.partition, 0, False, None)
        box.cursor, box.live = box.row.cursor, box.row.live
        self.spreads.cover(box)
        self.make_ready(box)

    def reset(self, box: Mailbox) -> None:
        """What its host knows of it is void: it gets the state anew, and all that is unhandled."""
        box.active = False
        box.sent = 0
        box.turn = 0
        if not box.loading:
            self.load(box)

    def make_ready(self, box: Mailbox) -> None:
        """Its host should look at it."""
        if box.ready or box.loading or box.held or not box.queue:
            return
        if box.retry_at > self.now:
            self._tie += 1
            heappush(self.later, (box.retry_at, self._tie, box))
            return
        box.ready = True
        self.link(SPARE if box.suspects else box.host).ready.append(box)

    def wake_retries(self) -> None:
        later = self.later
        while later and later[0][0] <= self.now:
            box = heappop(later)[2]
            box.retry_at = 0
            self.make_ready(box)

    def release(self) -> None:
        """Let go of the hosts whose one instance rests: another may have a host of its own in their stead."""
        for name in [name for name in self.links if "/" in name and name not in self.mailboxes]:
            del self.links[name]
            self.releases.append(name)

    def passivate(self, boxes: Iterable[Mailbox]) -> None:
        """Drop idle instances from memory here and at their hosts; their rows stay."""
        for box in boxes:
            if box.active and (link := self.links.get(box.host)) is not None:
                link.drops.append(box.address)
            del self.mailboxes[box.address]
            self.spreads.closed(box)
