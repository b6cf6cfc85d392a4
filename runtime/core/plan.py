"""What a router must know of an app: names, placements and gateway settings, and none of its code."""

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from actors.app import App

Placement = Literal["sharded", "dedicated"]


class GroupInfo(NamedTuple):
    """A group of aggregates that share an instance (mostly one class)."""

    name: str
    placement: Placement
    failures: Literal["hold", "skip"]
    emits: bool
    """Some handler of it can emit."""


class HandlerInfo(NamedTuple):
    """How a gateway's handler is to be called."""

    retries: int
    """Attempts after the first."""
    timeout: float
    """Seconds; past it the outcome is unknown."""
    idempotent: bool
    reconcile: bool
    failed: bool


class GatewayInfo(NamedTuple):
    """A gateway: its bounds over the whole app, and its handlers by event type."""

    name: str
    concurrency: int
    per_second: float | None
    handlers: dict[str, HandlerInfo]


class CellPlan(NamedTuple):
    """All of it."""

    partitions: int
    groups: dict[str, GroupInfo]
    gateways: dict[str, GatewayInfo]
    journal: str = ""
    """The identity of the journal that the router works on."""


def cell_plan(app: "App", partitions: int, placement: Placement | None = None) -> CellPlan:
    """The plan of an app. `placement` overrides what the classes say."""
    catalogue = app.catalogue
    groups = {
        name: GroupInfo(name, placement or group.placement or "sharded", group.failures, group.can_emit)
        for name, group in catalogue.groups.items()
    }
    gateways = {}
    for name, gateway in catalogue.gateways.items():
        handlers = {}
        for event_type, handler in gateway.handlers.items():
            handlers[event_type] = HandlerInfo(
                handler.retries,
                handler.timeout,
                handler.idempotent,
                handler.reconcile is not None,
                handler.failed is not None,
            )
        gateways[name] = GatewayInfo(name, gateway.concurrency, gateway.per_second, handlers)
    return CellPlan(partitions, groups, gateways)
