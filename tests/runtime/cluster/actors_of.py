"""An app's Ray actors, as Ray has them written down; and which of them have which instances."""

import time
from typing import Any, NamedTuple

import ray
from ray.core.generated.gcs_pb2 import ActorTableData  # type: ignore[attr-defined]
from ray.util.state import list_actors

from actors import App
from runtime import Runtime
from tests.processes import PATIENCE


class RayActor(NamedTuple):
    """What is told of one."""

    name: str
    cls: str
    pid: int
    detached: bool
    resources: dict[str, float]
    max_restarts: int


def actors_of(app: App) -> list[RayActor]:
    """Those that live, by name: what `ray list actors` shows, and what it does not."""
    accessor: Any = ray._private.state.state._connect_and_get_accessor()
    listed: Any = list_actors(
        # Other clusters may run on this machine.
        address=ray.get_runtime_context().gcs_address,
        filters=[("ray_namespace", "=", f"trunkline-{app.name}")],
        detail=True,
        limit=1000,
    )
    found = []
    for a in listed:
        if a.state == "ALIVE":
            row = ActorTableData.FromString(accessor.get_actor_info(ray.ActorID.from_hex(a.actor_id)))
            found.append(RayActor(a.name, a.class_name, a.pid, a.is_detached, a.required_resources, row.max_restarts))
    return sorted(found, key=lambda actor: actor.name)


def wait_for_another(rt: Runtime, name: str, pid: int) -> int:
    """Wait until an actor whose process has died has another; its id."""
    until = time.monotonic() + PATIENCE
    while True:
        found = rt.processes().get(name, pid)
        if found != pid:
            return found
        assert time.monotonic() < until, f"{name} is not back"


def wait_for_own_hosts(rt: Runtime, *addresses: str) -> None:
    """Wait until these instances, or all that are in memory, are on hosts of their own."""
    until = time.monotonic() + PATIENCE
    while True:
        where = {address: host for host, held in rt.status()["where"].items() for address in held}
        shared = [address for address in addresses or where if where.get(address) != address]
        if not shared:
            return
        assert time.monotonic() < until, f"still on a host that they share: {shared}"
