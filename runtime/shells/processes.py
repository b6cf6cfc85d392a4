"""The Ray actors: as thin as can be, under the names that `ps` and Ray's dashboard show."""

import asyncio
import gc
import os
import sys
from collections.abc import Callable
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from runtime.shells.clock import Clock
from runtime.shells.code import kept_code
from runtime.shells.gateways import GatewaysShell
from runtime.shells.host import HostShell
from runtime.shells.router import RouterConfig, RouterShell
from runtime.shells.watch import Watch


def on_this_node() -> NodeAffinitySchedulingStrategy:
    """Place an actor here, where journal and sockets are: one that asks for no CPU is put on any node by Ray."""
    return NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)


def leave_ray() -> None:
    """End this actor's process, as one that was asked to."""
    exit_actor: Any = ray.actor.exit_actor
    exit_actor()


def calm_collector() -> None:
    """Have the cyclic collector look rarely: records are made by the hundred thousand, and hold no cycles.

    Measured: a sixth of the router's time went into looking through its mailboxes.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(200_000, 50, 1000)


def share_the_interpreter() -> None:
    """Have the thread that writes a commit get the interpreter's lock back soon, beside a busy loop.

    It gives the lock away at each statement, and would by default wait up to 5 ms to have it again.
    """
    sys.setswitchinterval(0.0002)


@ray.remote
class Router:
    """`ray::Router`: the router of a cell."""

    def __init__(self, supervisor: int, config: RouterConfig) -> None:
        self._config = config
        self._watch = Watch(config.patience, supervisor)
        self._shell: RouterShell | None = None
        self._starting: asyncio.Future[None] | None = None

    async def begin(self) -> int:
        """Start, once; give the process id."""
        await self._begun()
        return os.getpid()

    async def _begun(self) -> RouterShell:
        if self._shell is None or self._starting is None:
            self._shell = RouterShell(self._config)
            self._starting = asyncio.ensure_future(self._shell.start())
            calm_collector()
            share_the_interpreter()
        await self._starting
        return self._shell

    async def run(self) -> None:
        """Return when closed."""
        assert self._shell is not None
        await self._shell.ended

    async def ping(self, supervisor: int) -> None:
        self._watch.pinged(supervisor)

    async def ask(self, op: str, payload: bytes) -> bytes:
        """One question of a client on another node, which has no socket here."""
        return await (await self._begun()).ask(op, payload)

    async def app_ends(self) -> None:
        if self._shell is not None:
            self._shell.app_ends()

    async def close(self) -> None:
        if self._shell is not None:
            await self._shell.close()

    async def leave(self) -> None:
        self._watch.end()
        leave_ray()


@ray.remote
class Gateways:
    """`ray::Gateways`: every gateway of an app."""

    def __init__(self, supervisor: int, patience: float, code: str, *arguments: Any) -> None:
        self._watch = Watch(patience, supervisor)
        self._make: Callable[[], GatewaysShell] = lambda: GatewaysShell(kept_code(code), *arguments)
        self._shell: GatewaysShell | None = None
        self._starting: asyncio.Future[None] | None = None
        self._ended = asyncio.Event()

    async def begin(self) -> int:
        if self._starting is None:
            self._shell = self._make()
            self._starting = asyncio.ensure_future(self._shell.start())
        await self._starting
        return os.getpid()

    async def run(self) -> None:
        """Return when closed."""
        await self._ended.wait()

    async def ping(self, supervisor: int) -> None:
        self._watch.pinged(supervisor)

    async def close(self) -> None:
        if self._shell is not None:
            await self._shell.close()
        self._ended.set()

    async def leave(self) -> None:
        self._watch.end()
        leave_ray()


@ray.remote
class Host:
    """`ray::Host`: instances and their turns. Its methods run beside the turns, in a thread."""

    def __init__(
        self,
        supervisor: int,
        patience: float,
        name: str,
        code: str,
        schema_hash: str,
        partitions: int,
        path: str,
        token: str,
        run_on: bool,
        turn_limit: float,
    ) -> None:
        self._make: Callable[[], HostShell] = lambda: HostShell(
            name, kept_code(code), schema_hash, partitions, path, token, run_on=run_on, turn_limit=turn_limit
        )
        self._watch = Watch(patience, supervisor)
        self._shell: HostShell | None = None

    async def begin(self) -> int:
        """Start, once; give the process id. An error raised in `__init__` would abort Ray's worker: pages of stacks."""
        if self._shell is None:
            self._shell = self._make()
            calm_collector()
        return os.getpid()

    async def run(self) -> None:
        """Never returns: its end is the process's."""
        await asyncio.Event().wait()

    async def ping(self, supervisor: int) -> None:
        self._watch.pinged(supervisor)


__all__ = ["Clock", "Gateways", "Host", "Router"]
