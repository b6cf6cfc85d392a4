"""The supervisor's process: starts the others, notices their death, has the stopped killed, beats the heartbeat.

Ray facts that shape it: an actor dies with the worker that created it, so every child is created detached; Ray notices
a death but not a stopped or blocked process, so children are pinged; a restarted supervisor finds its children by name.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import warnings
from typing import Any, NamedTuple

import ray
import ray.exceptions
import ray.util

from runtime.core.supervisor import GATEWAYS, ROUTER, Kill, Start, SupervisorCore, first_children, ping_every
from runtime.shells.clock import steady
from runtime.shells.code import forget_code, kept_code, load_app
from runtime.shells.folders import DRIVER, note
from runtime.shells.heart import Heart
from runtime.shells.link import Kind, Peer, listen
from runtime.shells.processes import Gateways, Host, Router, on_this_node
from runtime.shells.router import RouterConfig


def _ray(thing: Any) -> Any:
    """Ray's decorated classes and some of its functions have no types."""
    return thing


DRIVER_GRACE_S = 15.0
"""Seconds that the driver's lifeline may be broken before the app ends: a restarted supervisor is given time."""


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def restarted() -> bool:
    """Is this actor's process not its first one?"""
    with warnings.catch_warnings():
        # Ray warns of what it asks itself here.
        warnings.simplefilter("ignore")
        return bool(ray.get_runtime_context().was_current_actor_reconstructed)


class SupervisorConfig(NamedTuple):
    """All that a supervisor, first or restarted, must be told."""

    router: RouterConfig
    code: str
    """The name that the app's bytes are kept under."""
    namespace: str
    folder: str
    """Of the sockets."""
    lifetime: str
    spares: int
    run_on: bool
    turn_limit: float


class SupervisorShell:
    """One supervisor, in one asyncio loop."""

    def __init__(self, config: SupervisorConfig) -> None:
        self._config = config
        self.token = config.router.token
        self._app = load_app(kept_code(config.code), config.router.schema_hash)
        self._every = ping_every(config.router.patience)
        names = first_children(config.router.limits.hosts, gateways=bool(self._app.catalogue.gateways))
        self._core = SupervisorCore(names, self._app.schedules, patience=int(config.router.patience * 1_000_000))
        self._actors: dict[str, Any] = {}
        self._pids: dict[str, int] = {}
        self._errors: dict[str, BaseException] = {}
        self._started = restarted()
        """It was up: of what happens from now on nobody is told but the log."""
        self._heart = Heart(self._app, config.router, self._core, self._heard)
        self._drivers: set[Peer] = set()
        self._ending = False
        self._tasks: set[asyncio.Task[Any]] = set()
        self._all_up = asyncio.Event()

    def _spawn(self, coroutine: Any) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # ------------------------------------------------------------ life

    async def start(self) -> None:
        """Begin: find the children that live, start the others."""
        os.makedirs(self._config.folder, mode=0o700, exist_ok=True)
        note(self._config.folder, self._app.name, ray.get_runtime_context().gcs_address)
        if self._config.lifetime == "driver":
            self._server = await listen(self, os.path.join(self._config.folder, DRIVER))
            self._spawn(self._watch_driver())
        found = {}
        for name in self._alive():
            with contextlib.suppress(ValueError):
                found[name] = ray.get_actor(self._ray_name(name), namespace=self._config.namespace)
                self._core.found(name, steady())
        # They must know of this process before anyone else does: they watch it.
        await asyncio.gather(*(self._find(actor) for actor in found.values()))
        for name, actor in found.items():
            self._spawn(self._adopt(name, actor))
        self._spawn(self._oversee())
        self._spawn(self._heart.run())

    def _alive(self) -> list[str]:
        """The children that an earlier supervisor has left, also those that were not there from the first."""
        namespace, prefix = self._config.namespace, self._ray_name("")
        named = [_ray(actor) for actor in ray.util.list_named_actors(all_namespaces=True)]
        names = [a["name"].removeprefix(prefix) for a in named if a["namespace"] == namespace]
        return [name for name in names if name != "Supervisor"]

    async def wait_ready(self) -> "dict[str, BaseException]":
        """Wait until every first child is up; the errors of those that can't come up."""
        while not all(self._core.is_up(name) for name in self._core.names()):
            if self._errors:
                return self._errors
            self._all_up.clear()
            await self._all_up.wait()
        self._started = True
        if self._config.spares:
            # Started ahead, but not before what everybody waits for.
            self._core.want("spare")
        return {}

    def withdraw(self) -> None:
        """Start nobody any more, and beat no longer."""
        self._ending = True
        self._heart.end()

    async def stop(self) -> None:
        """End the app in order: hosts, gateways, router, then this process."""
        self.withdraw()
        # They stay among the actors, and are pinged: who is silent is ended.
        router, gateways = self._actors.get(ROUTER), self._actors.get(GATEWAYS)
        hosts = [(name, actor) for name, actor in self._actors.items() if name not in (ROUTER, GATEWAYS)]
        if router is not None:
            with contextlib.suppress(ray.exceptions.RayError, asyncio.TimeoutError):
                await asyncio.wait_for(router.app_ends.remote(), 2)
        await asyncio.gather(*(self._end(name, actor) for name, actor in hosts))
        if gateways is not None:
            with contextlib.suppress(ray.exceptions.RayError, asyncio.TimeoutError):
                await asyncio.wait_for(gateways.close.remote(), 10)
            await self._end(GATEWAYS, gateways)
        if router is not None:
            with contextlib.suppress(ray.exceptions.RayError, asyncio.TimeoutError):
                await asyncio.wait_for(router.close.remote(), 30)
            await self._end(ROUTER, router)
        for name in self._alive():
            # A spare, perhaps, that was just being started.
            with contextlib.suppress(Exception):
                ray.kill(ray.get_actor(self._ray_name(name), namespace=self._config.namespace), no_restart=True)
        shutil.rmtree(self._config.folder, ignore_errors=True)
        forget_code(self._config.code)

    async def _end(self, name: str, actor: Any) -> None:
        pid = self._pids.pop(name, None)
        if name in (ROUTER, GATEWAYS):
            with contextlib.suppress(ray.exceptions.RayError, asyncio.TimeoutError):
                await asyncio.wait_for(actor.leave.remote(), 2)
        else:
            # A host has nothing to end: what it held is in the journal. (Its threads would keep `exit_actor` waiting.)
            with contextlib.suppress(Exception):
                ray.kill(actor, no_restart=True)
        for _ in range(100):
            if pid is None or not _lives(pid):
                return
            await asyncio.sleep(0.02)
        with contextlib.suppress(Exception):
            ray.kill(actor, no_restart=True)
        if pid is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)

    # ------------------------------------------------------------ the driver's lifeline

    def connected(self, peer: Peer) -> None:
        self._drivers.add(peer)

    def received(self, peer: Peer, kind: int, number: int, payload: bytes) -> None:
        """A driver says nothing: it is there, or it is not."""

    def lost(self, peer: Peer) -> None:
        self._drivers.discard(peer)

    async def _watch_driver(self) -> None:
        grace = DRIVER_GRACE_S
        while True:
            await asyncio.sleep(0.25)
            if self._drivers:
                # Once it has been seen, a driver that is gone does not come back, but for the moment of a reconnect.
                grace = 1.0
                continue
            grace -= 0.25
            if grace <= 0 and not self._ending:
                await self.stop()
                ray.kill(ray.get_runtime_context().current_actor, no_restart=True)

    # ------------------------------------------------------------ children

    def _ray_name(self, name: str) -> str:
        return f"{self._app.name}:{name}"

    async def _oversee(self) -> None:
        while True:
            self._act()
            for name, actor in list(self._actors.items()):
                self._spawn(self._ping(name, actor))
            await asyncio.sleep(self._every)

    def _act(self) -> None:
        if self._ending:
            return
        for action in self._core.actions(steady()):
            if isinstance(action, Start):
                self._spawn(self._start(action.name))
            elif isinstance(action, Kill):
                self._kill(action.name)

    async def _start(self, name: str) -> None:
        if not self._core.wants(name):
            # Released meanwhile.
            return
        c = self._config
        r = c.router
        options: dict[str, Any] = {
            "name": self._ray_name(name),
            "namespace": c.namespace,
            "lifetime": "detached",
            "num_cpus": 0,
            "max_restarts": 0,
            "scheduling_strategy": on_this_node(),
        }
        try:
            if name == ROUTER:
                actor = _ray(Router).options(**options, max_concurrency=1000).remote(os.getpid(), r)
            elif name == GATEWAYS:
                actor = (
                    _ray(Gateways)
                    .options(**options, max_concurrency=1000)
                    .remote(
                        os.getpid(), r.patience, c.code, r.schema_hash, r.plan.partitions, r.socket, r.token, r.clock
                    )
                )
            else:
                actor = (
                    _ray(Host)
                    .options(**options, max_concurrency=1000)
                    .remote(
                        *(os.getpid(), r.patience, name, c.code, r.schema_hash, r.plan.partitions, r.socket, r.token),
                        *(c.run_on, c.turn_limit),
                    )
                )
        except ValueError:
            # The name is still taken: by a child that is dying, or by one that another supervisor has just started.
            try:
                actor = ray.get_actor(self._ray_name(name), namespace=c.namespace)
                self._core.found(name, steady())
            except ValueError:
                self._core.died(name, steady())
                return
        await self._adopt(name, actor)

    async def _find(self, actor: Any) -> None:
        with contextlib.suppress(ray.exceptions.RayError, asyncio.TimeoutError):
            await asyncio.wait_for(actor.ping.remote(os.getpid()), self._config.router.patience)

    def _is_current(self, name: str, actor: Any) -> bool:
        """Was it not released, or followed by another, meanwhile?"""
        return self._actors.get(name) is actor

    async def _adopt(self, name: str, actor: Any) -> None:
        """Take a child that was started now or before: it is up when it has begun."""
        self._actors[name] = actor
        try:
            pid = await actor.begin.remote()
        except ray.exceptions.RayTaskError as error:
            if not self._is_current(name, actor):
                return
            # It lives, and can't begin: what it says is for whoever started the app.
            cause = error.cause if isinstance(error.cause, BaseException) else error
            if self._started and str(cause) != str(self._errors.get(name)):
                # Nobody waits for it to come up; and it is tried again and again.
                print(f"{self._ray_name(name)} can't start: {cause}", file=sys.stderr, flush=True)
            self._errors[name] = cause
            self._all_up.set()
            with contextlib.suppress(Exception):
                ray.kill(actor, no_restart=True)
            self._actors.pop(name, None)
            self._core.died(name, steady())
            return
        except ray.exceptions.RayError as error:
            if not self._is_current(name, actor):
                return
            if not isinstance(error, ray.exceptions.ActorUnavailableError):
                self._errors_of_death(name, error)
            self._actors.pop(name, None)
            self._core.died(name, steady())
            return
        if not self._is_current(name, actor):
            # Released while it was starting.
            return
        self._pids[name] = pid
        self._errors.pop(name, None)
        self._core.came_up(name, steady())
        self._act()
        self._all_up.set()
        self._spawn(self._await_death(name, actor))

    def _errors_of_death(self, name: str, error: BaseException) -> None:
        if not self._started and "creation task" in str(error):
            self._errors[name] = error
            self._all_up.set()

    async def _await_death(self, name: str, actor: Any) -> None:
        with contextlib.suppress(ray.exceptions.RayError):
            await actor.run.remote()
        if self._ending or not self._is_current(name, actor):
            return
        self._actors.pop(name, None)
        self._pids.pop(name, None)
        self._core.died(name, steady())
        self._act()

    async def _ping(self, name: str, actor: Any) -> None:
        with contextlib.suppress(ray.exceptions.RayError, asyncio.TimeoutError):
            await asyncio.wait_for(actor.ping.remote(os.getpid()), self._config.router.patience)
            self._core.heard(name, steady())

    def _kill(self, name: str) -> None:
        """End a process that does not answer: its successor may start only when it is gone."""
        pid = self._pids.get(name)
        actor = self._actors.get(name)
        if pid is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        if actor is not None:
            with contextlib.suppress(Exception):
                ray.kill(actor, no_restart=True)

    def _heard(self, kind: int, number: int, payload: bytes) -> None:
        """What the router says: which hosts it needs."""
        if kind == Kind.START:
            self._core.want(payload.decode())
            self._act()
        elif kind == Kind.RELEASE:
            name = payload.decode()
            self._core.unwant(name)
            actor = self._actors.pop(name, None)
            if actor is not None:
                self._spawn(self._end(name, actor))

    # ------------------------------------------------------------ for people

    def where(self) -> dict[str, Any]:
        """Where clients find the app, and its processes."""
        r = self._config.router
        return {
            "app": r.app,
            "journal": r.journal,
            "socket": r.socket,
            "token": r.token,
            "partitions": r.plan.partitions,
            "folder": self._config.folder,
            "lifetime": self._config.lifetime,
            "node": ray.get_runtime_context().get_node_id(),
            "schema_hash": r.schema_hash,
            "processes": {self._ray_name(n): p for n, p in self._pids.items()}
            | {self._ray_name("Supervisor"): os.getpid()},
        }
