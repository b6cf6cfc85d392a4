"""Runs a gateway's handler in a simulation: a coroutine that has nothing to wait for."""

from collections.abc import Coroutine
from typing import Any

from actors.answer import gateway_answer
from actors.app import App
from actors.errors import TrunklineError
from actors.gateway import CallContext, current_call
from runtime.core.failure import gave_up
from runtime.core.incoming import Incoming
from runtime.core.messages import Call, CallDone, CallKind, Outcome
from runtime.core.outgoing import Outgoing


class GatewayRunner:
    """The gateways of one app, called in virtual time."""

    def __init__(self, app: App, incoming: Incoming, outgoing: Outgoing) -> None:
        self._app = app
        self._incoming = incoming
        self._outgoing = outgoing

    def run(self, call: Call, now: int) -> CallDone:
        """Make a call; what it raises is raised."""
        plan, body, event = self._incoming.read(call.type, call.body)
        gateway = self._app.catalogue.gateways[call.gateway]
        handler = gateway.handlers[call.type]
        envelope = self._incoming.envelope(call, plan, body)
        token = current_call.set(CallContext(envelope, call.key))
        try:
            if call.kind == CallKind.CALL:
                hints, value = handler.handler.hints, handler.fn(gateway.gateway, event)
            elif call.kind == CallKind.RECONCILE:
                assert handler.reconcile is not None
                hints, value = handler.handler.reconcile_hints, handler.reconcile(gateway.gateway, event)
            else:
                assert handler.failed is not None
                error = gave_up(call.failure)
                hints, value = handler.handler.failed_hints, handler.failed(gateway.gateway, event, error)
            if isinstance(value, Coroutine):
                value = _finish(value)
        finally:
            current_call.reset(token)
        assert hints is not None
        emitted = gateway_answer(handler, hints, value, event, call.gateway)
        emissions, _ = self._outgoing.following(call.type, body, call.gateway, now, emitted)
        return CallDone(call.gateway, call.kind, call.attempt, call.at, Outcome.ANSWERED, tuple(emissions))


def _finish(coroutine: Coroutine[Any, Any, Any]) -> Any:
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    coroutine.close()
    raise TrunklineError(
        f"{coroutine} waits for something, and in a simulation nothing would come",
        hint="simulate with app.using(...): a gateway that answers at once.",
    )
