"""A second supervisor beside the first, on purpose: to see that it changes nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import ray
import ray.exceptions

from runtime.shells.launch import find
from runtime.shells.supervising import Supervisor

END_TIMEOUT_S = 10.0


@asynccontextmanager
async def second_supervisor(app: str) -> AsyncIterator[int]:
    """While this is open, two supervisors beat for a running app; gives the second one's process id.

    Raises:
        NotRunning: no such app runs on this process's Ray cluster.
    """
    config = await find(app).config.remote()
    actor: Any = Supervisor
    # Not detached, and no restarts: it goes with whoever started it.
    second = actor.options(num_cpus=0, max_concurrency=1000).remote(config._replace(lifetime="detached", spares=0))
    try:
        await second.wait_ready.remote()
        yield await second.begin.remote()
    finally:
        # A kill takes its time, and it would start again whom others end meanwhile.
        with suppress(ray.exceptions.RayError, TimeoutError):
            await asyncio.wait_for(second.withdraw.remote(), END_TIMEOUT_S)
        with suppress(ray.exceptions.RayError):
            await asyncio.to_thread(ray.kill, second)
