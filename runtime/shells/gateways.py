"""The gateways' process: runs calls as coroutines, and says how each ended."""

import asyncio
import inspect
import os
from collections.abc import Callable
from typing import Any

import msgspec

from actors.errors import NotDone, Unknown
from actors.gateway import CallContext, current_call
from actors.hints import Hints
from actors.turn import gateway_answer
from runtime.core.failure import failure_of
from runtime.core.incoming import Incoming
from runtime.core.messages import Call, CallDone, CallKind, Failure, Outcome, encode, id_text
from runtime.core.outgoing import Outgoing
from runtime.shells.clock import Clock
from runtime.shells.code import load_app
from runtime.shells.link import ClientLink, Hello, Kind, LinkLost

RECONNECT = 0.05


class GaveUp(Exception):
    """Given to a gateway's `failed` method: what the last attempt said."""

    def __init__(self, failure: Failure) -> None:
        self.failure = failure
        super().__init__(f"{failure.error}: {failure.message}")


class GatewaysShell:
    """Every gateway of an app, in one asyncio loop."""

    def __init__(self, code: bytes, schema_hash: str, partitions: int, path: str, token: str, clock: Clock) -> None:
        self._app = load_app(code, schema_hash)
        self._outgoing = Outgoing(self._app.catalogue, partitions)
        self._incoming = Incoming(self._app.catalogue, None, self._app.name)
        self._path = path
        self._hello = Hello("gateways", str(os.getpid()), token)
        self._clock = clock
        self._decode = msgspec.msgpack.Decoder(Call).decode
        self._link: ClientLink | None = None
        self._lost = asyncio.Event()
        self._calls: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Open every gateway, and stay linked to the router, whichever it is.

        Raises:
            Exception: what a gateway's `open` raised.
        """
        for plan in self._app.catalogue.gateways.values():
            await plan.gateway.open()
        self._work = asyncio.get_running_loop().create_task(self._stay_linked())

    async def close(self) -> None:
        """Let no call begin, and close every gateway. What runs has an unknown outcome."""
        self._work.cancel()
        if self._link is not None:
            self._link.close()
        for call in list(self._calls):
            call.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)
        for plan in self._app.catalogue.gateways.values():
            await plan.gateway.close()

    async def _stay_linked(self) -> None:
        while True:
            self._lost.clear()
            try:
                self._link = await ClientLink.connect(self._path, self._hello, self._heard, self._lost.set)
            except LinkLost:
                await asyncio.sleep(RECONNECT)
                continue
            await self._lost.wait()
            # The router counts what ran as unknown; an answer would come too late.
            for call in list(self._calls):
                call.cancel()

    def _heard(self, kind: int, number: int, payload: bytes) -> None:
        if kind == Kind.CALL:
            task = asyncio.get_running_loop().create_task(self._make(self._decode(payload)))
            self._calls.add(task)
            task.add_done_callback(self._calls.discard)

    async def _make(self, call: Call) -> None:
        done = await self._outcome(call)
        if self._link is not None and not self._link.is_lost:
            self._link.send(Kind.CALL_DONE, 0, encode(done))

    async def _outcome(self, call: Call) -> CallDone:
        gateway = self._app.catalogue.gateways[call.gateway]
        handler = gateway.handlers[call.type]
        plan = self._app.catalogue.events[call.type]

        def ended(outcome: Outcome, failure: Failure | None = None, emitted: tuple[Any, ...] = ()) -> CallDone:
            return CallDone(call.gateway, call.kind, call.attempt, call.at, outcome, emitted, failure)

        limit = asyncio.timeout(handler.timeout)
        try:
            _, body, event = self._incoming.read(call.type, call.body)
            envelope = self._incoming.envelope(call, plan, body)
            current_call.set(CallContext(envelope, f"{id_text(call.id)}-{call.gateway}"))
            function: Callable[..., Any]
            hints: Hints | None
            arguments: tuple[Any, ...] = (gateway.gateway, event)
            if call.kind == CallKind.RECONCILE:
                assert handler.reconcile is not None
                function, hints = handler.reconcile, handler.handler.reconcile_hints
            elif call.kind == CallKind.FAILED:
                assert handler.failed is not None
                function, hints = handler.failed, handler.handler.failed_hints
                arguments = (gateway.gateway, event, GaveUp(call.failure) if call.failure else None)
            else:
                function, hints = handler.fn, handler.handler.hints
            assert hints is not None
            returned = function(*arguments)
            if inspect.isawaitable(returned):
                async with limit:
                    returned = await returned
            emitted = gateway_answer(handler, hints, returned, event, call.gateway)
            emissions, _ = self._outgoing.following(call.type, body, call.gateway, self._clock.now(), emitted)
            return ended(Outcome.ANSWERED, None, tuple(emissions))
        except Unknown as error:
            return ended(Outcome.UNKNOWN, failure_of(error))
        except TimeoutError as error:
            # Past the call's own limit nobody knows; a time-out that the handler let through is a failure like any.
            return ended(Outcome.UNKNOWN if limit.expired() else Outcome.FAILED, failure_of(error))
        except NotDone as error:
            return ended(Outcome.NOT_DONE if call.kind == CallKind.RECONCILE else Outcome.FAILED, failure_of(error))
        except Exception as error:
            return ended(Outcome.FAILED, failure_of(error))
