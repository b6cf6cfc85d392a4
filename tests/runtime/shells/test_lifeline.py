"""What holds an app to its driver, while supervisors come and go."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from runtime.shells.folders import DRIVER
from runtime.shells.lifeline import Lifeline
from runtime.shells.link import Peer, listen

TOKEN = "token"


class Listening:
    """Of a supervisor what a driver sees."""

    token = TOKEN

    def __init__(self) -> None:
        self.drivers: list[Peer] = []
        self.came = asyncio.Event()
        self.went = asyncio.Event()

    def connected(self, peer: Peer) -> None:
        self.drivers.append(peer)
        self.came.set()

    def received(self, peer: Peer, kind: int, number: int, payload: bytes) -> None:
        raise AssertionError("a driver says nothing")

    def lost(self, peer: Peer) -> None:
        self.drivers.remove(peer)
        self.went.set()


Supervise = Callable[[], Awaitable[tuple[Listening, asyncio.AbstractServer]]]


@asynccontextmanager
async def driver() -> AsyncIterator[tuple[Lifeline, Supervise]]:
    """A driver's lifeline, and a way to have a supervisor, or the next one, that it has come to."""
    with TemporaryDirectory(prefix="life-") as folder:

        async def supervise() -> tuple[Listening, asyncio.AbstractServer]:
            listening = Listening()
            server = await listen(listening, str(Path(folder) / DRIVER))
            await listening.came.wait()
            return listening, server

        lifeline = Lifeline(folder, TOKEN)
        try:
            yield lifeline, supervise
        finally:
            lifeline.close()


def test_a_driver_is_held_by_a_supervisor_and_by_the_one_that_replaces_it_while_it_goes_on() -> None:
    async def main() -> None:
        async with driver() as (lifeline, supervise):
            first, _ = await supervise()
            second, _ = await supervise()

            assert len(first.drivers) == len(second.drivers) == 1
            lifeline.close()
            await first.went.wait()
            await second.went.wait()

    asyncio.run(main())


def test_a_driver_comes_to_the_next_supervisor_when_one_has_died() -> None:
    async def main() -> None:
        async with driver() as (_, supervise):
            first, server = await supervise()
            server.close()
            first.drivers[0].close()
            await first.went.wait()

            second, _ = await supervise()

            assert len(second.drivers) == 1
            assert first.drivers == []

    asyncio.run(main())
