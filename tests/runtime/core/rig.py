"""A router core with a dictionary for a journal and a scripted host: every step is the test's to take."""

from collections.abc import Iterable

from runtime.core.limits import Limits
from runtime.core.messages import (
    HOME,
    Answer,
    Batch,
    Delivery,
    DeliveryRow,
    Emission,
    Entry,
    InstanceRow,
    Publish,
    PublishBatch,
    Recovery,
    Status,
    Target,
    TimerRow,
    TurnDone,
    local_targets,
)
from runtime.core.partition import partition_of
from runtime.core.plan import CellPlan, GatewayInfo, GroupInfo, HandlerInfo
from runtime.core.router import RouterCore
from runtime.core.staging import Reply

PARTITIONS = 4


def plan(placement: str = "sharded", failures: str = "hold", **handler: object) -> CellPlan:
    groups = {n: GroupInfo(n, placement, failures, True) for n in ("Wallet", "Receipts", "Board")}  # type: ignore[arg-type]
    info = HandlerInfo(
        **({"retries": 1, "timeout": 1.0, "idempotent": False, "reconcile": False, "failed": False} | handler)
    )  # type: ignore[arg-type]
    return CellPlan(PARTITIONS, groups, {"Payments": GatewayInfo("Payments", 2, None, {"attempted": info})})


def to(address: str) -> Target:
    group, _, key = address.partition("/")
    return (partition_of(key, PARTITIONS), address) if key else (HOME, group)


class Rig:
    """Journal rows in dictionaries; commits only when told to."""

    def __init__(self, the_plan: CellPlan | None = None, limits: Limits | None = None) -> None:
        self.plan = the_plan or plan()
        self.limits = limits or Limits()
        self.log: dict[int, Entry] = {}
        self.instances: dict[str, InstanceRow] = {}
        self.deliveries: dict[tuple[int, str], DeliveryRow] = {}
        self.timers: dict[tuple[str, str, str], TimerRow] = {}
        self.watermarks: dict[int, int] = {}
        self.now = 1_000
        self.replies: list[tuple[int, Reply]] = []
        self._seq = 0
        self.core = self.start()

    def start(self) -> RouterCore:
        """A router that knows only what was committed."""
        self.core = RouterCore(self.plan, [self._recovery(p) for p in range(PARTITIONS)], self.limits, self.now)
        self.core.host_up("host-0")
        self.core.gateways_up()
        return self.core

    def _recovery(self, p: int) -> Recovery:
        mark = self.watermarks.get(p, 0)
        mine = [e for at, e in sorted(self.log.items()) if at >> 40 == p]
        rows = [r for r in self.deliveries.values() if r.partition == p]
        ats = {r.at for r in rows}
        entries = [e for e in mine if e.at & ((1 << 40) - 1) > mark or e.at in ats]
        addresses = {a for e in entries for _, a in local_targets(e)}
        return Recovery(
            p,
            1,
            (mine[-1].at & ((1 << 40) - 1)) + 1 if mine else 1,
            mark,
            entries,
            {a: self.instances[a] for a in addresses if a in self.instances},
            rows,
            [t for t in self.timers.values() if t.partition == p],
            [],
            [],
        )

    def publish(self, *addresses: str, ticket: int = 1, key: bytes | None = None, partition: int | None = None) -> None:
        targets = tuple(to(a) for a in addresses)
        home = partition if partition is not None else max(0, targets[0][0] if targets else 0)
        self._seq += 1
        item = Publish(home, self._seq, "attempted", None, targets, b"body", key, b"digest")
        self.core.publish(ticket, PublishBatch("client", (item,)), self.now)

    def step(self) -> Batch | None:
        """Time, loads and pages; then what there is to commit, not yet committed."""
        self.core.advance(self.now)
        while True:
            loads, pages = self.core.take_loads(), self.core.take_pages()
            if not loads and not pages:
                return self.core.next_batch()
            self.core.loaded(loads, self.instances)
            for page in pages:
                rows = [
                    r
                    for a, r in sorted(self.instances.items())
                    if r.live and r.partition == page.partition and a.startswith(page.group + "/") and a > page.after
                ]
                self.core.live_page(page, rows[: page.limit])

    def write(self, batch: Batch | None) -> None:
        if batch is None:
            return
        self.log.update((e.at, e) for e in batch.entries)
        self.instances.update(batch.instances)
        for address, row in batch.cursors.items():
            old = self.instances.get(address)
            self.instances[address] = row._replace(state=old.state if old else None)
        for store, rows in ((self.deliveries, batch.deliveries), (self.timers, batch.timers)):
            for key, row in rows.items():  # type: ignore[assignment]
                if row is None:
                    store.pop(key, None)  # type: ignore[attr-defined]
                else:
                    store[key] = row  # type: ignore[index]
        for p, mark in batch.watermarks.items():
            self.watermarks[p] = mark
            for key in [k for k, r in self.deliveries.items() if r.status == Status.DONE and k[0] >> 40 == p]:
                if key[0] & ((1 << 40) - 1) <= mark:
                    del self.deliveries[key]

    def commit(self) -> None:
        """Everything there is to write."""
        while (batch := self.step()) is not None:
            self.write(batch)
            self.core.committed()
        self.replies += self.core.take_replies()

    def deliveries_to(self, host: str) -> tuple[int, list[Delivery]]:
        self.step_loads()
        for name, batch in self.core.take_deliveries():
            if name == host:
                return batch.number, list(batch.deliveries)
        return 0, []

    def step_loads(self) -> None:
        loads = self.core.take_loads()
        self.core.loaded(loads, self.instances)

    def answer(self, number: int, turns: Iterable[TurnDone], host: str = "host-0") -> None:
        self.core.answer(host, Answer(number, tuple(turns)), self.now)


def turn(d: Delivery, number: int = 0, *emits: Emission, state: bytes = b"{}", **kwargs: object) -> TurnDone:
    return TurnDone(d.address, d.activation, number, d.at, None, emits, (), (), True, state, **kwargs)  # type: ignore[arg-type]


def emission(*addresses: str, type: str = "completed", time: int = 0) -> Emission:
    return Emission(type, tuple(to(a) for a in addresses), b"body", time)
