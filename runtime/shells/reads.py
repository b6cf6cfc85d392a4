"""What people and tools ask of a running app's journal: read in a thread of its own: no question blocks an event."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec

from actors.errors import TrunklineError
from runtime.core.messages import encode
from runtime.core.rows import Entry
from runtime.journal import Journal
from runtime.shells.link import Kind, packed_error

ASKABLE = frozenset(
    {
        "info",
        "instance",
        "instances",
        "group",
        "of_app",
        "log",
        "latest",
        "heads",
        "entry",
        "key",
        "led_to",
        "of_root",
        "deliveries",
        "timers",
        "epochs",
        "watermarks",
        "schedules",
    }
)


class Reads:
    """Questions to a journal's reader, answered one at a time."""

    def __init__(self, journal: Journal) -> None:
        self._reader = journal.reader()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="reads")
        self._loop = asyncio.get_running_loop()

    def read(self, payload: bytes, answer: Callable[[int, bytes], None]) -> None:
        """`payload` is msgpack of (method, arguments); the answer is msgpack of what the reader's method gives."""
        name, arguments = msgspec.msgpack.decode(payload, type=tuple[str, list[Any]])

        def run() -> None:
            try:
                if name not in ASKABLE:
                    raise TrunklineError(
                        f"a journal can't be asked {name!r}", hint="client and runtime differ in version."
                    )
                asked = getattr(self._reader, name)
                found = encode(asked(*arguments) if callable(asked) else asked)
                kind = Kind.REPLY
            except Exception as error:
                found, kind = packed_error(error), Kind.ERROR
            self._loop.call_soon_threadsafe(answer, kind, found)

        self._pool.submit(run)

    def of_root(self, root: int, types: tuple[str, ...], found: Callable[[Entry | None], None]) -> None:
        """The first event of these types that an origin event led to."""

        def run() -> None:
            self._loop.call_soon_threadsafe(found, self._reader.of_root(root, types))

        self._pool.submit(run)

    def close(self) -> None:
        self._pool.shutdown(wait=True)
        self._reader.close()
