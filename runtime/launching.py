"""From an app, or its name, to a running one with a way to it: Ray, the journal's place, the app's processes, links."""

import asyncio
import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
import ray
import ray.exceptions

from actors.app import App
from actors.errors import TrunklineError
from runtime.core.limits import Limits
from runtime.core.plan import Placement
from runtime.core.supervisor import ROUTER
from runtime.embedded import RaySession, node_is_ours, node_lost
from runtime.errors import CodeError, NotRunning, StartFailed, Unreachable
from runtime.interrupts import held_back, once
from runtime.journal import absolute
from runtime.journal.place import MEMORY
from runtime.line import Link
from runtime.options import check_app, check_options
from runtime.progress import Progress
from runtime.settings import Settings, journal_place, read_settings
from runtime.shells.clock import Clock
from runtime.shells.code import load_app
from runtime.shells.launch import find, namespace_of, start_app, stop_app
from runtime.shells.lifeline import Lifeline
from runtime.shells.link import ClientLink, Hello, LinkLost, RayLink

ASK_TIMEOUT = 30.0
MEMORY_SAID = ", and is lost when its router's process dies"
ENDS_WITH_RAY = (
    "and yet ends with this process, which started the Ray that it runs on: `ray start --head` first, and start the "
    "app with address='auto'"
)
LOOK_AFTER = 0.5
"""Seconds without a link after which the supervisor is asked what is wrong."""


@dataclass(slots=True)
class Running:
    """An app that runs, as this process sees it."""

    app: App
    where: dict[str, Any]
    supervisor: Any
    session: RaySession
    lifeline: Lifeline | None
    """Held by the driver whose app ends with it."""
    patience: float = ASK_TIMEOUT
    """Seconds that the supervisor has for an answer."""
    no_code: CodeError | None = None
    """Why the app's code is not here: `app` is its name alone."""

    def processes(self) -> dict[str, int]:
        """The process ids of the app's Ray actors, by their names.

        Raises:
            NotRunning: the app has ended.
            Unreachable: the supervisor does not answer.
        """
        found: dict[str, int] = _ask(self.app.name, self.supervisor.where, self.patience)["processes"]
        return found

    def end(self, stop: bool) -> None:
        """Leave it; `stop` ends it. An app that lives as long as its driver ends with that."""
        with held_back():
            ends = stop or self.lifeline is not None
            if node_lost() or (ends and not stop_app(self.app.name, self.supervisor, lambda: bool(node_lost()))):
                self._kill_orphans()
            if self.lifeline is not None:
                self.lifeline.close()
            self.session.end()

    def _kill_orphans(self) -> None:
        """Processes of a dead node may live on for a while, and would keep the journal."""
        for pid in self.where["processes"].values():
            try:
                os.kill(pid, 9)
            except (ProcessLookupError, PermissionError):
                continue


@once()
def launch(
    app: App,
    *,
    journal: str | os.PathLike[str] | None,
    address: str | None,
    placement: Placement | None,
    clock: Clock | None,
    lifetime: Literal["driver", "detached"],
    partitions: int | None,
    run_on: bool,
) -> Running:
    """Start an app. Blocks, for some seconds. What was begun is ended again if it fails, or is interrupted."""
    check_app(app, names=False)
    check_options(journal=journal, placement=placement, clock=clock, lifetime=lifetime, partitions=partitions)
    settings = read_settings()
    place = absolute(journal_place(app.name, journal, settings))
    with Progress(settings.quiet) as progress:
        progress.step("starting Ray" if address is None else f"connecting to Ray at {address}")
        session = RaySession.begin(address, dashboard=settings.dashboard)
        try:
            supervisor, where = start_app(
                app,
                place,
                lifetime=lifetime,
                placement=placement or settings.placement,
                partitions=partitions,
                clock=clock,
                limits=_limits(settings),
                run_on=run_on,
                turn_limit=settings.turn_limit,
                patience=settings.patience,
                progress=progress.step,
            )
            lifeline = Lifeline(where["folder"], where["token"]) if lifetime == "driver" else None
        except BaseException:
            session.end()
            raise
    progress.say(f"trunkline: {app.name} runs; its journal is {place}{MEMORY_SAID if place == MEMORY else ''}")
    if lifetime == "detached" and node_is_ours():
        progress.say(f"trunkline: {app.name} is detached, {ENDS_WITH_RAY}")
    return Running(app, where, supervisor, session, lifeline)


async def in_thread(begin: Callable[..., Running], *given: Any, **options: Any) -> Running:
    """`launch` or `join` beside an event loop. When nobody waits for it any more, what it has begun is ended."""
    beginning = asyncio.create_task(asyncio.to_thread(begin, *given, **options))
    with once():
        try:
            return await asyncio.shield(beginning)
        except asyncio.CancelledError:
            # It can't be broken off in the middle; and goes on, should whoever waits for it be cancelled once more.
            await asyncio.shield(_take_back(beginning, begin is launch))
            raise


async def _take_back(beginning: "asyncio.Task[Running]", stop: bool) -> None:
    with contextlib.suppress(TrunklineError):
        await asyncio.to_thread((await beginning).end, stop)


def _limits(settings: Settings) -> Limits:
    idle_us, sweep_us = int(settings.idle * 1_000_000), Limits().sweep_us
    return Limits(
        hosts=settings.hosts,
        dedicated_max=settings.dedicated,
        idle_us=idle_us,
        sweep_us=min(sweep_us, idle_us // 2),
    )


@once()
def join(app: App | str, *, address: str | None, patience: float = ASK_TIMEOUT, code_needed: bool = True) -> Running:
    """Find an app that runs on this process's Ray cluster; else on the one at `address`, or on one of this machine.

    Args:
        code_needed: False: an app is joined by its name also if its code can't be loaded here.
    """
    check_app(app, names=True)
    settings = read_settings()
    name = app if isinstance(app, str) else app.name
    no_code = None
    with Progress(settings.quiet) as progress:
        progress.step(f"connecting to Ray{f' at {address}' if address else ''}")
        try:
            session = RaySession.joining(name, address)
        except StartFailed as error:
            hint = "start the app: Runtime.start(app); or name its cluster: address=, or RAY_ADDRESS."
            raise NotRunning(
                f"no app {name!r} was found, as this process {error.message}", hint=error.hint if address else hint
            ) from error.__cause__
        try:
            progress.step(f"looking for {name}")
            supervisor = find(name)
            where = _ask(name, supervisor.where, patience)
            if isinstance(app, str):
                try:
                    app = load_app(_ask(name, supervisor.code, patience), where["schema_hash"])
                except CodeError as error:
                    if code_needed:
                        raise
                    no_code, app = error, App.unread(name)
            elif app.catalogue.schema_hash != where["schema_hash"]:
                raise TrunklineError(
                    f"this process has other code for app {name!r} than the one that runs",
                    hint=f"use the version that was started; or Runtime.attach({name!r}), which uses the app's own.",
                )
        except BaseException:
            session.end()
            raise
    return Running(app, where, supervisor, session, None, patience, no_code)


def status_of_router(name: str, *, address: str | None, patience: float) -> dict[str, Any]:
    """What the router of an app says of itself, asked past a supervisor that is silent.

    Raises:
        StartFailed: there is no such Ray cluster.
        NotRunning: there is no router.
        Unreachable: it does not answer.
    """
    session = RaySession.joining(name, address)
    try:
        answer: Any = ray.get(_router_of(name).ask.remote("status", b""), timeout=patience)
    except ValueError as error:
        raise NotRunning(f"app {name!r} has no router at the moment", hint="its supervisor starts one.") from error
    except (ray.exceptions.RayError, TimeoutError) as error:
        raise Unreachable(
            f"the router of app {name!r} does not answer: {error}",
            hint="its supervisor ends it when it stays silent, and starts another.",
        ) from error
    finally:
        session.end()
    found: dict[str, Any] = msgspec.msgpack.decode(answer)
    return found


def _router_of(name: str) -> Any:
    """Its actor, as Ray knows it. Raises ValueError: there is none."""
    return ray.get_actor(f"{name}:{ROUTER}", namespace=namespace_of(name))


class Connector:
    """Opens links to a running app's router."""

    def __init__(self, running: Running, client: str) -> None:
        self._running = running
        self._hello = Hello("client", client, running.where["token"])
        self._asked = time.monotonic()

    async def __call__(self, on_lost: Callable[[], None]) -> Link:
        """A link.

        Raises:
            LinkLost: nobody listens at the moment.
            NotRunning, NodeLost: nobody ever will.
        """
        try:
            if ray.is_initialized() and self._running.where["node"] != ray.get_runtime_context().get_node_id():
                return RayLink(await asyncio.to_thread(self._router))
            return await ClientLink.connect(self._running.where["socket"], self._hello, None, on_lost)
        except LinkLost:
            if time.monotonic() - self._asked > LOOK_AFTER:
                await asyncio.to_thread(self._look)
                self._asked = time.monotonic()
            raise

    def _router(self) -> Any:
        name = self._running.app.name
        if not ray.is_initialized():
            raise _ended(name)
        try:
            return _router_of(name)
        except ValueError as error:
            raise LinkLost("no router at the moment") from error

    def _look(self) -> None:
        """Is there still somebody to wait for?"""
        lost = node_lost()
        if lost is not None:
            raise lost
        if not ray.is_initialized():
            # Asked now, Ray would start a cluster to ask in.
            raise _ended(self._running.app.name)
        try:
            self._running.where = ray.get(self._running.supervisor.where.remote(), timeout=5)
        except ray.exceptions.ActorDiedError as error:
            raise _ended(self._running.app.name) from error
        except (ray.exceptions.RayError, TimeoutError):
            return


def _ask(name: str, question: Any, patience: float) -> Any:
    """What the supervisor answers, which may be starting again."""
    until = time.monotonic() + patience
    while True:
        left = max(until - time.monotonic(), 0.1)
        if not ray.is_initialized():
            # Asked now, Ray would start a cluster to ask in.
            raise _ended(name)
        try:
            return ray.get(question.remote(), timeout=left)
        except ray.exceptions.ActorDiedError as error:
            raise _ended(name) from error
        except ray.exceptions.RayTaskError as error:
            # It lives, and says why it can't begin again.
            if isinstance(error.cause, TrunklineError):
                raise error.cause from None
            raise
        except (ray.exceptions.RayError, TimeoutError) as error:
            # It died with the question; Ray keeps those that are asked while it starts again.
            if isinstance(error, ray.exceptions.ActorUnavailableError) and time.monotonic() < until:
                time.sleep(0.05)
                continue
            raise Unreachable(
                f"the supervisor of app {name!r} does not answer: {error}",
                hint="it may be starting again: try again in a moment.",
            ) from error


def _ended(name: str) -> NotRunning:
    return NotRunning(
        f"app {name!r} has ended",
        hint="start it again on the same journal: nothing acknowledged is lost.",
    )
