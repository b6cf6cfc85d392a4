"""Gateway deliveries: which call may start, and what an outcome leads to.

A delivery's life:

    waiting → starting (attempt n is being made durable) → running → answered
       ↑                                                      │
       └── failed, with tries left: after a backoff ──────────┤
           unknown: repeated if idempotent, else reconciled ──┤
                                                              └→ given up: the handler's `failed`, else parked

What follows from an outcome is decided in `actors.outcomes`; here it waits for its moment and its lane.

Gateways are unordered: at most `concurrency` of one run at once, started at most `per_second`.
"""

from collections import deque
from collections.abc import Iterator
from hashlib import blake2b
from heapq import heappop, heappush

from actors import outcomes
from runtime.core.limits import Limits
from runtime.core.messages import Call, CallDone, CallKind, Failure, encode, id_text
from runtime.core.plan import GatewayInfo, HandlerInfo
from runtime.core.rows import DeliveryRow, Entry, Status

LATE = 50
"""A router that comes a 50th of a second late to a start makes up for it with the next: it looks some hundred times."""

LOST = Failure(
    error="OutcomeUnknown",
    message="the gateways' process ended while the call was under way, so nobody knows whether it took effect\n"
    "  fix: find out; then retry the dead letter, which calls again, or skip it. @handler.reconcile would find out by "
    "itself.",
    traceback="",
    where="",
)


class GatewayCall:
    """One delivery to a gateway."""

    __slots__ = (
        "asked",
        "at",
        "attempt",
        "due",
        "entry",
        "failure",
        "gen",
        "kind",
        "name",
        "parked",
        "partition",
        "running",
        "sent",
        "tries",
    )

    def __init__(self, at: int, name: str, partition: int, entry: Entry, gen: int) -> None:
        self.at = at
        self.name = name
        self.partition = partition
        self.entry = entry
        self.gen = gen
        self.kind = CallKind.CALL
        self.attempt = 0
        self.tries = 0
        """Calls that failed."""
        self.asked = 0
        """Calls in a row of a `reconcile`, or of a `failed`, that gave nothing."""
        self.due = 0
        self.failure: Failure | None = None
        self.running = False
        self.sent = False
        """The attempt was handed out: what becomes of it if its process ends, nobody knows."""
        self.parked = False

    def row(self, status: Status, detail: bytes | None = None) -> DeliveryRow:
        if detail is None and status != Status.DONE and self.failure is not None:
            # Whoever gives up, perhaps after a restart, is told what went wrong.
            detail = encode(self.failure)
        return DeliveryRow(
            self.at, self.name, self.partition, status, self.kind, self.attempt, self.tries, self.due, detail
        )

    def message(self, journal: str) -> Call:
        e, name = self.entry, self.name
        key = idempotency_key(journal, e, name)
        return Call(
            name, self.kind, self.attempt, self.at, e.id, e.cause, e.root, e.time, e.type, e.body, key, self.failure
        )

    def matches(self, done: CallDone) -> bool:
        """The compare-and-set: is this the outcome of the attempt that is under way?"""
        return self.running and self.sent and done.kind == self.kind and done.attempt == self.attempt


def idempotency_key(journal: str, entry: Entry, gateway: str) -> str:
    """The same for every attempt at a delivery, and another for every other delivery.

    Event ids repeat: in another journal, and after a backup was restored, since when other events were written in the
    place of those that it lacks. So the journal's identity and all of the event go into it.
    """
    seal = blake2b(entry.body, digest_size=8, key=journal.encode())
    seal.update(f"{entry.type} {entry.time}".encode())
    return f"{seal.hexdigest()}-{id_text(entry.id)}-{gateway}"


def decide(call: GatewayCall, outcome: int, handler: HandlerInfo, limits: Limits, now: int) -> outcomes.Next:
    """Move the call on by the outcome of its attempt; if it is to wait, its kind and due moment are set."""
    call.running = False
    step, tries = outcomes.decide(call, outcome, handler, limits.retries)
    call.due = now + limits.backoff(tries) if tries else 0
    return step


class _Lane:
    """One gateway's calls that may start."""

    __slots__ = ("free_at", "info", "ready", "running")

    def __init__(self, info: GatewayInfo) -> None:
        self.info = info
        self.ready: deque[GatewayCall] = deque()
        self.running = 0
        self.free_at = 0
        """When `per_second` lets the next one start."""


class Calls:
    """All open gateway deliveries of the owned partitions."""

    def __init__(self, gateways: dict[str, GatewayInfo], limits: Limits) -> None:
        self._second_us = limits.second_us
        self._lanes = {name: _Lane(info) for name, info in gateways.items()}
        self._calls: dict[tuple[int, str], GatewayCall] = {}
        self._later: list[tuple[int, int, GatewayCall]] = []
        self._tie = 0

    def __len__(self) -> int:
        return len(self._calls)

    def add(self, call: GatewayCall) -> None:
        self._calls[call.at, call.name] = call
        self.wait(call)

    def restore(self, call: GatewayCall, status: int) -> None:
        """As `add`, for one that the journal has in this status; what was started counts as running."""
        self._calls[call.at, call.name] = call
        if status == Status.STARTED:
            call.running = True
            self._lanes[call.name].running += 1
        elif status == Status.PARKED:
            call.parked = True
        else:
            self.wait(call)

    def find(self, at: int, name: str) -> GatewayCall | None:
        return self._calls.get((at, name))

    def wait(self, call: GatewayCall) -> None:
        """To be started when its due moment has come."""
        if call.due:
            self._tie += 1
            heappush(self._later, (call.due, self._tie, call))
        else:
            self._lanes[call.name].ready.append(call)

    def ended(self, call: GatewayCall) -> None:
        """Its attempt is over: another may run."""
        self._lanes[call.name].running -= 1

    def remove(self, call: GatewayCall) -> None:
        del self._calls[call.at, call.name]

    def all(self) -> list[GatewayCall]:
        return list(self._calls.values())

    def running(self) -> list[GatewayCall]:
        """Those under way, in order."""
        return [call for call in self._calls.values() if call.running]

    def start(self, now: int) -> Iterator[GatewayCall]:
        """Those that start now; each has its next attempt number and counts as running."""
        later = self._later
        while later and later[0][0] <= now:
            call = heappop(later)[2]
            call.due = 0
            self._lanes[call.name].ready.append(call)
        for lane in self._lanes.values():
            info = lane.info
            while lane.ready and lane.running < info.concurrency:
                if info.per_second is not None:
                    if lane.free_at > now:
                        break
                    # After a rest the next one starts now, and not all that could have started meanwhile.
                    begins = lane.free_at if now - lane.free_at < self._second_us // LATE else now
                    lane.free_at = begins + int(self._second_us / info.per_second)
                call = lane.ready.popleft()
                lane.running += 1
                call.attempt += 1
                call.running, call.sent = True, False
                yield call

    def next(self) -> int | None:
        """When `start` has something to do that it had not before."""
        moments = [self._later[0][0]] if self._later else []
        moments += [
            lane.free_at
            for lane in self._lanes.values()
            if lane.ready and lane.info.per_second is not None and lane.running < lane.info.concurrency
        ]
        return min(moments, default=None)
