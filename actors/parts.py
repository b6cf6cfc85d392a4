"""What can be wrong with the classes of an app, each by itself: its name, its fields, its handlers' hints."""

import inspect
import re
from typing import Any

from actors.aggregate import RESERVED as AGGREGATE_RESERVED
from actors.gateway import HOOKS as GATEWAY_HOOKS
from actors.gateway import RESERVED as GATEWAY_RESERVED
from actors.gateway import Gateway
from actors.handler import Handler, handlers_of, place_of, uncalled, unfilled
from actors.hints import RIGHT, HintError, hears, read
from actors.problems import Problems
from actors.states import state_problems

NAME_HINT = "letters, digits, '_', '-' and '.', as in name='billing.Wallet'."


def can_be_name(name: str) -> bool:
    """It can stand in an address, a wire type or an idempotency key, and is none of the runtime's own."""
    return re.fullmatch(r"[\w.\-]+", name) is not None and not name.startswith("trunkline.")


def check_names(classes: list[type[Any]], problems: Problems) -> None:
    """Each has a name of its own, which can stand in an address."""
    seen: dict[str, type[Any]] = {}
    for cls in classes:
        name = cls.__trunkline__.name
        if seen.get(name) is cls:
            two = "; gateways of different settings are of two classes." if issubclass(cls, Gateway) else "."
            where = cls.__trunkline__.where
            problems.add("GivenTwice", f"{cls.__name__} is given twice", where, hint=f"leave one out{two}")
            continue
        if name in seen:
            problems.add(
                "SameName",
                f"{seen[name].__name__} and {cls.__name__} have the same name {name!r}",
                seen[name].__trunkline__.where,
                cls.__trunkline__.where,
                hint="give one of them another: class X(..., name='...').",
            )
        seen[name] = cls
        if not can_be_name(name):
            problems.add("BadName", f"{name!r} can't be a class's name", cls.__trunkline__.where, hint=NAME_HINT)


def check_arguments(cls: type[Any], problems: Problems) -> None:
    """What the class statement and each `@on` say has a meaning, and takes effect."""
    info = cls.__trunkline__
    name = cls.__name__
    gateway = issubclass(cls, Gateway)

    def wrong(message: str, *places: str, hint: str) -> None:
        problems.add("BadArgument", message, *places, hint=hint)

    if gateway:
        if not info.concurrency >= 1:
            wrong(f"{name} has concurrency={info.concurrency}: no call could start", info.where, hint="1 or more.")
        if info.per_second is not None and not info.per_second > 0:
            wrong(f"{name} has per_second={info.per_second}: no call could start", info.where, hint="above 0, or None.")
    else:
        for argument, value, known in (
            ("failures", info.failures, ("hold", "skip")),
            ("placement", info.placement, ("sharded", "dedicated", None)),
        ):
            if value not in known:
                says = " or ".join(repr(one) for one in known if one is not None)
                wrong(f"{name} has {argument}={value!r}, which means nothing", info.where, hint=f"{says}.")
        if info.singleton and info.key is not None:
            wrong(f"{name} has one instance, and a key for many", info.where, hint="either singleton=True or key=...")
        if info.shares is not None and (info.singleton, info.failures, info.placement) != (False, "hold", None):
            base = info.shares
            wrong(
                f"{name} shares the instances of {base.__name__}, and has its own singleton, failures or placement",
                info.where,
                base.__trunkline__.where,
                hint=f"say it of {base.__name__}, whose instances they are.",
            )
    for handler in handlers_of(cls).values():
        who = f"{name}.{handler.name}"
        if handler.max_hops is not None and not handler.max_hops >= 1:
            wrong(f"{who} has max_hops={handler.max_hops}: it could emit nothing", handler.where, hint="1 or more.")
        if gateway and handler.key is not None:
            wrong(f"{who} has a key=, and a gateway has no instances", handler.where, hint="leave it out.")
        elif gateway and not (handler.retries >= 0 and handler.timeout > 0):
            said = f"retries={handler.retries}, timeout={handler.timeout}"
            wrong(f"{who} has {said}: it could not be called", handler.where, hint="retries from 0, a timeout above 0.")
        elif not gateway and handler.says_how_to_call:
            wrong(
                f"{who} has retries=, timeout= or idempotent=, which are of gateways",
                handler.where,
                hint="leave them out: a turn has no outcome but its state and events.",
            )
        elif not gateway and (handler.reconciler is not None or handler.giving_up is not None):
            wrong(
                f"{who} has a reconcile or a failed, which are of gateways",
                handler.where,
                hint="a turn that raises is a dead letter; what may fail stands in a Gateway.",
            )


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


def check_some_handler(classes: list[type[Any]], namespace: dict[str, Any], problems: Problems) -> None:
    """Each has a handler, or lives in the instances of a class that has: its state may be of use to that."""
    alive = {_home(cls) for cls in classes if handlers_of(cls)}
    for cls in classes:
        forgot = any(hears(method, namespace) for _, method in uncalled(cls))  # Told by check_handlers.
        if _home(cls) not in alive and not forgot:
            problems.add(
                "NoHandler",
                f"{cls.__name__} has no handler: no event would come to it",
                cls.__trunkline__.where,
                hint=f"put @on above a method of it that takes an event, or leave {cls.__name__} out of the app.",
            )


def _home(cls: type[Any]) -> type[Any]:
    """The class in whose instances it lives: mostly itself."""
    return getattr(cls.__trunkline__, "shares", None) or cls


def check_handlers(cls: type[Any], namespace: dict[str, Any], problems: Problems) -> None:
    """No method is meant as a handler and is none, none is lost to another of its name or wants what nobody gives."""
    for handler in handlers_of(cls).values():
        wanted = ", ".join(unfilled(handler.function))
        if wanted:
            problems.add(
                "BadParameter",
                f"{cls.__name__}.{handler.name} wants {wanted}, and is called with an event alone",
                handler.where,
                hint="take it from the event or from self, or give it a default.",
            )
        if handler.hides:
            problems.add(
                "SameName",
                f"{cls.__name__} has two handlers {handler.name!r}, and the second replaces the first",
                handler.hides,
                handler.where,
                hint="give one of them another name.",
            )
    for name, method in uncalled(cls):
        if hears(method, namespace):
            problems.add(
                "NoHandler",
                f"{cls.__name__}.{name} takes an event, and has no @on: nothing would call it",
                place_of(method),
                hint=f"put @on above it; if it is called from elsewhere, name it _{name}.",
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
        local = handler.namespace
        try:
            if handler.hints is None:
                handler.hints = read(handler.function, local, namespace)
            if handler.reconciler is not None and handler.reconcile_hints is None:
                handler.reconcile_hints = read(handler.reconciler, local, namespace)
            if handler.giving_up is not None and handler.failed_hints is None:
                handler.failed_hints = read(handler.giving_up, local, namespace)
        except HintError as error:
            problems.add(
                "BadHint",
                f"{who}: {error}",
                handler.where,
                hint=RIGHT,
            )
            all_read = False
            continue
        _check_timing(cls, handler, problems)
        if gateway:
            _check_outcomes(cls, handler, problems)
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


def _check_outcomes(cls: type[Any], handler: Handler[Any, Any, Any], problems: Problems) -> None:
    """A `reconcile` and a `failed` can be called with every event that the handler hears."""
    assert handler.hints is not None
    for function, hints, parameters in (
        (handler.reconciler, handler.reconcile_hints, "event: {}"),
        (handler.giving_up, handler.failed_hints, "event: {}, error: Exception"),
    ):
        if function is None or hints is None:
            continue
        who = f"{cls.__name__}.{function.__name__}"
        heard = " | ".join(event.__name__ for event in handler.hints.listens)
        right = f"async def {function.__name__}(self, {parameters.format(heard)}) -> ..."
        if not inspect.iscoroutinefunction(function):
            problems.add("SyncGateway", f"{who} is not async", place_of(function), hint=right)
        wanted = 1 + len(parameters.split(", "))
        callable_so = function.__code__.co_argcount >= wanted and not unfilled(function, wanted)
        if not callable_so or not all(issubclass(event, hints.listens) for event in handler.hints.listens):
            problems.add(
                "BadHint",
                f"{who} can't take what {cls.__name__}.{handler.name} hears",
                place_of(function),
                handler.where,
                hint=right,
            )
