"""What can be wrong with the classes of an app, each by itself: its name, its fields, its handlers' hints."""

import inspect
from typing import Any

from actors.aggregate import RESERVED as AGGREGATE_RESERVED
from actors.gateway import HOOKS as GATEWAY_HOOKS
from actors.gateway import RESERVED as GATEWAY_RESERVED
from actors.gateway import Gateway
from actors.handler import Handler, handlers_of, place_of
from actors.hints import HintError, read
from actors.problems import Problems
from actors.states import state_problems


def check_names(classes: list[type[Any]], problems: Problems) -> None:
    """Each has a name of its own, which can stand in an address."""
    seen: dict[str, type[Any]] = {}
    for cls in classes:
        name = cls.__trunkline__.name
        if name in seen:
            problems.add(
                "SameName",
                f"{seen[name].__name__} and {cls.__name__} have the same name {name!r}",
                seen[name].__trunkline__.where,
                cls.__trunkline__.where,
                hint="give one of them another: class X(..., name='...').",
            )
        seen[name] = cls
        if "/" in name or not name.isprintable():
            problems.add("BadName", f"{name!r} can't be a class's name", cls.__trunkline__.where, hint="leave out '/'.")


def check_fields(classes: list[type[Any]], problems: Problems) -> None:
    """An aggregate's fields survive being stored; neither kind uses a name of its base."""
    for cls in classes:
        if not issubclass(cls, Gateway):
            problems += state_problems(cls, AGGREGATE_RESERVED)
            continue
        for name in sorted(GATEWAY_RESERVED):
            value = inspect.getattr_static(cls, name)
            redefined = name not in GATEWAY_HOOKS and value is not inspect.getattr_static(Gateway, name)
            if name in cls.model_fields or isinstance(value, Handler) or redefined:
                problems.add(
                    "ReservedName",
                    f"{cls.__name__}.{name} is a name of Gateway itself",
                    cls.__trunkline__.where,
                    hint="give the setting, or the handler, another name.",
                )


def read_hints(cls: type[Any], namespace: dict[str, Any], problems: Problems) -> bool:
    """Read the hints of a class's handlers, for good. False if some can't be read."""
    gateway = issubclass(cls, Gateway)
    all_read = True
    for handler in handlers_of(cls).values():
        who = f"{cls.__name__}.{handler.name}"
        runs_async = inspect.iscoroutinefunction(handler.function) or inspect.isasyncgenfunction(handler.function)
        if gateway and not inspect.iscoroutinefunction(handler.function):
            problems.add(
                "SyncGateway", f"{who} is not async", handler.where, hint="a gateway's handler is `async def`."
            )
        elif not gateway and runs_async:
            problems.add(
                "AsyncAggregate",
                f"{who} is async, and an aggregate's handler never waits",
                handler.where,
                hint="move what waits into a Gateway, and emit an event for it.",
            )
        names = namespace | handler.namespace
        try:
            if handler.hints is None:
                handler.hints = read(handler.function, names)
            if handler.reconciler is not None and handler.reconcile_hints is None:
                handler.reconcile_hints = read(handler.reconciler, names)
            if handler.giving_up is not None and handler.failed_hints is None:
                handler.failed_hints = read(handler.giving_up, names)
        except HintError as error:
            problems.add(
                "BadHint",
                f"{who}: {error}",
                handler.where,
                hint="def handler(self, event: SomeEvent) -> OtherEvent | None: ...",
            )
            all_read = False
            continue
        _check_timing(cls, handler, problems)
    return all_read


def _check_timing(cls: type[Any], handler: Handler[Any, Any, Any], problems: Problems) -> None:
    """Only gateways state times, only aggregates set timers."""
    gateway = issubclass(cls, Gateway)
    assert handler.hints is not None
    if handler.hints.stated and not gateway:
        problems.add(
            "StatedTime",
            f"{cls.__name__}.{handler.name} returns At[...]: only a gateway states times",
            handler.where,
            hint="what an aggregate emits happens at self.now; return the event itself.",
        )
    for function, hints in (
        (handler.function, handler.hints),
        (handler.reconciler, handler.reconcile_hints),
        (handler.giving_up, handler.failed_hints),
    ):
        if gateway and function is not None and hints is not None and (hints.after or hints.cancels):
            problems.add(
                "GatewayTimer",
                f"{cls.__name__}.{function.__name__} sets a timer: only an aggregate's instance can own one",
                place_of(function),
                hint="emit an event, and let an aggregate return After(...).",
            )
