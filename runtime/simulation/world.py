"""A whole runtime in one thread and in virtual time: the cores that Ray's actors run, around one journal in memory."""

from dataclasses import replace
from functools import partial

import msgspec

from actors import App
from runtime.core.host import HostCore
from runtime.core.incoming import Incoming
from runtime.core.messages import Call, CallDone, Failure, Publish
from runtime.core.outgoing import Outgoing
from runtime.core.plan import cell_plan
from runtime.core.router import RouterCore
from runtime.core.rows import DeliveryRow, Recovery
from runtime.encode import Encoder
from runtime.journal.memory import MemoryJournal, MemoryStore
from runtime.journal.protocol import Journal, JournalInfo
from runtime.simulation.calls import GatewayRunner
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
from runtime.simulation.router import GATEWAYS, RouterProcess
from runtime.simulation.scheduler import Scheduler
from runtime.simulation.supervisor import SupervisorProcess
from runtime.wire import decode_body, encode_body


class World:
    """Every process of one history, and how they find each other.

    Parts that a planted bug replaces are made by methods: `open_journal`, `make_router`, `make_host`, `make_disk`.
    """

    def __init__(self, app: App, profile: Profile, scheduler: Scheduler) -> None:
        self.app = app
        self.profile = profile
        self.scheduler = scheduler
        self.partitions = profile.partitions
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
        self.wanted: set[str] = set()
        """Hosts that a router has asked for."""
        self.routers: list[RouterProcess] = []
        self.hosts: dict[str, HostProcess] = {}
        self.retired: list[Process] = []
        """Hosts, gateways and supervisors that have a successor; some of them still act."""
        self.supervisors: list[SupervisorProcess] = []
        self.clients: list[ClientProcess] = []
        self.operator = OperatorProcess(self)
        self.drainer = DrainProcess(self)
        self.gateways = GatewaysProcess(self, 1)
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

    def link(self, one: Process, other: Process) -> Link:
        """A new connection."""
        weather = self.profile.weather if self.stormy else Weather(self.profile.weather.delay_us, CALM.slow, 0.0)
        return Link(self.scheduler, one, other, weather)

    # ------------------------------------------------------------ processes

    def _number(self) -> int:
        self._made += 1
        return self._made

    def start_router(self) -> None:
        self.routers.append(RouterProcess(self, self._number()))

    def start_supervisor(self) -> None:
        self.supervisors.append(SupervisorProcess(self, self._number()))

    def start_gateways(self) -> None:
        self.retired.append(self.gateways)
        self.gateways = GatewaysProcess(self, self._number())

    def start_host(self, name: str) -> None:
        """A supervisor makes it, when it looks the next time."""
        self.wanted.add(name)

    def release_host(self, name: str) -> None:
        """Nobody needs it: it ends, and is not made again."""
        self.wanted.discard(name)
        host = self.hosts.get(name)
        if host is not None:
            host.kill()

    def make_host_process(self, name: str) -> None:
        """A host of this name, in place of the one before."""
        old = self.hosts.get(name)
        if old is not None:
            self.retired.append(old)
        self.hosts[name] = HostProcess(self, name)

    def add_client(self, orders: list[Order]) -> None:
        self.history.orders.update((order.number, order) for order in orders)
        self.clients.append(ClientProcess(self, f"client-{self._number()}", orders))

    def succeed(self, client: ClientProcess) -> None:
        """A dead client's user comes back, with what has a key: the rest might be taken twice."""
        left = [order._replace(after_us=0) for order in client.unanswered() if order.key is not None]
        self.history.abandoned(order for order in client.unanswered() if order.key is None)
        if left:
            self.scheduler.after(self.profile.restart_us, partial(self.add_client, left))

    def processes(self) -> list[Process]:
        """All that may still act."""
        found: list[Process] = [*self.routers, *self.hosts.values(), self.gateways, *self.supervisors, *self.clients]
        return [process for process in [*found, *self.retired] if process.alive]

    def servant(self, name: str) -> Process | None:
        """The host of this name, or the gateways: whoever a router may call."""
        process = self.gateways if name == GATEWAYS else self.hosts.get(name)
        return process if process is not None and process.alive else None

    def newest_router(self) -> RouterProcess | None:
        """The router that was started last, if it lives."""
        router = self.routers[-1] if self.routers else None
        return router if router is not None and router.alive else None

    def owner_is_idle(self) -> bool:
        """Has the router that claimed last nothing left to do?"""
        cores = {router.incarnation: router.core for router in self.routers if router.alive and router.core is not None}
        return bool(cores) and cores[max(cores)].idle

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

    def taken_moment(self, name: str) -> int | None:
        """The last moment of a schedule that was taken, as the journal has it."""
        row = self.store.schedules.get(name)
        return row.moment if row is not None else None

    def run_gateway(self, call: Call, now: int) -> CallDone:
        return self.runner.run(call, now)
