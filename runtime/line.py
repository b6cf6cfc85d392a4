"""A client's way to its router: one link at a time, opened anew when it is lost."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from actors.errors import TrunklineError
from runtime.errors import Unreachable
from runtime.shells.link import LinkLost

PAUSE = 0.02
"""Seconds before a link that could not be opened is tried again: doubled each time, up to PAUSE_MAX."""
PAUSE_MAX = 0.5


class Link(Protocol):
    """What carries questions to a router."""

    async def ask(self, op: str, payload: bytes = b"") -> bytes:
        """Raises LinkLost, and what the other side raised."""
        ...

    def close(self) -> None: ...


Connect = Callable[[Callable[[], None]], Awaitable[Link]]
"""Opens a link; calls what it is given when that is lost. Raises LinkLost: try again; another error: it's over."""


class _Attempt:
    """A link in the making, which may be lost before it is one."""

    def __init__(self, line: "Line") -> None:
        self.line = line
        self.link: Link | None = None
        self.is_lost = False

    def lost(self) -> None:
        self.is_lost = True
        if self.link is not None:
            self.line.lost(self.link)


class Line:
    """Keeps a link open from `open` to `close`, and asks over it. Belongs to one event loop."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._link: Link | None = None
        self._changed: asyncio.Future[None] | None = None
        self._opening: asyncio.Task[None] | None = None
        self._ended: TrunklineError | None = None
        self.on_open: Callable[[Link], None] = lambda link: None
        self.on_lost: Callable[[], None] = lambda: None
        self.on_end: Callable[[TrunklineError], None] = lambda error: None

    def open(self) -> None:
        """Begin to open a link, and go on until there is one."""
        if self._opening is None and self._ended is None:
            self._opening = asyncio.get_running_loop().create_task(self._open(), name="trunkline link")

    async def _open(self) -> None:
        pause = PAUSE
        while True:
            attempt = _Attempt(self)
            try:
                link = await self._connect(attempt.lost)
            except LinkLost:
                await asyncio.sleep(pause)
                pause = min(pause * 2, PAUSE_MAX)
                continue
            except TrunklineError as error:
                self.end(error)
                return
            if not attempt.is_lost:
                break
        attempt.link = link
        self._opening = None
        self._link = link
        self._wake()
        self.on_open(link)

    def lost(self, link: Link) -> None:
        """This link is of no use any longer."""
        if link is self._link:
            self._link = None
            link.close()
            self.on_lost()
            self.open()

    def end(self, error: TrunklineError) -> None:
        """No link will ever be: whoever asks gets this error."""
        if self._ended is not None:
            return
        self._ended = error
        if self._opening is not None and self._opening is not asyncio.current_task():
            self._opening.cancel()
        self._opening = None
        link, self._link = self._link, None
        if link is not None:
            link.close()
        self._wake()
        self.on_end(error)

    def _wake(self) -> None:
        if self._changed is not None and not self._changed.done():
            self._changed.set_result(None)
        self._changed = None

    async def link(self) -> Link:
        """The link, as soon as there is one. Raises what ended the line."""
        while True:
            if self._ended is not None:
                raise self._ended
            if self._link is not None:
                return self._link
            if self._changed is None:
                self._changed = asyncio.get_running_loop().create_future()
            # Shielded: one of those who wait may be cancelled, and the others wait on.
            await asyncio.shield(self._changed)

    async def ask(self, op: str, payload: bytes = b"", *, timeout: float | None = None) -> bytes:
        """Ask, and ask again over each new link until there is an answer: for questions that may be asked twice.

        Raises:
            Unreachable: there was no answer within `timeout` seconds.
            TrunklineError: as the other side raised it, or what ended the line.
        """
        try:
            async with asyncio.timeout(timeout):
                while True:
                    link = await self.link()
                    try:
                        return await link.ask(op, payload)
                    except LinkLost:
                        self.lost(link)
        except TimeoutError as error:
            raise Unreachable(
                f"the runtime did not answer {op!r} within {timeout:g} s",
                hint="it may be starting again: ask again, or give it more time with timeout=.",
            ) from error
