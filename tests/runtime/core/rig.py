"""A router core on a journal in memory, with a scripted host: every step is the test's to take."""

from collections.abc import Callable, Iterable

from runtime.core.limits import Limits
from runtime.core.messages import (
    EVERYWHERE,
    HOME,
    Answer,
    Call,
    CallDone,
    DeliverBatch,
    Delivery,
    Emission,
    Failure,
    Outcome,
    Publish,
    PublishBatch,
    SetTimer,
    Target,
    TurnDone,
    TurnFailed,
)
from runtime.core.partition import partition_of
from runtime.core.plan import CellPlan, GatewayInfo, GroupInfo, HandlerInfo
from runtime.core.router import RouterCore
from runtime.core.rows import Batch, DeliveryRow, Entry, InstanceRow, Status, TimerRow
from runtime.core.staging import Decided, Reply
from runtime.journal.memory import MemoryJournal, MemoryStore
from runtime.journal.protocol import JournalInfo

PARTITIONS = 4
SECOND = 1_000_000
FAILURE = Failure("ValueError", "no", "Traceback ...", "Wallet.grant")

Effect = Callable[[Delivery], dict[str, object]]
"""What a turn on a delivery leads to: fields of its `TurnDone`."""


def plan(
    placement: str = "sharded",
    failures: str = "hold",
    concurrency: int = 2,
    per_second: float | None = None,
    **handler: object,
) -> CellPlan:
    groups = {n: GroupInfo(n, placement, failures, True) for n in ("Wallet", "Receipts", "Board")}  # type: ignore[arg-type]
    info = HandlerInfo(
        **({"retries": 1, "timeout": 1.0, "idempotent": False, "reconcile": False, "failed": False} | handler)
    )  # type: ignore[arg-type]
    gateway = GatewayInfo("Payments", concurrency, per_second, {"attempted": info})
    return CellPlan(PARTITIONS, groups, {"Payments": gateway})


def to(address: str) -> Target:
    """`Wallet/ada` is an instance, `Wallet/*` every live one, `Payments` a gateway."""
    group, _, key = address.partition("/")
    if key == "*":
        return (EVERYWHERE, group)
    return (partition_of(key, PARTITIONS), address) if key else (HOME, group)


def saves(d: Delivery) -> dict[str, object]:
    """A turn that changes the state."""
    return {"changed": True, "state": b"{}"}


def nothing(d: Delivery) -> dict[str, object]:
    """A turn without any effect."""
    return {}


class Rig:
    """Commits, deliveries and answers happen only when the test says so."""

    def __init__(self, the_plan: CellPlan | None = None, limits: Limits | None = None) -> None:
        self.plan = the_plan or plan()
        self.limits = limits or Limits()
        self.store = MemoryStore(JournalInfo("rig", PARTITIONS, "", 1, 0))
        self.now = 1_000
        self.replies: list[tuple[int, Reply]] = []
        self.pages: list[int] = []
        """How many rows each page of live instances had."""
        self._seq = 0
        self._ticket = 1000
        self._turns: dict[tuple[str, int], int] = {}
        self.core = self.start()

    # ------------------------------------------------------------ what is durable

    @property
    def log(self) -> dict[int, Entry]:
        """Every entry by `at`, in the order of the logs."""
        return {e.at: e for log in self.store.log.values() for e in log}

    @property
    def types(self) -> list[str]:
        """The event types in the logs, copies left out, in the order recorded."""
        return [e.type for e in sorted(self.log.values(), key=lambda e: (e.recorded, e.at)) if e.at == e.id]

    @property
    def instances(self) -> dict[str, InstanceRow]:
        return self.store.instances

    @property
    def deliveries(self) -> dict[tuple[int, str], DeliveryRow]:
        return self.store.deliveries

    @property
    def timers(self) -> dict[tuple[str, str, str], TimerRow]:
        return self.store.timers

    @property
    def watermarks(self) -> dict[int, int]:
        return self.store.watermarks

    def parked(self) -> list[tuple[int, str]]:
        """(at, address) of the dead letters."""
        return sorted(key for key, row in self.deliveries.items() if row.status == Status.PARKED)

    # ------------------------------------------------------------ the router

    def start(self, *hosts: str, gateways: bool = True) -> RouterCore:
        """A router that knows only what was committed; the one before it is fenced."""
        self._turns.clear()
        self._linked: set[str] = set()
        self.journal = MemoryJournal(self.store)
        epochs = self.journal.claim(range(PARTITIONS))
        recoveries = [self.journal.recover(p, epoch) for p, epoch in epochs.items()]
        self.core = RouterCore(self.plan, recoveries, self.limits, self.now)
        for host in hosts or [f"host-{n}" for n in range(self.limits.hosts)]:
            self.core.host_up(host)
        if gateways:
            self.core.gateways_up()
        return self.core

    def item(self, *addresses: str, type: str = "attempted", partition: int | None = None, **fields: object) -> Publish:
        """An event for these addresses, with the client's next number."""
        targets = tuple(to(a) for a in addresses)
        home = partition if partition is not None else max(0, targets[0][0] if targets else 0)
        self._seq += 1
        values = {"seq": self._seq, "time": None, "body": b"body", "digest": b"digest"} | fields
        return Publish(home, type=type, targets=targets, **values)  # type: ignore[arg-type]

    def send(self, *items: Publish, ticket: int = 1, client: str = "client", again: bool | None = None) -> None:
        """One client's batch, looked up in the journal as a shell does; its first for this router says `again`."""
        batch = PublishBatch(client, items, client not in self._linked if again is None else again)
        self._linked.add(client)
        keys = self.journal.keys(self.core.wants_keys(batch))
        sent = {
            (partition, seq): found
            for partition, name, seqs, last in self.core.wants_sent(batch)
            for seq, found in self.journal.find_sent(partition, name, seqs, last).items()
        }
        self.core.publish(ticket, batch, self.now, keys, sent)

    def publish(self, *addresses: str, ticket: int = 1, **fields: object) -> None:
        """A batch of one event."""
        self.send(self.item(*addresses, **fields), ticket=ticket)  # type: ignore[arg-type]

    def tick(
        self, *addresses: str, fence: int, moment: int, after: int = -1, name: str = "beat", ticket: int = 1
    ) -> None:
        """A supervisor, whose epoch is `fence`, publishes what is due of a schedule after a moment."""
        item = self.item(*addresses, partition=0, fence=fence, schedule=(name, moment, after))
        self.send(item, ticket=ticket, client=f"supervisor/{fence}")

    def step(self) -> Batch | None:
        """Time and reads; then what there is to commit, not yet committed."""
        self.core.advance(self.now)
        self.read()
        return self.core.next_batch()

    def read(self) -> None:
        """All that the router wants read."""
        while True:
            loads, fetches, pages = self.core.take_loads(), self.core.take_fetches(), self.core.take_pages()
            if not (loads or fetches or pages):
                return
            if loads:
                self.core.loaded(loads, self.journal.instances(loads))
            if fetches:
                self.core.fetched(self.journal.entries(fetches))
            for page in pages:
                rows = self.journal.live(page.partition, page.group, page.after, page.limit)
                self.pages.append(len(rows))
                self.core.live_page(page, rows)

    def write(self, batch: Batch | None) -> None:
        if batch is not None:
            self.journal.commit(batch)

    def commit(self) -> None:
        """Everything there is to write."""
        while True:
            batch = self.step()
            if batch is not None:
                self.write(batch)
                self.core.committed()
            wake = self.core.wake_at()
            if batch is None and (wake is None or wake > self.now):
                break
        self.replies += self.core.take_replies()

    def pass_time(self, us: int) -> None:
        self.now += us
        self.commit()

    def has_settled(self) -> bool:
        """Nothing in any log is open: a router that closes now writes watermarks that reach the logs' ends."""
        self.write(self.core.next_batch(closing=True))
        return all(self.watermarks.get(p, 0) == len(log) for p, log in self.store.log.items())

    def replies_to(self, ticket: int) -> list[Reply]:
        return [reply for to, reply in self.replies if to == ticket]

    # ------------------------------------------------------------ hosts and gateways

    def take(self, host: str = "host-0") -> DeliverBatch | None:
        """The next batch for a host. Those for other hosts are lost on their way."""
        self.read()
        return next((batch for name, batch in self.core.take_deliveries() if name == host), None)

    def deliveries_to(self, host: str) -> tuple[int, list[Delivery]]:
        batch = self.take(host)
        return (batch.number, list(batch.deliveries)) if batch is not None else (0, [])

    def answer(self, number: int, turns: Iterable[TurnDone], host: str = "host-0") -> None:
        self.core.answer(host, Answer(number, tuple(turns)), self.now)

    def fail(self, number: int, d: Delivery, host: str = "host-0") -> None:
        """The turn on this delivery raised."""
        self.core.answer(host, Answer(number, (), (TurnFailed(d.address, d.activation, d.at, FAILURE),)), self.now)

    def work(self, effect: Effect = saves) -> list[Delivery]:
        """Commit, deliver and answer until nothing is left to do. Gives what was handled, in order."""
        handled: list[Delivery] = []
        while True:
            self.commit()
            batches = self.core.take_deliveries()
            if not batches:
                self.commit()
                return handled
            for host, batch in batches:
                turns = [self.turn(d, effect(d)) for d in batch.deliveries]
                handled += batch.deliveries
                self.answer(batch.number, turns, host)

    def turn(self, d: Delivery, fields: dict[str, object]) -> TurnDone:
        """The next turn of this activation."""
        number = self._turns.get((d.address, d.activation), 0)
        self._turns[d.address, d.activation] = number + 1
        return TurnDone(d.address, d.activation, number, d.at, **fields)  # type: ignore[arg-type]

    def park(self, *addresses: str, **fields: object) -> Delivery:
        """Publish an event whose turn fails for good (use `Limits(retries=0)`); give the delivery that is parked."""
        self.publish(*addresses, **fields)
        self.commit()
        number, (d, *_) = self.deliveries_to("host-0")
        self.fail(number, d)
        self.commit()
        return d

    def retry(self, at: int, address: str) -> bool:
        """A person has a dead letter tried again, durably. False: there is none."""
        self._ticket += 1
        self.core.retry(self._ticket, at, address, self.now)
        return self._decided()

    def skip(self, at: int, address: str) -> bool:
        """A person goes on without a dead letter's event, durably. False: there is none."""
        self._ticket += 1
        self.core.skip(self._ticket, at, address, self.now)
        return self._decided()

    def _decided(self) -> bool:
        self.commit()
        (reply,) = self.replies_to(self._ticket)
        assert isinstance(reply, Decided)
        return reply.done

    def calls(self) -> list[Call]:
        """What the gateways are to do, its start durable."""
        self.commit()
        return self.core.take_calls()

    def done(self, call: Call, outcome: Outcome, *emitted: Emission, failure: Failure | None = None) -> None:
        """The outcome of a call, committed."""
        self.core.called(CallDone(call.gateway, call.kind, call.attempt, call.at, outcome, emitted, failure), self.now)
        self.commit()


def turn(d: Delivery, number: int = 0, *emits: Emission, state: bytes = b"{}", **kwargs: object) -> TurnDone:
    return TurnDone(d.address, d.activation, number, d.at, None, emits, (), (), True, state, **kwargs)  # type: ignore[arg-type]


def emission(*addresses: str, type: str = "completed", time: int = 0) -> Emission:
    return Emission(type, tuple(to(a) for a in addresses), b"body", time)


def timer(due: int, *addresses: str, type: str = "reminded", name: str = "") -> SetTimer:
    return SetTimer(name, emission(*addresses, type=type, time=due))
