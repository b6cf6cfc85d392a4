"""The supervisor's Ray actor: as thin as can be, like those in `runtime.shells.processes`, which it starts."""

import asyncio
import os
import sys
from typing import Any

import ray

from runtime.shells.code import kept_code
from runtime.shells.processes import leave_ray
from runtime.shells.supervisor import SupervisorConfig, SupervisorShell, restarted

AGAIN = 5.0
"""Seconds until a restarted supervisor that could not begin is restarted again."""


@ray.remote
class Supervisor:
    """`ray::Supervisor`: the one actor that Ray restarts by itself."""

    def __init__(self, config: SupervisorConfig) -> None:
        self._config = config
        self._shell: SupervisorShell | None = None
        self._starting: asyncio.Future[None] | None = None
        # Restarted, nobody else tells it to begin. (A call to itself is lost when it meets what Ray knew of the process
        # before; Ray runs this in the loop.)
        self._waking = asyncio.get_running_loop().create_task(self._wake())

    async def _wake(self) -> None:
        """Begin. Whoever starts an app is told by `wait_ready` why it can't; restarted, it says so in the log."""
        try:
            await self.begin()
        except Exception as error:
            if restarted():
                # The app's modules, perhaps, which are being edited: only a new process imports them anew.
                print(f"{self._config.router.app}:Supervisor can't start: {error}", file=sys.stderr, flush=True)
                await asyncio.sleep(AGAIN)
                os._exit(1)

    async def begin(self) -> int:
        if self._starting is None:
            self._shell = SupervisorShell(self._config)
            self._starting = asyncio.ensure_future(self._shell.start())
        await self._starting
        return os.getpid()

    async def wait_ready(self) -> "dict[str, BaseException]":
        await self.begin()
        assert self._shell is not None
        return await self._shell.wait_ready()

    async def where(self) -> dict[str, Any]:
        await self.begin()
        assert self._shell is not None
        return self._shell.where()

    async def code(self) -> bytes:
        """The app's bytes, for a client that attaches by its name."""
        return kept_code(self._config.code)

    async def config(self) -> SupervisorConfig:
        """What it was told, for a second one beside it."""
        return self._config

    async def stop(self) -> None:
        await self.begin()
        assert self._shell is not None
        await self._shell.stop()

    async def withdraw(self) -> None:
        """Start nobody any more, and beat no longer: another supervisor does."""
        await self.begin()
        assert self._shell is not None
        self._shell.withdraw()

    async def leave(self) -> None:
        """End this process, for good."""
        leave_ray()
