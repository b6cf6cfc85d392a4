"""Start an app's processes, find those of a running app, end them."""

import contextlib
import os
import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

import ray
import ray.exceptions
import ray.util

from actors.app import App
from actors.errors import TrunklineError
from runtime.core.limits import Limits
from runtime.core.plan import Placement, cell_plan
from runtime.core.supervisor import begin
from runtime.errors import AlreadyRunning, CodeError, NotRunning, StartFailed
from runtime.journal import JournalInfo, lock_journal, open_journal
from runtime.journal.place import MEMORY, PARTITIONS, absolute
from runtime.shells.clock import SECOND, Clock, RealClock
from runtime.shells.code import can_go_by_value, dump_app, forget_code, keep_code
from runtime.shells.folders import ROUTER, new_folder
from runtime.shells.processes import on_this_node
from runtime.shells.router import RouterConfig
from runtime.shells.supervising import Supervisor
from runtime.shells.supervisor import SupervisorConfig

Lifetime = Literal["driver", "detached"]
Where = dict[str, Any]
Progress = Callable[[str], None]

START_TIMEOUT = 120.0
STOP_TIMEOUT = 60
"""Seconds that an app has to end in order."""


def namespace_of(app: str) -> str:
    """The Ray namespace of an app's actors."""
    return f"trunkline-{app}"


def find(app: str) -> Any:
    """The supervisor of a running app.

    Raises:
        NotRunning: there is none on this cluster.
    """
    try:
        return ray.get_actor(f"{app}:Supervisor", namespace=namespace_of(app))
    except ValueError as error:
        raise NotRunning(
            f"no app {app!r} runs on the Ray cluster at {ray.get_runtime_context().gcs_address}",
            hint="start it: Runtime.start(app), with lifetime='detached' if it is to outlive its driver; "
            "or name its cluster: address=.",
        ) from error


def make_ready(place: str, app: App, partitions: int, now: int) -> JournalInfo:
    """Make the journal if need be, and keep that a life of the app begins; what the journal says of itself.

    Raises:
        JournalError: it can't be used.
    """
    journal = open_journal(place, app=app.name, partitions=partitions, schema_hash=app.catalogue.schema_hash, now=now)
    try:
        reader = journal.reader()
        try:
            begun = begin(app.schedules, journal.info.begun, reader.schedules(), now)
        finally:
            reader.close()
        if tuple(sorted(begun)) != journal.info.begun:
            journal.begin(begun)
        return journal.info
    finally:
        journal.close()


def start_app(
    app: App,
    journal: str,
    *,
    lifetime: Lifetime = "driver",
    placement: Placement | None = None,
    partitions: int | None = None,
    clock: Clock | None = None,
    limits: Limits | None = None,
    run_on: bool = True,
    turn_limit: float = 30.0,
    patience: float = 10.0,
    progress: Progress = lambda step: None,
) -> tuple[Any, Where]:
    """Start an app's supervisor and wait until every process is up; give the supervisor and where it is.

    Raises:
        AlreadyRunning: the app runs on this cluster, or another process uses its journal.
        CodeError: the app's code can't be loaded where it is to run, or is another one there.
        JournalError: the journal can't be used.
        StartFailed: a process did not come up.
    """
    clock = clock or RealClock()
    namespace = namespace_of(app.name)
    try:
        ray.get_actor(f"{app.name}:Supervisor", namespace=namespace)
    except ValueError:
        pass
    else:
        raise AlreadyRunning(
            f"app {app.name!r} runs on this Ray cluster already",
            hint=f"Runtime.attach({app.name!r}) joins it; or stop it first.",
        )
    place = absolute(journal)
    wanted = partitions or PARTITIONS
    identity = ""
    if place != MEMORY:
        # Seen here first, in the process of whoever can read the error.
        lock = lock_journal(place, app.name)
        try:
            info = make_ready(place, app, wanted, clock.now())
            wanted, identity = info.partitions, info.identity
        finally:
            lock.release()
    limits = limits or Limits()
    limits = replace(limits, hosts=max(limits.hosts, 1))
    second = clock.wait(SECOND)
    if second > 0:
        limits = limits.at_pace(1 / second)
    folder = new_folder()
    router = RouterConfig(
        app.name,
        place,
        app.catalogue.schema_hash,
        cell_plan(app, wanted, placement),
        limits,
        clock,
        os.path.join(folder, ROUTER),
        secrets.token_hex(16),
        patience,
        identity,
    )
    by_value: frozenset[str] = frozenset()
    while True:
        code = keep_code(app.name, dump_app(app, by_value))
        try:
            return _start(SupervisorConfig(router, code, namespace, folder, lifetime, 1, run_on, turn_limit), progress)
        except BaseException as error:
            forget_code(code)
            if not isinstance(error, CodeError):
                raise
            # Each round finds one module more; usually there is none, or one.
            if error.module in by_value or not can_go_by_value(error.module):
                raise
            by_value |= {error.module}


def _start(config: SupervisorConfig, progress: Progress) -> tuple[Any, Where]:
    name = config.router.app
    progress("starting the supervisor")
    actor_class: Any = Supervisor
    supervisor = actor_class.options(
        name=f"{name}:Supervisor",
        namespace=config.namespace,
        lifetime="detached",
        num_cpus=0,
        max_restarts=-1,
        max_concurrency=1000,
        scheduling_strategy=on_this_node(),
    ).remote(config)
    try:
        progress("starting router, hosts and gateways")
        errors = ray.get(supervisor.wait_ready.remote(), timeout=START_TIMEOUT)
        where = ray.get(supervisor.where.remote(), timeout=START_TIMEOUT)
    except ray.exceptions.RayTaskError as error:
        stop_app(name, supervisor)
        raise _not_up("the supervisor", name, error.cause) from None
    except (ray.exceptions.RayError, TimeoutError) as error:
        stop_app(name, supervisor)
        raise _not_up("the supervisor", name, error) from error
    except BaseException:
        stop_app(name, supervisor)
        raise
    if errors:
        stop_app(name, supervisor)
        raise _not_up(*next((process, name, cause) for process, cause in errors.items())) from None
    return supervisor, where


def _not_up(process: str, app: str, cause: BaseException) -> TrunklineError:
    """What to raise: what one of our errors says is enough, without the stacks of the process that it is from."""
    if isinstance(cause, TrunklineError):
        return cause
    return StartFailed(
        f"{process} of app {app!r} did not come up: {type(cause).__name__}: {cause}",
        hint="the processes' own words are in Ray's logs.",
    )


def stop_app(name: str, supervisor: Any, lost: Callable[[], bool] = lambda: False) -> bool:
    """End an app's processes, in order, and see that they are gone. False: the node was `lost`; nobody can be asked."""
    with contextlib.suppress(ray.exceptions.RayError):
        stopping = supervisor.stop.remote()
        for _ in range(STOP_TIMEOUT):
            if ray.wait([stopping], timeout=1)[0]:
                break
            if lost():
                return False
    try:
        supervisor.leave.remote()
        ray.kill(supervisor, no_restart=True)
    except (ray.exceptions.RayError, ValueError):
        pass
    # What it did not know of, or could not end: a spare that was just starting; all, if it could not begin again.
    namespace = namespace_of(name)
    with contextlib.suppress(ray.exceptions.RayError):
        named: list[Any] = list(ray.util.list_named_actors(all_namespaces=True))
        for actor in named:
            if actor["namespace"] == namespace:
                with contextlib.suppress(ray.exceptions.RayError, ValueError):
                    ray.kill(ray.get_actor(actor["name"], namespace=namespace), no_restart=True)
    return True
