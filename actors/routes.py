"""Groups of aggregates that share an instance, and which event goes to which instance of them."""

from types import UnionType
from typing import Any, Union, get_args, get_origin
from uuid import UUID

from actors.aggregate import Aggregate
from actors.catalogue import EVERYONE, EventPlan, GatewayHandlerPlan, GatewayPlan, GroupPlan, HandlerPlan, pick
from actors.event import Event
from actors.handler import Handler, KeyOf
from actors.problems import Problems
from actors.states import shared_field_problems


class Routes:
    """What listens to the events of one app, and how each is routed there."""

    def __init__(
        self,
        app: str,
        aggregates: list[type[Aggregate]],
        gateways: dict[str, GatewayPlan],
        events: dict[type[Event], EventPlan],
        problems: Problems,
    ) -> None:
        self._app = app
        self._aggregates = aggregates
        self._gateways = gateways
        self._events = events
        self._problems = problems
        self.groups = self._groups()
        self._listeners()

    def _groups(self) -> dict[str, GroupPlan]:
        members: dict[type[Aggregate], list[type[Aggregate]]] = {}
        for cls in self._aggregates:
            base = cls.__trunkline__.shares
            if base is None:
                members.setdefault(cls, [])
        for cls in self._aggregates:
            base = cls.__trunkline__.shares
            if base is None:
                members[cls].append(cls)
            elif base not in members:
                self._problems.add(
                    "SharesNothing",
                    f"{cls.__name__} shares {base.__name__}, which is not in the app or shares another itself",
                    cls.__trunkline__.where,
                    base.__trunkline__.where,
                    hint=f"App({self._app!r}, ..., {base.__name__}, {cls.__name__}).",
                )
            else:
                members[base].append(cls)
        groups = {}
        for base, classes in members.items():
            ordered = (base, *(c for c in classes if c is not base))
            self._problems += shared_field_problems(ordered)
            in_order = tuple(c for c in self._aggregates if c in ordered)
            name = base.__trunkline__.name
            group = GroupPlan(name, in_order)
            info = base.__trunkline__
            group.placement, group.failures, group.singleton = info.placement, info.failures, info.singleton
            groups[name] = group
        return groups

    def _listeners(self) -> None:
        group_of = {cls: group for group in self.groups.values() for cls in group.classes}
        for event, plan in self._events.items():
            emitting: set[str] = set()
            for cls in self._aggregates:
                handler = self._one(cls, event)
                group = group_of.get(cls)
                if handler is None or group is None:
                    continue
                handler_plan = HandlerPlan(cls, handler, self._events)
                group.add_handler(plan.type, group.classes.index(cls), handler_plan)
                plan.listeners.append(cls.__name__)
                if handler_plan.can_emit:
                    emitting.add(group.name)
                self._route(plan, event, cls, group, handler)
            for name, gateway in self._gateways.items():
                cls_of = type(gateway.gateway)
                handler = self._one(cls_of, event)
                if handler is not None:
                    gateway.handlers[plan.type] = GatewayHandlerPlan(cls_of, handler, self._events)
                    plan.listeners.append(cls_of.__name__)
                    plan.add_route(name, None, None)
                    emitting.add(name)
            plan.emitting = len(emitting)

    def _one(self, cls: type[Any], event: type[Event]) -> Handler[Any, Any, Any] | None:
        found = pick(cls, event)
        if len(found) > 1:
            self._problems.add(
                "TwoHandlers",
                f"{cls.__name__}.{found[0].name} and {cls.__name__}.{found[1].name} both listen to {event.__name__}",
                found[0].where,
                found[1].where,
                hint="make them one handler, or let one listen to a more specific event.",
            )
        return found[0] if found else None

    def _route(
        self,
        plan: EventPlan,
        event: type[Event],
        cls: type[Aggregate],
        group: GroupPlan,
        handler: Handler[Any, Any, Any],
    ) -> None:
        key, fixed = routed_by(cls, handler, event)
        if fixed is not None:
            plan.add_route(group.name, None, fixed)
            return
        who = f"{cls.__name__}.{handler.name}"
        if key is None:
            self._problems.add(
                "UnroutableKey",
                f"{who} listens to {event.__name__}, and nothing says to which {cls.__name__} it goes",
                handler.where,
                event.__trunkline__.where,
                hint=f"class {cls.__name__}(Aggregate, key='...'), or singleton=True, or @on(key=...).",
            )
            return
        if isinstance(key, str):
            field = event.model_fields.get(key)
            if field is None:
                self._problems.add(
                    "UnroutableKey",
                    f"{who} listens to {event.__name__}, which has no field {key!r} to route by",
                    handler.where,
                    event.__trunkline__.where,
                    hint=f"@on(key=...) names another field of {event.__name__}; or give the event the field; or "
                    f"declare class {event.__name__}(Event, broadcast=True).",
                )
                return
            if not _can_be_key(field.annotation):
                kind = getattr(field.annotation, "__name__", field.annotation)
                self._problems.add(
                    "UnroutableKey",
                    f"{who} routes {event.__name__} by {key!r}, which is a {kind}",
                    handler.where,
                    event.__trunkline__.where,
                    hint="a key is a str, an int or a UUID; @on(key=function) makes one of anything.",
                )
                return
        plan.add_route(group.name, key, None)


def routed_by(
    cls: type[Aggregate], handler: Handler[Any, Any, Any], event: type[Event]
) -> tuple[KeyOf | None, str | None]:
    """Which instance of a class gets an event: the field or function that says it, or the key that is always the same.

    Neither: nothing says it.
    """
    info = cls.__trunkline__
    base = info.shares.__trunkline__ if info.shares is not None else info
    if handler.key is None and base.singleton:
        return None, base.name
    if handler.key is None and event.__trunkline__.broadcast:
        return None, EVERYONE
    return handler.key or info.key or base.key, None


def _can_be_key(annotation: Any) -> bool:
    parts = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    return any(not isinstance(p, type) or (issubclass(p, str | int | UUID) and p is not bool) for p in parts)
