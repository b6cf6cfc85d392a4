"""The router's process: a loop around its core, the journal, and the links of hosts, gateways and clients.

One pass of the loop takes all that has arrived, gives it to the core in one go, sends what may be sent, commits what
is to be committed. What arrives during a commit gathers; so batches grow with the load, and nothing is tuned. A larger
commit is written in a thread: see `share_the_interpreter` for what that takes.
"""

import asyncio
import os
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import msgspec

from actors.errors import TrunklineError
from runtime.core.limits import Limits
from runtime.core.messages import CallDone, encode
from runtime.core.plan import CellPlan
from runtime.core.router import RouterCore
from runtime.core.rows import SUPERVISOR, Batch
from runtime.errors import AlreadyRunning, Fenced, JournalFull, JournalLost, JournalReadOnly
from runtime.journal import Journal, Lock, lock_journal, open_journal
from runtime.journal.trouble import lost
from runtime.shells.clock import Clock
from runtime.shells.desk import Desk, Ticket
from runtime.shells.hosts import Hosts
from runtime.shells.link import Kind, Peer, RayPeer, listen, packed_error, parse_ask
from runtime.shells.reads import Reads

IN_PLACE = 64
"""Rows up to which a commit is made in the loop itself: handing so little to a thread costs more."""
RETRY_AFTER = 0.5
"""Seconds before a commit that the disk refused is tried again."""


class RouterConfig(NamedTuple):
    """What a router must be told; none of the app's code."""

    app: str
    journal: str
    schema_hash: str
    plan: CellPlan
    limits: Limits
    clock: Clock
    socket: str
    token: str
    patience: float
    """Seconds without a word after which a process counts as stopped."""
    identity: str = ""
    """The journal's, as the app was started on it; empty: each router has one of its own, in memory."""


_DONE = msgspec.msgpack.Decoder(CallDone)


class RouterShell:
    """One router, in one asyncio loop."""

    def __init__(self, config: RouterConfig) -> None:
        self.token = config.token
        self._config = config
        self._clock = config.clock
        self._journal: Journal
        self._core: RouterCore
        self._reads: Reads
        self._inputs: list[tuple[Peer, int, int, bytes]] = []
        self._kick = asyncio.Event()
        self._hosts = Hosts(config.clock)
        self._gateways: Peer | None = None
        self._committing: asyncio.Future[None] | None = None
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="disk")
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at: int | None = None
        self._closing: asyncio.Future[None] | None = None
        self._epochs: dict[int, int] = {}
        self._claims: list[tuple[Peer, int]] = []
        self._stuck = False
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    # ------------------------------------------------------------ start and stop

    async def start(self) -> None:
        """Open the journal, claim every partition, recover, listen.

        Raises:
            JournalError: what is wrong with the journal.
        """
        config = self._config
        loop = asyncio.get_running_loop()
        self._lock = await self._locked()
        self._journal = self._open()
        self._epochs = self._journal.claim(range(config.plan.partitions))
        self._reads = Reads(self._journal)
        self._desk = Desk(self._journal, self._reads, config.journal)
        self._core = self._desk.core = self._hosts.core = self._recovered()
        self._server = await listen(self, config.socket)
        self._work = loop.create_task(self._loop())

    async def _locked(self) -> Lock:
        """The journal's lock: a predecessor that was killed may take a moment to let go of it."""
        for _ in range(50):
            try:
                return lock_journal(self._config.journal, self._config.app)
            except AlreadyRunning:
                await asyncio.sleep(0.1)
        return lock_journal(self._config.journal, self._config.app)

    def _open(self) -> Journal:
        """The journal that the app was started on, or none: a router that starts anew must not begin another."""
        c = self._config
        if c.identity and not os.path.exists(c.journal):
            raise lost(c.journal)
        journal = open_journal(
            c.journal, app=c.app, partitions=c.plan.partitions, schema_hash=c.schema_hash, now=self._clock.now()
        )
        if c.identity and journal.info.identity != c.identity:
            journal.close()
            raise lost(c.journal)
        return journal

    def _recovered(self) -> RouterCore:
        c = self._config
        info = self._journal.info
        partitions = info.partitions
        plan = c.plan._replace(partitions=partitions, journal=info.identity)
        recoveries = [self._journal.recover(p, self._epochs[p]) for p in range(partitions)]
        core = RouterCore(plan, recoveries, c.limits, self._clock.now())
        reader = self._journal.reader()
        core.claimed_supervisor(reader.epochs().get(SUPERVISOR, 0))
        reader.close()
        return core

    def app_ends(self) -> None:
        """Hosts are ended from now on: they do not die of what they were handling."""
        self._hosts.app_ends()

    async def close(self) -> None:
        """Write what there is to write, and the watermarks exactly; close the journal."""
        self._closing = asyncio.get_running_loop().create_future()
        self._kick.set()
        await self._closing
        self._server.close()
        self._hosts.close()
        if self._gateways is not None:
            self._gateways.close()
        self._reads.close()
        self._journal.close()
        self._lock.release()
        if not self.ended.done():
            self.ended.set_result(None)

    def die(self, why: BaseException) -> None:
        """End this process at once: a newer owner has taken over, or something is wrong that a restart may mend."""
        print(f"router {self._config.app}: {type(why).__name__}: {why}", file=sys.stderr, flush=True)
        if not isinstance(why, Fenced):
            traceback.print_exception(why)
        sys.stderr.flush()
        os._exit(1)

    # ------------------------------------------------------------ links

    def connected(self, peer: Peer) -> None:
        hello = peer.hello
        assert hello is not None
        if hello.role == "host":
            self._hosts.connected(hello.name, peer)
        elif hello.role == "gateways":
            if self._gateways is not None:
                self._core.gateways_lost(self._clock.now())
                self._gateways.close()
            self._gateways = peer
            self._core.gateways_up()
        elif hello.role == "supervisor":
            self._hosts.supervised_by(peer)
        self._kick.set()

    def received(self, peer: Peer, kind: int, number: int, payload: bytes) -> None:
        self._inputs.append((peer, kind, number, payload))
        self._kick.set()

    def lost(self, peer: Peer) -> None:
        hello = peer.hello
        assert hello is not None
        if peer is self._gateways:
            self._gateways = None
            self._core.gateways_lost(self._clock.now())
        elif hello.role == "supervisor":
            self._hosts.unsupervised_by(peer)
        elif hello.role == "host":
            self._hosts.lost(hello.name, peer)
        else:
            self._desk.lost(peer)
        self._kick.set()

    # ------------------------------------------------------------ the loop

    async def _loop(self) -> None:
        try:
            while True:
                await self._kick.wait()
                self._kick.clear()
                if self._pass():
                    return
        except Exception as error:
            self.die(error)

    def _pass(self) -> bool:
        """One pass. True: closed."""
        if self._stuck:
            # What comes meanwhile is for the core that is to be made: this one will be thrown away.
            return False
        inputs, self._inputs = self._inputs, []
        now = self._clock.now()
        for peer, kind, number, payload in inputs:
            self._input(peer, kind, number, payload, now)
        core = self._core
        core.advance(now)
        self._look_up()
        self._hosts.deliver()
        self._hosts.start_and_release()
        if self._committing is None:
            self._claim()
            closing = self._closing is not None
            batch = core.next_batch(closing=closing)
            if batch is not None:
                self._commit(batch)
            else:
                self._tell()
                if closing:
                    assert self._closing is not None
                    self._closing.set_result(None)
                    return True
        self._set_alarm()
        return False

    def _look_up(self) -> None:
        core, journal = self._core, self._journal
        while True:
            loads, pages, fetches = core.take_loads(), core.take_pages(), core.take_fetches()
            if loads:
                core.loaded(loads, journal.instances(loads))
            for page in pages:
                core.live_page(page, journal.live(*page))
            if fetches:
                core.fetched(journal.entries(fetches))
            if not loads and not pages:
                return

    def _commit(self, batch: Batch) -> None:
        rows = len(batch.entries) + len(batch.instances) + len(batch.deliveries) + len(batch.timers)
        if rows > IN_PLACE:
            loop = asyncio.get_running_loop()
            self._committing = loop.run_in_executor(self._pool, self._journal.commit, batch)
            self._committing.add_done_callback(self._commit_ended)
            return
        try:
            self._journal.commit(batch)
        except TrunklineError as error:
            self._not_committed(error)
        else:
            self._committed()

    def _commit_ended(self, future: "asyncio.Future[None]") -> None:
        self._committing = None
        error = future.exception()
        if error is None:
            self._committed()
        elif isinstance(error, TrunklineError):
            self._not_committed(error)
        else:
            self.die(error)

    def _committed(self) -> None:
        self._core.committed()
        self._tell()
        self._kick.set()

    def _tell(self) -> None:
        """Say what is durable now."""
        core = self._core
        self._desk.tell()
        gateways = self._gateways
        for call in core.take_calls():
            if gateways is not None:
                gateways.send(Kind.CALL, 0, encode(call))

    def _set_alarm(self) -> None:
        at = self._core.wake_at()
        if at == self._alarm_at and self._alarm is not None and not self._alarm.cancelled():
            return
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm_at = at
        if at is not None:
            delay = max(self._clock.wait(at - self._clock.now()), 0.0)
            self._alarm = asyncio.get_running_loop().call_later(min(delay, 3600.0), self._wake)

    def _wake(self) -> None:
        self._alarm = None
        self._kick.set()

    # ------------------------------------------------------------ inputs

    def _input(self, peer: Peer, kind: int, number: int, payload: bytes, now: int) -> None:
        if kind == Kind.ANSWER:
            self._hosts.answered(peer, number, payload, now)
        elif kind == Kind.CALL_DONE:
            if peer is self._gateways:
                self._core.called(_DONE.decode(payload), now)
        elif kind == Kind.ASK:
            op, rest = parse_ask(payload)
            try:
                if op == "claim":
                    self._claims.append((peer, number))
                else:
                    self._desk.asked(peer, number, op, rest, now, self._hosts.names())
            except (TrunklineError, msgspec.DecodeError) as error:
                peer.send(Kind.ERROR, number, packed_error(error))
        elif kind == Kind.NEVER_MIND:
            self._desk.forget(peer, number)

    async def ask(self, op: str, payload: bytes) -> bytes:
        """A question that came as a Ray call.

        Raises:
            TrunklineError: as it would be sent over a link.
        """
        caller = RayPeer()
        try:
            self.received(caller, Kind.ASK, 0, op.encode() + b"\0" + payload)
            return await caller.answer
        finally:
            self.lost(caller)

    def _claim(self) -> None:
        """Take epochs for supervisors that asked: a write of its own, so not while a commit is under way."""
        for peer, number in self._claims:
            try:
                epoch = self._journal.claim([SUPERVISOR])[SUPERVISOR]
            except TrunklineError as error:
                # A full disk, perhaps: it is asked again, and what needs no room goes on meanwhile.
                peer.send(Kind.ERROR, number, packed_error(error))
                continue
            self._core.claimed_supervisor(epoch)
            info = self._journal.info
            begun = {row.name: row.since for row in info.begun}
            peer.send(Kind.REPLY, number, encode((epoch, info.started, self._core.schedules(), begun)))
        self._claims.clear()

    # ------------------------------------------------------------ failed commits

    def _not_committed(self, error: TrunklineError) -> None:
        """Nothing of the batch is in the journal (or nobody can know): start again from what is."""
        if isinstance(error, JournalLost) or (isinstance(error, Fenced) and SUPERVISOR not in error.partitions):
            self.die(error)
        no_room = isinstance(error, JournalFull | JournalReadOnly)
        drains = self._desk.clear(error if no_room else None)
        if self._gateways is not None:
            # What runs there ends with the link, before anybody asks what became of it, or makes it again.
            self._gateways.close()
            self._gateways = None
        print(f"router {self._config.app}: a commit failed: {error}", file=sys.stderr, flush=True)
        self._stuck = True
        loop = asyncio.get_running_loop()
        loop.call_later(RETRY_AFTER if no_room else 0.0, self._again, drains)

    def _again(self, drains: list[Ticket]) -> None:
        try:
            self._core = self._desk.core = self._recovered()
        except Exception as error:
            self.die(error)
        self._stuck = False
        self._hosts.begin_anew(self._core)
        self._desk.drain_again(drains)
        self._kick.set()
