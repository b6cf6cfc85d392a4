"""Gateway calls in the log: their start is durable before they are made, their outcome is committed once."""

from actors import outcomes
from runtime.core.calls import LOST, GatewayCall, decide
from runtime.core.cell import Cell
from runtime.core.messages import Call, CallDone, CallKind, Failure, Outcome
from runtime.core.parking import Parking
from runtime.core.rows import Status

NO_ANSWER = Failure(error="Unknown", message="the outcome of the call is not known", traceback="", where="")


class Calling:
    """Starts calls, takes their outcomes."""

    def __init__(self, cell: Cell, parking: Parking) -> None:
        self._cell = cell
        self._parking = parking
        self.up = False
        """The gateways' process can be given calls."""

    def start(self) -> None:
        """Stage the start of every call that may run now; it is sent once that is durable."""
        if not self.up:
            return
        cell = self._cell
        stage = cell.staging.stage
        for call in cell.calls.start(cell.now):
            stage.partitions.add(call.partition)
            stage.batch.deliveries[call.at, call.name] = call.row(Status.STARTED)
            stage.calls.append(call.message(cell.plan.journal))

    def called(self, done: CallDone) -> None:
        """The outcome of an attempt. One that is not under way (late, repeated, another process's) has no effect."""
        cell = self._cell
        call = cell.calls.find(done.at, done.gateway)
        if call is None or not call.matches(done):
            return
        self._outcome(call, done.outcome, done)

    def take(self) -> list[Call]:
        """What the gateways' process is to be sent now: calls whose start is durable. They wait while it is away."""
        if not self.up:
            return []
        cell = self._cell
        calls = cell.staging.take_calls()
        for message in calls:
            call = cell.calls.find(message.at, message.gateway)
            assert call is not None, "a call is open until its outcome is known"
            call.sent = True
        return calls

    def lost(self) -> None:
        """The gateways' process ended: what was sent there has an unknown outcome, and nothing else has."""
        self.up = False
        for call in self._cell.calls.running():
            if call.sent:
                self.unknown(call)

    def unknown(self, call: GatewayCall) -> None:
        self._outcome(call, Outcome.UNKNOWN, None)

    def _outcome(self, call: GatewayCall, outcome: int, done: CallDone | None) -> None:
        cell = self._cell
        stage = cell.staging.stage
        stage.partitions.add(call.partition)
        handler = cell.plan.gateways[call.name].handlers[call.entry.type]
        was = call.kind
        cell.calls.ended(call)
        if outcome != Outcome.ANSWERED and was == CallKind.CALL:
            call.failure = (done.failure if done is not None else LOST) or NO_ANSWER
        step = decide(call, outcome, handler, cell.limits, cell.now)
        if step == outcomes.WAIT:
            stage.batch.deliveries[call.at, call.name] = call.row(Status.WAITING)
            cell.calls.wait(call)
        elif step == outcomes.PARK:
            failure = (done.failure if done is not None else None) or call.failure or NO_ANSWER
            self._parking.park_call(call, failure)
        else:
            assert done is not None
            log, entry = cell.logs[call.partition], call.entry
            for e in done.emitted:
                cell.append(log, e.type, e.time, e.targets, e.body, entry.id, entry.root, call.gen)
            cell.pending -= 1
            cell.drains.remove(call.gen)
            cell.close_call(call)
