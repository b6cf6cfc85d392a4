"""The gateways' process: runs calls as coroutines, and says how each ended."""

import asyncio
import os
from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from actors.calls import attempt
from actors.errors import EventRejected
from actors.gateway import CallContext
from actors.outcomes import CallKind
from runtime.core.failure import failure_of, gave_up
from runtime.core.incoming import Incoming
from runtime.core.messages import Call, CallDone, Emission, Failure, Outcome, encode
from runtime.core.outgoing import Outgoing
from runtime.shells.clock import Clock
from runtime.shells.code import load_app
from runtime.shells.link import ClientLink, Hello, Kind, LinkLost

RECONNECT = 0.05


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
        failure: Failure | None = None
        emissions: Sequence[Emission] = ()
        try:
            plan, body, event = self._incoming.read(call.type, call.body)
            envelope = self._incoming.envelope(call, plan, body)
            context = CallContext(envelope, call.key)
            ended = await attempt(gateway, CallKind(call.kind), call.type, event, context, gave_up(call.failure))
            outcome = ended.outcome
            if ended.error is not None:
                failure = replace(failure_of(ended.error), where=gateway.handlers[call.type].where)
            else:
                emissions, _ = self._outgoing.following(call.type, body, call.gateway, self._clock.now(), ended.emitted)
        except EventRejected as error:
            outcome, failure = Outcome.FAILED, failure_of(error)
        return CallDone(call.gateway, call.kind, call.attempt, call.at, outcome, tuple(emissions), failure)
