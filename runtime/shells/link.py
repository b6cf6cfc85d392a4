"""The streams between processes of one node: frames over Unix-domain sockets.

A Ray call costs about a millisecond, a frame some tens of microseconds; so Ray starts, names and watches the processes,
and these sockets carry what flows between them. A socket keeps order and loses only what follows a break, so a link
that comes up anew is a new incarnation and both sides begin anew.

A frame is its length, a kind, a number and a payload. The first frame on a link says who calls (`Hello`).
"""

import asyncio
import contextlib
import itertools
import os
import pickle
import socket
import struct
from collections.abc import Callable
from enum import IntEnum
from typing import Any, Protocol, cast

import msgspec

from actors.errors import TrunklineError
from runtime.core.messages import Wire

HEADER = struct.Struct("<IBQ")
FRAME_MAX = 1 << 30


class Kind(IntEnum):
    """What a frame carries."""

    HELLO = 1
    WELCOME = 2
    DELIVER = 3
    ANSWER = 4
    CALL = 5
    CALL_DONE = 6
    ASK = 7
    """A question, numbered; its payload begins with the operation's name and a NUL."""
    REPLY = 8
    ERROR = 9
    RESET = 10
    """Router → host: drop everything; what follows is numbered anew."""
    START = 11
    """Router → supervisor: this host is needed."""
    RELEASE = 12
    """Router → supervisor: this host is needed no longer."""
    NEVER_MIND = 13
    """Nobody waits for the answer to this question any longer."""


class Hello(Wire, frozen=True):
    """The first frame: who calls."""

    role: str
    """host, gateways, client or supervisor"""
    name: str
    token: str


class LinkLost(Exception):
    """The other side is gone; what was asked may or may not have been done."""


def pack(kind: int, number: int, payload: bytes) -> bytes:
    return HEADER.pack(len(payload), kind, number) + payload


class Frames:
    """Cuts a byte stream into frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[tuple[int, int, bytes]]:
        """The frames (kind, number, payload) that are complete now."""
        buffer = self._buffer
        buffer += data
        found = []
        start, size = 0, len(buffer)
        while size - start >= HEADER.size:
            length, kind, number = HEADER.unpack_from(buffer, start)
            end = start + HEADER.size + length
            if end > size:
                break
            found.append((kind, number, bytes(buffer[start + HEADER.size : end])))
            start = end
        if start:
            del buffer[:start]
        return found


class Peer(asyncio.Protocol):
    """The router's side of one link."""

    def __init__(self, owner: "Server") -> None:
        self._owner = owner
        self._frames = Frames()
        self._transport: asyncio.Transport | None = None
        self.hello: Hello | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Not asserted: uvloop's, which Ray takes where it is installed, are none by class.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        for kind, number, payload in self._frames.feed(data):
            if self.hello is not None:
                self._owner.received(self, kind, number, payload)
            elif not self._greet(kind, payload):
                return

    def _greet(self, kind: int, payload: bytes) -> bool:
        assert self._transport is not None
        try:
            hello = msgspec.msgpack.decode(payload, type=Hello)
        except msgspec.DecodeError:
            hello = None
        if kind != Kind.HELLO or hello is None or hello.token != self._owner.token:
            self._transport.abort()
            return False
        self.hello = hello
        self._owner.connected(self)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self.hello is not None:
            self._owner.lost(self)

    def send(self, kind: int, number: int, payload: bytes = b"") -> None:
        """Send a frame; nothing happens if the other side is gone."""
        if self._transport is not None:
            self._transport.write(pack(kind, number, payload))

    def pause(self) -> None:
        """Read no further for now."""
        if self._transport is not None:
            self._transport.pause_reading()

    def resume(self) -> None:
        if self._transport is not None:
            self._transport.resume_reading()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()


class RayPeer(Peer):
    """The caller of a Ray call, in the place of a link: it asks once."""

    def __init__(self) -> None:
        self.hello = Hello("client", "by Ray", "")
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def send(self, kind: int, number: int, payload: bytes = b"") -> None:
        if not self.answer.done():
            if kind == Kind.REPLY:
                self.answer.set_result(payload)
            else:
                self.answer.set_exception(pickle.loads(payload))

    def close(self) -> None:
        if not self.answer.done():
            self.answer.set_exception(ConnectionResetError("the router starts again"))


class Server(Protocol):
    """Who owns the listening socket."""

    token: str

    def connected(self, peer: Peer) -> None: ...

    def received(self, peer: Peer, kind: int, number: int, payload: bytes) -> None: ...

    def lost(self, peer: Peer) -> None: ...


async def listen(owner: Server, path: str) -> asyncio.AbstractServer:
    """Listen at a path; what listened there before is replaced at once."""
    fresh = f"{path}.{os.getpid()}"
    server = await asyncio.get_running_loop().create_unix_server(lambda: Peer(owner), fresh, backlog=128)
    os.chmod(fresh, 0o600)
    os.replace(fresh, path)
    return server


class BlockingLink:
    """A host's side: blocking, for a thread of its own; nothing stands between a frame and its turns."""

    def __init__(self, path: str, hello: Hello) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.connect(path)
            self._socket.sendall(pack(Kind.HELLO, 0, msgspec.msgpack.encode(hello)))
        except OSError as error:
            self._socket.close()
            raise LinkLost(str(error)) from error
        self._frames = Frames()
        self._ready: list[tuple[int, int, bytes]] = []

    def receive(self) -> tuple[int, int, bytes]:
        """The next frame. Raises LinkLost."""
        while not self._ready:
            try:
                data = self._socket.recv(1 << 18)
            except OSError as error:
                raise LinkLost(str(error)) from error
            if not data:
                raise LinkLost("closed")
            self._ready = self._frames.feed(data)
            self._ready.reverse()
        return self._ready.pop()

    def send(self, kind: int, number: int, payload: bytes) -> None:
        try:
            self._socket.sendall(pack(kind, number, payload))
        except OSError as error:
            raise LinkLost(str(error)) from error

    def close(self) -> None:
        self._socket.close()


class ClientLink(asyncio.Protocol):
    """An asyncio side that asks, and hears what it did not ask for by `heard`."""

    def __init__(
        self,
        heard: Callable[[int, int, bytes], None] | None = None,
        on_lost: Callable[[], None] | None = None,
    ) -> None:
        self._frames = Frames()
        self._transport: asyncio.Transport | None = None
        self._numbers = itertools.count(1)
        self._asked: dict[int, asyncio.Future[bytes]] = {}
        self._heard = heard
        self._on_lost = on_lost
        self.is_lost = False

    @classmethod
    async def connect(
        cls,
        path: str,
        hello: Hello,
        heard: Callable[[int, int, bytes], None] | None = None,
        on_lost: Callable[[], None] | None = None,
    ) -> "ClientLink":
        """Raises LinkLost when nobody listens at the path."""
        try:
            _, link = await asyncio.get_running_loop().create_unix_connection(lambda: cls(heard, on_lost), path)
        except OSError as error:
            raise LinkLost(str(error)) from error
        link.send(Kind.HELLO, 0, msgspec.msgpack.encode(hello))
        return link

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        for kind, number, payload in self._frames.feed(data):
            if kind in (Kind.REPLY, Kind.ERROR):
                future = self._asked.pop(number, None)
                if future is None or future.done():
                    continue
                if kind == Kind.REPLY:
                    future.set_result(payload)
                else:
                    future.set_exception(pickle.loads(payload))
            elif self._heard is not None:
                self._heard(kind, number, payload)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self.is_lost = True
        asked, self._asked = self._asked, {}
        for future in asked.values():
            if not future.done():
                future.set_exception(LinkLost("the link broke"))
        if self._on_lost is not None:
            self._on_lost()

    def send(self, kind: int, number: int, payload: bytes = b"") -> None:
        """Raises LinkLost."""
        if self._transport is None:
            raise LinkLost("the link is broken")
        self._transport.write(pack(kind, number, payload))

    async def ask(self, op: str, payload: bytes = b"") -> bytes:
        """The answer to an operation. Many may be under way.

        Raises:
            LinkLost: the link broke first.
            TrunklineError: as the other side raised it.
        """
        number = next(self._numbers)
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._asked[number] = future
        try:
            self.send(Kind.ASK, number, op.encode() + b"\0" + payload)
            return await future
        except asyncio.CancelledError:
            with contextlib.suppress(LinkLost):
                self.send(Kind.NEVER_MIND, number)
            raise
        finally:
            self._asked.pop(number, None)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()


def parse_ask(payload: bytes) -> tuple[str, bytes]:
    op, _, rest = payload.partition(b"\0")
    return op.decode(), rest


def packed_error(error: BaseException) -> bytes:
    """An error for a frame: one of ours as it is; what else went wrong as what it said."""
    if not isinstance(error, TrunklineError):
        error = TrunklineError(
            f"the runtime failed: {type(error).__name__}: {error}", hint="its own words are in Ray's logs."
        )
    return pickle.dumps(error)


class RayLink:
    """The same questions by Ray calls, for a client on another node."""

    def __init__(self, actor: Any) -> None:
        self._actor = actor
        self._publishing = asyncio.Lock()

    async def ask(self, op: str, payload: bytes = b"") -> bytes:
        """As `ClientLink.ask`."""
        if op != "publish":
            return await self._ask(op, payload)
        # Ray keeps no order among the calls of an async actor: the next batch waits for the answer to this one.
        async with self._publishing:
            return await self._ask(op, payload)

    async def _ask(self, op: str, payload: bytes) -> bytes:
        import ray.exceptions

        try:
            answer: bytes = await self._actor.ask.remote(op, payload)
        except ray.exceptions.RayActorError as error:
            raise LinkLost(str(error)) from error
        except ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, TrunklineError):
                # As it was raised, without the stack of the process that it is from.
                raise error.cause from None
            raise LinkLost(str(error)) from error
        return answer

    def close(self) -> None:
        """Nothing is held open."""
