"""A publish and the wait for its reply in one question.

A request does not travel in the client's stream, which would wait for the reply with it. Each that is under way has a
stream of its own (a slot), whose name and numbers go on with the next request; so a request that is sent again after a
lost link is taken once, as any event is.
"""

import asyncio

import msgspec
from msgspec.structs import force_setattr

from runtime.core.messages import Publish, PublishBatch, PublishReply, Taken, encode, id_text
from runtime.core.rows import Entry
from runtime.errors import KeyReused, Overloaded, RequestTimeout
from runtime.line import PAUSE, PAUSE_MAX, Line
from runtime.reading import Reading
from runtime.shells.desk import RequestAnswer
from runtime.shells.link import LinkLost

_ANSWER = msgspec.msgpack.Decoder(RequestAnswer)
_REPLY = msgspec.msgpack.Decoder(PublishReply)


class _Slot:
    def __init__(self, name: str) -> None:
        self.name = name
        self.seq = 0


class _Request:
    """One request under way, and what is known of it."""

    def __init__(self, slot: _Slot, item: Publish, types: tuple[str, ...]) -> None:
        slot.seq += 1
        force_setattr(item, "seq", slot.seq)
        self.client = slot.name
        self.item = item
        self.types = types
        self.sent = False
        """It may have been taken."""
        self.resent = False
        """The router that took it may be gone, and with it the one that would have told us of the reply."""
        self.root: int | None = None

    def batch(self) -> bytes:
        types = () if self.resent else self.types
        return encode(PublishBatch(self.client, (self.item,), True, types))


class Requesting:
    """The requests of one client."""

    def __init__(self, line: Line, reading: Reading, client: str) -> None:
        self._line = line
        self._reading = reading
        self._client = client
        self._free: list[_Slot] = []
        self._slots = 0

    async def request(self, item: Publish, types: tuple[str, ...], timeout: float) -> Entry:
        """Publish, and give the first event of these types that it leads to.

        Raises:
            RequestTimeout: it may have been taken, and no such event came within `timeout` seconds.
            Overloaded: it was not taken.
            KeyReused: its key was used with another payload.
        """
        if not self._free:
            self._slots += 1
            self._free.append(_Slot(f"{self._client}/{self._slots}"))
        slot = self._free.pop()
        request = _Request(slot, item, types)
        try:
            async with asyncio.timeout(timeout):
                return await self._run(request)
        except TimeoutError as error:
            raise _timeout(request, timeout) from error
        finally:
            self._free.append(slot)

    async def _run(self, request: _Request) -> Entry:
        pause = PAUSE
        while request.root is None:
            link = await self._line.link()
            before, request.sent = request.sent, True
            try:
                if request.resent:
                    reply, entry = _REPLY.decode(await link.ask("publish", request.batch())), None
                else:
                    answer = _ANSWER.decode(await link.ask("request", request.batch()))
                    reply, entry = answer.reply, answer.entry
            except LinkLost:
                request.resent = True
                self._line.lost(link)
                continue
            if entry is not None:
                return entry
            if reply.refused:
                request.sent = before
                await asyncio.sleep(pause)
                pause = min(pause * 2, PAUSE_MAX)
                continue
            taken, id = reply.results[0]
            if taken == Taken.KEY_REUSED:
                raise KeyReused(
                    f"the idempotency key was used before, with another payload, by event {id_text(id)}",
                    hint="give another event another key.",
                )
            request.root = id
        # Over a restart nobody tells us: the reply may be in the log already, or will be.
        pause = PAUSE
        while True:
            entry = await self._reading.first_of(request.root, request.types)
            if entry is not None:
                return entry
            await asyncio.sleep(pause)
            pause = min(pause * 2, PAUSE_MAX)


def _timeout(request: _Request, seconds: float) -> Exception:
    name = request.item.type
    wanted = " or ".join(request.types)
    if not request.sent:
        return Overloaded(
            f"the request {name} was not taken: the runtime was full, or starting again, for {seconds:g} s",
            hint="make it again later; or give it more time with timeout=.",
        )
    taken = "was sent" if request.root is None else f"was taken ({id_text(request.root)})"
    again = "look for it with tail()" if request.item.key is None else "ask again under the same idempotency_key"
    return RequestTimeout(
        f"{name} {taken}, and no {wanted} came of it within {seconds:g} s",
        hint=f"it may still come: give it more time with timeout=, {again}, or look for a dead letter.",
    )
