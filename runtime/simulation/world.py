"""A whole runtime in one thread and in virtual time: the cores that Ray's actors run, around one journal in memory."""

from dataclasses import replace
from functools import partial

import msgspec

from actors import App
from runtime.core.heart import HeartCore
from runtime.core.host import HostCore
from runtime.core.incoming import Incoming
from runtime.core.messages import Call, CallDone, Failure, Publish
from runtime.core.outgoing import Outgoing
from runtime.core.plan import cell_plan
from runtime.core.router import RouterCore
from runtime.core.rows import DeliveryRow, Recovery
from runtime.core.supervisor import GATEWAYS, ROUTER, SupervisorCore, first_children
from runtime.encode import Encoder
from runtime.journal.memory import MemoryJournal, MemoryStore
from runtime.journal.protocol import Journal, JournalInfo
from runtime.simulation.calls import GatewayRunner
from runtime.simulation.children import Children
from runtime.simulation.client import ClientProcess, Order
from runtime.simulation.disk import Disk
from runtime.simulation.drainer import DrainProcess
from runtime.simulation.gateways import GatewaysProcess
from runtime.simulation.history import History
from runtime.simulation.host import HostProcess
from runtime.simulation.network import CALM, Link, Weather
from runtime.simulation.operator import OperatorProcess
from runtime.simulation.process import Process
from runtime.simulation.profile import Profile
from runtime.simulation.router import RouterProcess
from runtime.simulation.scheduler import Scheduler
from runtime.simulation.supervisor import SupervisorProcess
from runtime.wire import decode_body, encode_body


class World:
    """Every process of one history, and how they find each other.

    Parts that a planted bug replaces are made by methods: `open_journal`, `make_router`, `make_supervisor` and so on.
    """

    def __init__(self, app: App, profile: Profile, scheduler: Scheduler) -> None:
        self.app = app
        self.profile = profile
        self.scheduler = scheduler
        self.partitions = profile.partitions
        self.patience_us = 10 * profile.second_us
        self.plan = cell_plan(app, self.partitions, profile.placement)
        self.started = scheduler.now
        self.schedules = app.schedules
        self.store = MemoryStore(JournalInfo(app.name, self.partitions, "", 1, self.started))
        self.incoming = Incoming(app.catalogue)
        self.runner = GatewayRunner(app, self.incoming, Outgoing(app.catalogue, self.partitions))
        self._encoder = Encoder(app.catalogue, self.partitions, draw=scheduler.random.random)
        self.history = History(self)
        self.knows_effects = True
        """A reconcile is answered from what took effect, and not by the gateway alone."""
        self.stormy = False
        self.full = False
        """The disk has no room."""
        self.beating = True
        self.children = Children()
        self.routers: list[RouterProcess] = []
        """All there were, as of the others: some that have a successor still act."""
        self.servants: list[Process] = []
        """Hosts and gateways."""
        self.supervisors: list[SupervisorProcess] = []
        self.clients: list[ClientProcess] = []
        self._coming_back = 0
        """Users whose client died, and who have something left to say."""
        self.operator = OperatorProcess(self)
        self.drainer = DrainProcess(self)
        self._made = 0
        self.start_supervisor()

    # ------------------------------------------------------------ what processes are made of

    def open_journal(self) -> Journal:
        """A router's, or a supervisor's, own view of the one store."""
        return MemoryJournal(self.store)

    def make_disk(self, journal: Journal) -> Disk:
        wear = self.profile.wear if self.stormy else replace(self.profile.wear, fail=0.0)
        return Disk(self.scheduler, journal, wear, lambda: self.full)

    def make_router(self, recoveries: list[Recovery], now: int) -> RouterCore:
        return RouterCore(self.plan, recoveries, self.profile.limits, now)

    def make_host(self) -> HostCore:
        return HostCore(self.app.catalogue, self.partitions, run_on=self.profile.run_on, app=self.app.name)

    def make_supervisor(self) -> SupervisorCore:
        names = first_children(self.profile.limits.hosts, gateways=True)
        return SupervisorCore(names, self.schedules, patience=self.patience_us, second=self.profile.second_us)

    def make_heart(self, core: SupervisorCore) -> HeartCore:
        return HeartCore(core, self.app.catalogue, self.partitions)

    def link(self, one: Process, other: Process) -> Link:
        """A new connection."""
        weather = self.profile.weather if self.stormy else Weather(self.profile.weather.delay_us, CALM.slow, 0.0)
        return Link(self.scheduler, one, other, weather)

    # ------------------------------------------------------------ processes

    def _number(self) -> int:
        self._made += 1
        return self._made

    def start_supervisor(self) -> None:
        self.supervisors.append(SupervisorProcess(self, self._number()))

    def make_child(self, name: str) -> Process:
        """A router, host or gateways under this name."""
        process: Process
        if name == ROUTER:
            process = RouterProcess(self, self._number())
            self.routers.append(process)
        else:
            process = GatewaysProcess(self, self._number()) if name == GATEWAYS else HostProcess(self, name)
            self.servants.append(process)
            for router in self.routers:
                router.later(self.scheduler.between(1, self.profile.weather.delay_us), partial(router.greet, name))
        self.scheduler.note(f"{process.name} starts")
        self.children.add(name, process)
        return process

    def end_superseded(self) -> None:
        """End the routers that have a successor: only in a storm may they live on beside it."""
        for router in self.routers:
            if router not in self.children:
                router.kill()

    def add_client(self, orders: list[Order]) -> None:
        self.history.orders.update((order.number, order) for order in orders)
        self.clients.append(ClientProcess(self, f"client-{self._number()}", orders))

    def succeed(self, client: ClientProcess) -> None:
        """A dead client's user comes back, with what has a key: the rest might be taken twice."""
        left = [order._replace(after_us=0) for order in client.unanswered() if order.key is not None]
        self.history.abandoned(order for order in client.unanswered() if order.key is None)
        if left:
            self._coming_back += 1
            self.scheduler.after(self.profile.restart_us, partial(self._come_back, left))

    def _come_back(self, left: list[Order]) -> None:
        self._coming_back -= 1
        self.add_client(left)

    @property
    def all_published(self) -> bool:
        """Nobody has anything left to say."""
        return not self._coming_back and all(client.done for client in self.clients if client.alive)

    def processes(self) -> list[Process]:
        """All that may still act."""
        every: list[Process] = [*self.routers, *self.servants, *self.supervisors, *self.clients]
        return [process for process in every if process.alive]

    def owner_is_idle(self) -> bool:
        """Has the router that claimed last nothing left to do?"""
        cores = {router.incarnation: router.core for router in self.routers if router.alive and router.core is not None}
        return bool(cores) and cores[max(cores)].idle

    def in_order(self) -> bool:
        """Does everybody run whom a supervisor or the newest router wants, each looked after by a supervisor?"""
        supervisors = [supervisor.core for supervisor in self.supervisors if supervisor.alive]
        router = self.some_router()
        return (
            router is not None
            and router.core is not None
            and not router.core.missing_hosts()
            and all(core.is_up(name) for core in supervisors for name in core.names())
            and all(any(core.is_up(name) for core in supervisors) for name, _ in self.children.items())
        )

    def some_router(self) -> RouterProcess | None:
        """A router that takes links: mostly the newest, in a storm sometimes one that has been succeeded."""
        ready = [router for router in self.routers if router.alive and router.core is not None]
        if self.stormy and ready and self.scheduler.chance(0.15):
            return self.scheduler.random.choice(ready)
        return ready[-1] if ready else None

    def sleep(self, length_us: int) -> None:
        """The machine sleeps: when it wakes the clocks have gone on, and nothing else has."""
        self.scheduler.note(f"sleep {length_us}")
        self.scheduler.leap(length_us)
        for router in self.routers:
            router.look_at_the_clock()
        for supervisor in self.supervisors:
            supervisor.look_at_the_clock()

    # ------------------------------------------------------------ events

    def encode(self, order: Order) -> Publish:
        """What a client sends for an order."""
        item = self._encoder.encode(order.event, order.key)
        if order.time is not None:
            item = msgspec.structs.replace(item, time=order.time)
        if self.profile.budget:
            body = decode_body(item.body)
            small = msgspec.structs.replace(body, budget=min(body.budget, self.profile.budget))
            item = msgspec.structs.replace(item, body=encode_body(small))
        return item

    def may_be_skipped(self, row: DeliveryRow, failure: Failure) -> bool:
        """Trying this dead letter again would lead to the same."""
        return "poison" in failure.message

    def run_gateway(self, call: Call, now: int) -> CallDone:
        return self.runner.run(call, now)
