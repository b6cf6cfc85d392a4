"""The router's process: the shell around `RouterCore`, with every pause in which a crash can fall."""

from functools import partial
from typing import TYPE_CHECKING

from runtime.core.messages import Answer, CallDone, DeliverBatch, PublishReply
from runtime.core.router import RouterCore
from runtime.core.rows import SUPERVISOR, Batch, Recovery
from runtime.core.staging import Decided, Drained, Reply, RequestReply
from runtime.core.supervisor import GATEWAYS, ROUTER
from runtime.errors import Fenced, JournalError, JournalFull
from runtime.simulation.frames import (
    AskingTaken,
    Claimed,
    Claiming,
    Decide,
    DecisionMade,
    Draining,
    DrainOver,
    Hello,
    Needed,
    NotNeeded,
    NotWritten,
    Published,
    Publishing,
    Replied,
    Supervising,
    TakenSoFar,
    Welcome,
)
from runtime.simulation.network import Link
from runtime.simulation.process import Process

if TYPE_CHECKING:
    from runtime.simulation.world import World


class RouterProcess(Process):
    """One life of a router. A commit that fails ends the core; fenced, the process ends with it."""

    def __init__(self, world: "World", number: int) -> None:
        super().__init__(world.scheduler, f"router-{number}")
        self._world = world
        self._journal = world.open_journal()
        self._disk = world.make_disk(self._journal)
        self.core: RouterCore | None = None
        self.incarnation = 0
        self._servants: dict[str, Link] = {}
        """Links to hosts and gateways, by name."""
        self._welcomed: set[str] = set()
        self._supervisors: list[Link] = []
        self._claims: list[tuple[Link, int]] = []
        """Supervisors that want an epoch, each with its ticket."""
        self._asking = False
        """Supervisors will be asked again for hosts that are not there."""
        self._tickets: dict[int, tuple[Link, object]] = {}
        """Who asked, and what: a client's batch, a drain, an operator's wish."""
        self._ticket = 0
        self._epochs: dict[int, int] = {}
        self._recovering = False
        """It starts again from the journal, with its links and its epochs."""
        self._held_back: list[tuple[Link, object]] = []
        """What came in meanwhile."""
        self._refused: set[tuple[Link, int]] = set()
        """(link, ticket) of what was answered by `NotWritten`."""
        self._closing = False
        self._committing = False
        self._pumping = False
        self._wake: int | None = None
        self.later(self._pause(), self._claim)

    def _pause(self) -> int:
        return self.scheduler.between(1, self._world.profile.pause_us)

    # ------------------------------------------------------------ a core's life

    def _claim(self) -> None:
        self._epochs = self._journal.claim(range(self._world.partitions))
        self.incarnation = self._epochs[0] << 20
        self.scheduler.note(f"{self.name} claims epoch {self._epochs[0]}")
        self.later(self._pause(), partial(self._recover, []))

    def _recover(self, recovered: list[Recovery]) -> None:
        """One partition after the other: anything may happen between two."""
        partition = len(recovered)
        try:
            recovered.append(self._journal.recover(partition, self._epochs[partition]))
        except Fenced:
            self.kill()
            return
        if partition + 1 < self._world.partitions:
            self.later(self._pause(), partial(self._recover, recovered))
            return
        core = self.core = self._world.make_router(recovered, self.clock)
        core.claimed_supervisor(self._journal.reader().epochs().get(SUPERVISOR, 0))
        self.scheduler.note(f"{self.name} recovers")
        if self._recovering:
            self._go_on(core)
        for name, _ in self._world.children.items():
            self.greet(name)
        self._pump_soon()

    def _begin_anew(self) -> None:
        """Throw the core away and start from the journal, as another life of the process would."""
        self.scheduler.note(f"{self.name} begins anew")
        self.core = None
        self._servants.clear()
        self._welcomed.clear()
        self._supervisors.clear()
        self._claims.clear()
        self._tickets.clear()
        self._wake = None
        for link in list(self.links):
            link.cut()
        self.links.clear()
        self.later(self._pause(), self._claim)

    def _start_again(self, *, full: bool) -> None:
        """Throw the core away and start from the journal; links and epochs stay, and whoever drains goes on waiting."""
        self.scheduler.note(f"{self.name} starts again")
        self.core = None
        self._recovering = True
        self._wake = None
        self._welcomed.clear()
        # What runs at the gateways must have ended before anybody asks what became of it.
        gateways = self._servants.pop(GATEWAYS, None)
        if gateways is not None:
            gateways.cut()
        for ticket, (link, asked) in list(self._tickets.items()):
            if isinstance(asked, Draining):
                continue
            del self._tickets[ticket]
            if full and isinstance(asked, Publishing):
                link.send(self, NotWritten(asked.ticket))
                self._refused.add((link, asked.ticket))
            else:
                link.cut()
        self.later(self._world.profile.restart_us if full else self._pause(), partial(self._recover, []))

    def _go_on(self, core: RouterCore) -> None:
        self._recovering = False
        self.incarnation += 1
        for link in self._servants.values():
            link.send(self, Hello(self.incarnation))
        drains, self._tickets = list(self._tickets.values()), {}
        for link, asked in drains:
            assert isinstance(asked, Draining)
            core.drain(self._issue(link, asked), asked.timers)
        held_back, self._held_back = self._held_back, []
        for link, frame in held_back:
            self.received(link, frame)

    def _failed(self, core: RouterCore, error: JournalError) -> None:
        if self.core is not core:
            return
        self._committing = False
        full = isinstance(error, JournalFull)
        if isinstance(error, Fenced) and SUPERVISOR not in error.partitions:
            self.kill()
        elif full or self.scheduler.chance(0.5):
            self._start_again(full=full)
        elif self.scheduler.chance(0.5):
            self.kill()
        else:
            self._begin_anew()

    def close(self) -> None:
        """Write what there is to write, and end."""
        self._closing = True
        self.scheduler.note(f"{self.name} is to close")
        self.act(self._pump)

    # ------------------------------------------------------------ links

    def greet(self, name: str) -> None:
        """A host, or the gateways, go by this name: greet them, in place of those that did before."""
        servant = self._world.children.get(name)
        if self.core is None or servant is None or name == ROUTER:
            return
        old = self._servants.get(name)
        if old is not None:
            if old.other(self) is servant:
                return
            self._servant_lost(name)
            old.cut()
        link = self._world.link(self, servant)
        self._servants[name] = link
        link.send(self, Hello(self.incarnation))

    def lost(self, link: Link) -> None:
        name = self._name_of(link)
        if name is not None:
            self._servant_lost(name)
            self._greet_later(name)
        elif link in self._supervisors:
            self._supervisors.remove(link)
        for ticket in [ticket for ticket, (asker, _) in self._tickets.items() if asker is link]:
            del self._tickets[ticket]
            if self.core is not None:
                self.core.cancel(ticket)
        self._pump_soon()

    def _greet_later(self, name: str) -> None:
        """Its link is gone, and it is there, perhaps."""
        self.later(self._world.profile.restart_us, partial(self.greet, name))

    def _servant_lost(self, name: str) -> None:
        core = self.core
        del self._servants[name]
        if name not in self._welcomed:
            return
        self._welcomed.discard(name)
        if core is None:
            pass  # The next one knows of no host before it has greeted it.
        elif name == GATEWAYS:
            core.gateways_lost(self.clock)
        else:
            core.host_lost(name, self.clock)

    def _need(self, names: list[str]) -> None:
        """Ask until they are there: a supervisor may die that was asked, and the next one not find them."""
        for name in names:
            self._tell_supervisors(Needed(name))
        if names and not self._asking:
            self._asking = True
            self.later(self._world.profile.second_us, self._ask_again)

    def _ask_again(self) -> None:
        self._asking = False
        if self.core is not None:
            self._need(self.core.missing_hosts())

    def _tell_supervisors(self, frame: Needed | NotNeeded) -> None:
        for link in self._supervisors:
            link.send(self, frame)

    def received(self, link: Link, frame: object) -> None:
        core = self.core
        if core is None:
            if self._recovering:
                self._held_back.append((link, frame))
            else:
                link.cut()
            return
        match frame:
            case Answer():
                name = self._name_of(link)
                if name is not None:
                    core.answer(name, frame, self.clock)
            case CallDone():
                core.called(frame, self.clock)
            case Welcome():
                name = self._name_of(link)
                if name is not None and name not in self._welcomed and frame.incarnation == self.incarnation:
                    self._welcomed.add(name)
                    if name == GATEWAYS:
                        core.gateways_up()
                    else:
                        core.host_up(name)
            case Publishing() if (link, frame.ticket) in self._refused:
                pass  # The network repeated the frame; its client wants the events again, as others.
            case Publishing():
                keys = self._journal.keys(core.wants_keys(frame.batch))
                sent = {
                    (partition, seq): found
                    for partition, client, seqs, last in core.wants_sent(frame.batch)
                    for seq, found in self._journal.find_sent(partition, client, seqs, last).items()
                }
                core.publish(self._issue(link, frame), frame.batch, self.clock, keys, sent)
            case Draining():
                core.drain(self._issue(link, frame), frame.timers)
            case Decide():
                decide = core.retry if frame.retry else core.skip
                decide(self._issue(link, frame), frame.at, frame.address, self.clock)
            case Supervising():
                if link not in self._supervisors:
                    self._supervisors.append(link)
                self._need(core.needed_hosts())
            case Claiming():
                self._claims.append((link, frame.ticket))
            case AskingTaken():
                link.send(self, TakenSoFar(frame.ticket, core.schedules()))
        self._pump_soon()

    def _name_of(self, link: Link) -> str | None:
        return next((name for name, other in self._servants.items() if other is link), None)

    def _issue(self, link: Link, asked: object) -> int:
        self._ticket += 1
        self._tickets[self._ticket] = (link, asked)
        return self._ticket

    # ------------------------------------------------------------ the loop

    def _pump_soon(self) -> None:
        if not self._pumping:
            self._pumping = True
            self.later(self.scheduler.between(0, self._world.profile.pause_us // 4), self._pump)

    def _pump(self) -> None:
        self._pumping = False
        core = self.core
        if core is None:
            return
        core.advance(self.clock)
        self._read(core)
        if not self._committing:
            self._give_epochs(core)
        batch = core.next_batch(closing=self._closing)
        for name in core.take_releases():
            self._tell_supervisors(NotNeeded(name))
            if (link := self._servants.get(name)) is not None:
                # Should it be needed again, that is another process.
                self._servant_lost(name)
                link.cut()
                self._greet_later(name)
        self._need(core.take_hosts())
        for name, deliveries in core.take_deliveries():
            self._send(name, deliveries)
        self._read(core)
        if batch is not None:
            self._commit(core, batch)
        self._say(core)
        if self._closing and not self._committing:
            self.kill()
            return
        self._plan_wake(core)

    def _give_epochs(self, core: RouterCore) -> None:
        """To the supervisors that wait for one: a write of its own."""
        claims, self._claims = self._claims, []
        for link, ticket in claims:
            if self._world.full:
                link.send(self, NotWritten(ticket))
                continue
            epoch = self._journal.claim([SUPERVISOR])[SUPERVISOR]
            core.claimed_supervisor(epoch)
            link.send(self, Claimed(ticket, epoch, self._journal.info.started, core.schedules()))

    def look_at_the_clock(self) -> None:
        """It may show another time than expected: what it was to wake at by the old one may have passed."""
        self._wake = None
        self.later(self._pause(), self._pump)

    def _read(self, core: RouterCore) -> None:
        """What the core wants read: at once, or while other things happen."""
        journal = self._journal
        later = self._world.profile.slow_reads
        for _ in range(1000):
            loads, fetches, pages = core.take_loads(), core.take_fetches(), core.take_pages()
            if not (loads or fetches or pages):
                return
            rows = journal.instances(loads)
            entries = journal.entries(fetches)
            found = [(page, journal.live(page.partition, page.group, page.after, page.limit)) for page in pages]

            def give(loads=loads, rows=rows, fetches=fetches, entries=entries, found=found) -> None:  # type: ignore[no-untyped-def]
                if self.core is not core:
                    return
                if loads:
                    core.loaded(loads, rows)
                if fetches:
                    core.fetched(entries)
                for page, instances in found:
                    core.live_page(page, instances)
                self._pump_soon()

            if later:
                self.later(self._pause(), give)
            else:
                give()
        raise AssertionError("the router never stops reading")

    def _commit(self, core: RouterCore, batch: Batch) -> None:
        def done() -> None:
            if self.core is core:
                self._committing = False
                core.committed()
                self._pump_soon()

        self._committing = True
        self._disk.commit(self, batch, done, lambda error: self._failed(core, error))

    def _send(self, name: str, deliveries: DeliverBatch) -> None:
        link = self._servants.get(name)
        if link is not None:
            link.send(self, deliveries)

    def _say(self, core: RouterCore) -> None:
        for call in core.take_calls():
            link = self._servants.get(GATEWAYS)
            if link is not None:
                link.send(self, call)
        for ticket, reply in core.take_replies():
            held = self._tickets.get(ticket)
            if held is None:
                continue
            link, asked = held
            link.send(self, _frame(asked, reply))
            if not isinstance(asked, Publishing) or not asked.batch.await_types or isinstance(reply, RequestReply):
                del self._tickets[ticket]

    def _plan_wake(self, core: RouterCore) -> None:
        moment = core.wake_at()
        if moment is None:
            return
        moment = max(moment, self.clock + 100)
        if self._wake is None or moment < self._wake:
            self._wake = moment

            def wake() -> None:
                if self._wake == moment:
                    self._wake = None
                    self._pump()

            self.later(moment - self.clock, wake)


def _frame(asked: object, reply: Reply) -> Published | DrainOver | Replied | DecisionMade:
    if isinstance(reply, PublishReply):
        assert isinstance(asked, Publishing)
        return Published(asked.ticket, reply)
    if isinstance(reply, Drained):
        assert isinstance(asked, Draining)
        return DrainOver(asked.ticket)
    if isinstance(reply, Decided):
        return DecisionMade(reply.done)
    assert isinstance(reply, RequestReply), "nobody here asks for keys"
    return Replied(reply.entry.root, reply.entry.type, reply.entry.id)
