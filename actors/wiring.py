"""Build the catalogue, and find every mistake in the wiring before anything runs."""

import inspect
from collections.abc import Sequence
from types import UnionType
from typing import Any, Union, get_args, get_origin
from uuid import UUID

from actors.aggregate import RESERVED as AGGREGATE_RESERVED
from actors.aggregate import Aggregate
from actors.catalogue import (
    EVERYONE,
    Catalogue,
    EventPlan,
    GatewayHandlerPlan,
    GatewayPlan,
    GroupPlan,
    HandlerPlan,
    pick,
)
from actors.cycles import undeclared_cycles
from actors.errors import WiringError, WiringProblem
from actors.event import ChainHalted, Event
from actors.gateway import HOOKS as GATEWAY_HOOKS
from actors.gateway import RESERVED as GATEWAY_RESERVED
from actors.gateway import Gateway
from actors.handler import Handler, KeyOf, handlers_of, place_of
from actors.hints import HintError, read
from actors.schedule import Schedule
from actors.states import shared_field_problems, state_problems

Part = type[Aggregate] | Gateway


class Wiring:
    """One reading of an app's classes."""

    def __init__(
        self,
        name: str,
        parts: Sequence[Part],
        schedules: Sequence[Schedule],
        namespace: dict[str, Any],
        aliases: dict[str, str],
        problems: Sequence[WiringProblem] = (),
    ) -> None:
        self.name = name
        self.aggregates = [p for p in parts if isinstance(p, type)]
        self.gateways = [p for p in parts if isinstance(p, Gateway)]
        self.aliases = aliases
        self.schedules = schedules
        self.namespace = namespace
        self.problems = list(problems)
        self.unread = False
        """Some hints can't be read: who emits what is not fully known."""
        self.events: dict[type[Event], EventPlan] = {}

    def problem(self, kind: str, message: str, *places: str, hint: str) -> None:
        self.problems.append(WiringProblem(kind, message, places, hint=hint))

    def build(self) -> Catalogue:
        """The catalogue.

        Raises:
            WiringError: with every problem that was found.
        """
        self._names()
        for part in self._classes():
            self._read_hints(part)
        self._collect_events()
        self._owners()
        groups = self._groups()
        gateways = {self._gateway_name(g): GatewayPlan(g, self._gateway_name(g)) for g in self.gateways}
        self._listeners(groups, gateways)
        self.problems += undeclared_cycles(self._classes(), self.events)
        if self.problems:
            raise WiringError(self.name, tuple(self.problems))
        return Catalogue({plan.type: plan for plan in self.events.values()}, groups, gateways)

    def _gateway_name(self, gateway: Gateway) -> str:
        """A replacement stands under the name of what it replaces."""
        name = gateway.__trunkline__.name
        return self.aliases.get(name, name)

    def _classes(self) -> list[type[Any]]:
        return [*self.aggregates, *(type(g) for g in self.gateways)]

    # ------------------------------------------------------------ classes

    def _names(self) -> None:
        seen: dict[str, type[Any]] = {}
        for cls in self._classes():
            name = cls.__trunkline__.name
            if name in seen:
                self.problem(
                    "SameName",
                    f"{seen[name].__name__} and {cls.__name__} have the same name {name!r}",
                    seen[name].__trunkline__.where,
                    cls.__trunkline__.where,
                    hint="give one of them another: class X(..., name='...').",
                )
            seen[name] = cls
            if "/" in name or not name.isprintable():
                self.problem(
                    "BadName", f"{name!r} can't be a class's name", cls.__trunkline__.where, hint="leave out '/'."
                )
        for cls in self.aggregates:
            self.problems += state_problems(cls, AGGREGATE_RESERVED)
        for gateway in self.gateways:
            cls = type(gateway)
            for name in sorted(GATEWAY_RESERVED):
                value = inspect.getattr_static(cls, name)
                redefined = name not in GATEWAY_HOOKS and value is not inspect.getattr_static(Gateway, name)
                if name in cls.model_fields or isinstance(value, Handler) or redefined:
                    self.problem(
                        "ReservedName",
                        f"{cls.__name__}.{name} is a name of Gateway itself",
                        cls.__trunkline__.where,
                        hint="give the setting, or the handler, another name.",
                    )

    def _read_hints(self, cls: type[Any]) -> None:
        gateway = issubclass(cls, Gateway)
        for handler in handlers_of(cls).values():
            who = f"{cls.__name__}.{handler.name}"
            runs_async = inspect.iscoroutinefunction(handler.function) or inspect.isasyncgenfunction(handler.function)
            if gateway and not inspect.iscoroutinefunction(handler.function):
                self.problem(
                    "SyncGateway", f"{who} is not async", handler.where, hint="a gateway's handler is `async def`."
                )
            elif not gateway and runs_async:
                self.problem(
                    "AsyncAggregate",
                    f"{who} is async, and an aggregate's handler never waits",
                    handler.where,
                    hint="move what waits into a Gateway, and emit an event for it.",
                )
            namespace = self.namespace | handler.namespace
            try:
                if handler.hints is None:
                    handler.hints = read(handler.function, namespace)
                if handler.reconciler is not None and handler.reconcile_hints is None:
                    handler.reconcile_hints = read(handler.reconciler, namespace)
                if handler.giving_up is not None and handler.failed_hints is None:
                    handler.failed_hints = read(handler.giving_up, namespace)
            except HintError as error:
                self.problem(
                    "BadHint",
                    f"{who}: {error}",
                    handler.where,
                    hint="def handler(self, event: SomeEvent) -> OtherEvent | None: ...",
                )
                self.unread = True
                continue
            if handler.hints.stated and not gateway:
                self.problem(
                    "StatedTime",
                    f"{who} returns At[...]: only a gateway states times",
                    handler.where,
                    hint="what an aggregate emits happens at self.now; return the event itself.",
                )
            for function, hints in (
                (handler.function, handler.hints),
                (handler.reconciler, handler.reconcile_hints),
                (handler.giving_up, handler.failed_hints),
            ):
                if gateway and function is not None and hints is not None and (hints.after or hints.cancels):
                    self.problem(
                        "GatewayTimer",
                        f"{cls.__name__}.{function.__name__} sets a timer: only an aggregate's instance can own one",
                        place_of(function),
                        hint="emit an event, and let an aggregate return After(...).",
                    )

    # ------------------------------------------------------------ events

    def _emitted(self, cls: type[Any]) -> list[tuple[type[Event], Handler[Any, Any, Any]]]:
        found = []
        for handler in handlers_of(cls).values():
            for hints in (handler.hints, handler.reconcile_hints, handler.failed_hints):
                if hints is not None:
                    found += [(event, handler) for event in (*hints.emits, *hints.after)]
        return found

    def _collect_events(self) -> None:
        classes = self._classes()
        found: dict[type[Event], None] = {}
        heard: list[tuple[type[Event], str, Handler[Any, Any, Any]]] = []
        for cls in classes:
            for event, _ in self._emitted(cls):
                found[event] = None
            for handler in handlers_of(cls).values():
                if handler.hints is not None:
                    heard += [(event, f"{cls.__name__}.{handler.name}", handler) for event in handler.hints.listens]
        for schedule in self.schedules:
            found[schedule.event_class] = None
        found[ChainHalted] = None
        for event, _, _ in heard:
            for kind in (event, *_subclasses(event)):
                if kind.__trunkline__.origin:
                    found[kind] = None
        for event, who, handler in heard:
            if not self.unread and not any(issubclass(known, event) for known in found):
                self.problem(
                    "ListenerOfNothing",
                    f"{who} listens to {event.__name__}, which nobody emits",
                    handler.where,
                    event.__trunkline__.where,
                    hint=f"let a handler emit {event.__name__}, or publish it from outside: "
                    f"class {event.__name__}(Event, origin=True).",
                )
        by_type: dict[str, type[Event]] = {}
        for event in found:
            name = event.__trunkline__.name
            if name in by_type:
                self.problem(
                    "SameWireType",
                    f"{by_type[name].__name__} and {event.__name__} are both {name!r} on the wire",
                    by_type[name].__trunkline__.where,
                    event.__trunkline__.where,
                    hint="give one of them another: class X(Event, name='...').",
                )
            by_type[name] = event
            self.events[event] = EventPlan(event)

    def _owners(self) -> None:
        owners: dict[type[Event], tuple[type[Any], Handler[Any, Any, Any]]] = {}
        for cls in self._classes():
            for event, handler in self._emitted(cls):
                who = f"{cls.__name__}.{handler.name}"
                if event.__trunkline__.origin:
                    self.problem(
                        "EmitsOrigin",
                        f"{who} emits {event.__name__}, which comes from outside (origin=True)",
                        handler.where,
                        event.__trunkline__.where,
                        hint="emit an event of its own, or take origin=True away.",
                    )
                    continue
                first = owners.setdefault(event, (cls, handler))
                if first[0] is not cls and not any(
                    p.kind == "TwoOwners" and p.places == (first[1].where, handler.where) for p in self.problems
                ):
                    self.problem(
                        "TwoOwners",
                        f"{event.__name__} has two owners, {first[0].__name__}.{first[1].name} and {who}",
                        first[1].where,
                        handler.where,
                        hint="let one of them emit it and the other listen to it.",
                    )
                self.events[event].owner = first[0].__name__
        for cls in self._classes():
            for handler in handlers_of(cls).values():
                own = {e for h in handlers_of(cls).values() if h.hints is not None for e in h.hints.after}
                for event in handler.hints.cancels if handler.hints is not None else ():
                    if event not in own and not self.unread:
                        self.problem(
                            "Unowned",
                            f"{cls.__name__}.{handler.name} cancels {event.__name__}, for which {cls.__name__} "
                            "sets no timer",
                            handler.where,
                            event.__trunkline__.where,
                            hint=f"a timer belongs to the class that sets it: return After({event.__name__}(...)) "
                            f"from a handler of {cls.__name__}, or let its owner cancel it.",
                        )

    # ------------------------------------------------------------ groups and routes

    def _groups(self) -> dict[str, GroupPlan]:
        members: dict[type[Aggregate], list[type[Aggregate]]] = {}
        for cls in self.aggregates:
            base = cls.__trunkline__.shares
            if base is None:
                members.setdefault(cls, [])
        for cls in self.aggregates:
            base = cls.__trunkline__.shares
            if base is None:
                members[cls].append(cls)
            elif base not in members:
                self.problem(
                    "SharesNothing",
                    f"{cls.__name__} shares {base.__name__}, which is not in the app or shares another itself",
                    cls.__trunkline__.where,
                    base.__trunkline__.where,
                    hint=f"App({self.name!r}, ..., {base.__name__}, {cls.__name__}).",
                )
            else:
                members[base].append(cls)
        groups = {}
        for base, classes in members.items():
            ordered = (base, *(c for c in classes if c is not base))
            self.problems += shared_field_problems(ordered)
            in_order = tuple(c for c in self.aggregates if c in ordered)
            name = base.__trunkline__.name
            group = GroupPlan(name, in_order)
            info = base.__trunkline__
            group.placement, group.failures, group.singleton = info.placement, info.failures, info.singleton
            groups[name] = group
        return groups

    def _listeners(self, groups: dict[str, GroupPlan], gateways: dict[str, GatewayPlan]) -> None:
        group_of = {cls: group for group in groups.values() for cls in group.classes}
        for event, plan in self.events.items():
            emitting: set[str] = set()
            for cls in self.aggregates:
                handler = self._one(cls, event)
                group = group_of.get(cls)
                if handler is None or group is None:
                    continue
                handler_plan = HandlerPlan(cls, handler, self.events)
                group.add_handler(plan.type, group.classes.index(cls), handler_plan)
                plan.listeners.append(cls.__name__)
                if handler_plan.can_emit:
                    emitting.add(group.name)
                self._route(plan, event, cls, group, handler)
            for gateway in self.gateways:
                handler = self._one(type(gateway), event)
                if handler is not None:
                    name = self._gateway_name(gateway)
                    gateway_plan = GatewayHandlerPlan(type(gateway), handler, self.events)
                    gateways[name].handlers[plan.type] = gateway_plan
                    plan.listeners.append(type(gateway).__name__)
                    plan.add_route(name, None, None)
                    emitting.add(name)
            plan.emitting = len(emitting)

    def _one(self, cls: type[Any], event: type[Event]) -> Handler[Any, Any, Any] | None:
        found = pick(cls, event)
        if len(found) > 1:
            self.problem(
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
        info = cls.__trunkline__
        base = info.shares.__trunkline__ if info.shares is not None else info
        if base.singleton and handler.key is None:
            plan.add_route(group.name, None, group.name)
            return
        if plan.broadcast and handler.key is None:
            plan.add_route(group.name, None, EVERYONE)
            return
        key: KeyOf | None = handler.key or info.key or base.key
        who = f"{cls.__name__}.{handler.name}"
        if key is None:
            self.problem(
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
                self.problem(
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
                self.problem(
                    "UnroutableKey",
                    f"{who} routes {event.__name__} by {key!r}, which is a {kind}",
                    handler.where,
                    event.__trunkline__.where,
                    hint="a key is a str, an int or a UUID; @on(key=function) makes one of anything.",
                )
                return
        plan.add_route(group.name, key, None)


def _can_be_key(annotation: Any) -> bool:
    parts = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    return any(not isinstance(p, type) or (issubclass(p, str | int | UUID) and p is not bool) for p in parts)


def _subclasses(cls: type[Event]) -> list[type[Event]]:
    found: list[type[Event]] = []
    for sub in cls.__subclasses__():
        found += [sub, *_subclasses(sub)]
    return found


__all__ = ["Part", "Wiring", "place_of"]
