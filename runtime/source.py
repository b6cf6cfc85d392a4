"""Where questions about an app go: to the desk of its running router, or to a journal at rest."""

from typing import Any, Protocol

import msgspec

from runtime.core.messages import encode
from runtime.errors import NotRunning
from runtime.journal import Reader
from runtime.line import Line

PATIENCE = 60.0
"""Seconds that a question waits for a router that starts again."""


class Source(Protocol):
    """Who answers."""

    async def read(self, kind: Any, method: str, *arguments: Any) -> Any:
        """What a `Reader`'s method of this name gives, which is of this kind."""
        ...

    async def has_key(self, digest: bytes) -> bool:
        """Was this idempotency key taken, durably?"""
        ...

    async def decide(self, what: str, at: int, address: str) -> bool:
        """`retry` or `skip` a dead letter. False: it is none."""
        ...


class RunningApp:
    """The router answers, from the journal that it writes."""

    def __init__(self, line: Line) -> None:
        self._line = line

    async def _ask(self, kind: Any, op: str, payload: bytes) -> Any:
        return msgspec.msgpack.decode(await self._line.ask(op, payload, timeout=PATIENCE), type=kind)

    async def read(self, kind: Any, method: str, *arguments: Any) -> Any:
        return await self._ask(kind, "read", encode((method, arguments)))

    async def has_key(self, digest: bytes) -> bool:
        # The router knows of those as well that are being written: it answers when they are durable.
        return bool(await self._ask(bool, "has", digest))

    async def decide(self, what: str, at: int, address: str) -> bool:
        return bool(await self._ask(bool, what, encode((at, address))))


class JournalAtRest:
    """A journal's reader answers, in the caller's thread; nothing can be decided."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def read(self, kind: Any, method: str, *arguments: Any) -> Any:
        asked = getattr(self._reader, method)
        return asked(*arguments) if callable(asked) else asked

    async def has_key(self, digest: bytes) -> bool:
        return self._reader.key(digest) is not None

    async def decide(self, what: str, at: int, address: str) -> bool:
        app = self._reader.info.app
        raise NotRunning(
            f"a dead letter can only be decided while app {app!r} runs: here is its journal alone",
            hint="start the app; then ask by its name.",
        )
