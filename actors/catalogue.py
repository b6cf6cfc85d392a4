"""The catalogue: who owns which event, who listens, which instance it goes to. Made once, by `App`.

The plans here are what a turn and the runtime work from: everything about a class that can be known beforehand is known
here, and nothing is inspected while events flow.
"""

import json
from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import Any, Literal
from uuid import UUID

from pydantic import TypeAdapter

from actors.aggregate import Aggregate
from actors.errors import BadKey, EventRejected
from actors.event import Event
from actors.gateway import Gateway
from actors.handler import Handler, KeyOf, handlers_of, names_in, place_of

EVERYONE = "\0"
"""The key of a target that is every live instance of the group: none that an event could hold."""

Route = tuple[str, str | None]
"""(group, key) of an aggregate, (gateway, None) of a gateway."""


def plain_key(key: Any) -> str | None:
    """A key as text. None: it is no str, int or UUID, or is empty, or holds control characters."""
    if isinstance(key, str):
        # Of a subclass (an enum, say) the text that it is, not the one that it prints.
        text = str.__str__(key)
        return text if text and text.isprintable() else None
    if isinstance(key, UUID):
        return str(key)
    if isinstance(key, int) and type(key) is not bool:
        return str(int(key))
    return None


def key_text(key: Any, group: str, event: Event) -> str:
    """A routing key as text.

    Raises:
        BadKey: it is no str, int or UUID, or is empty, or holds control characters.
    """
    text = plain_key(key)
    if text is not None:
        return text
    raise BadKey(
        f"{key!r} can't route {type(event).__name__} to a {group}: a key is a str, an int or a UUID, not empty, "
        "without control characters",
        hint=f"give the event another key, or {group} another @on(key=...).",
    )


class EventPlan:
    """One event type: its class, owner, listeners and routes."""

    __slots__ = ("_routes", "broadcast", "cls", "emitting", "listeners", "origin", "owner", "routes", "type", "version")

    def __init__(self, cls: type[Event]) -> None:
        info = cls.__trunkline__
        self.cls = cls
        self.type = info.name
        self.version = info.version
        self.origin = info.origin
        self.broadcast = info.broadcast
        self.owner: str | None = None
        self.listeners: list[str] = []
        """Classes that listen, in App's order."""
        self.emitting = 0
        """Deliveries whose handlers can emit: among them an origin's budget is divided."""
        self.routes: list[tuple[str, KeyOf | None, str | None]] = []
        """(group or gateway, field or function that gives the key, key that is always the same), in App's order."""
        self._routes: list[tuple[str, Callable[[Any], Any] | None, str | None]] = []

    def add_route(self, group: str, key: KeyOf | None, fixed: str | None) -> None:
        """Route to the instance that a field or function names, or to a fixed key (None: a gateway)."""
        if (group, key, fixed) not in self.routes:
            self.routes.append((group, key, fixed))
            self._routes.append((group, _getter(key) if key is not None else None, fixed))

    def targets(self, event: Event) -> tuple[Route, ...]:
        """Where an event goes: each instance, gateway or group once, in App's order."""
        found: list[Route] = []
        for group, getter, fixed in self._routes:
            if getter is None:
                found.append((group, fixed))
                continue
            key = getter(event)
            if type(key) is str and key.isprintable() and key:
                route = (group, key)
                if route not in found:
                    found.append(route)
                continue
            keys = key if isinstance(key, Iterable) and not isinstance(key, str | bytes) else (key,)
            for one in keys:
                route = (group, key_text(one, group, event))
                if route not in found:
                    found.append(route)
        return tuple(found)


SAME_NAME = (
    "Runtime.attach(app), with the app of the module that this class is from; or keep the classes in a module of their "
    "own, which both programs import."
)
"""What to do where a program has another class than the app, of the same name."""


def of_the_same_name(cls: type, known: type) -> str:
    """How a class differs from the app's: a program's own are those of `__main__`, and others where it is imported."""
    if cls.__module__ == known.__module__:
        return f"it has the same name, and {known.__module__} was loaded more than once"
    here, there = (f"{one.__module__}.{one.__name__}" for one in (cls, known))
    return f"it has the same name, and is {here}; the app's is {there}"


def _described(key: KeyOf | None) -> object:
    """What a key is, the same in every process."""
    if key is None or isinstance(key, str):
        return key
    code = getattr(key, "__code__", None)
    return [getattr(key, "__qualname__", type(key).__qualname__), names_in(code) if code is not None else []]


def _getter(key: KeyOf) -> Callable[[Any], Any]:
    if callable(key):
        return key

    def field(event: Any, name: str = key) -> Any:
        return getattr(event, name)

    return field


class HandlerPlan:
    """One handler of one class."""

    __slots__ = ("_plans", "cls", "events", "fn", "handler", "iterates", "max_hops", "name", "where")

    def __init__(self, cls: type[Any], handler: Handler[Any, Any, Any], events: dict[type[Event], EventPlan]) -> None:
        self.cls = cls
        self.handler = handler
        self.fn = handler.function
        self.name = f"{cls.__name__}.{handler.name}"
        self.where = f"{self.name} {handler.where}"
        self.max_hops = handler.max_hops
        hints = handler.hints
        assert hints is not None, "App reads the hints first"
        self.iterates = hints.iterates
        self.events = events
        self._plans: dict[tuple[str, type[Any]], EventPlan | None] = {}

    @property
    def can_emit(self) -> bool:
        hints = self.handler.hints
        assert hints is not None
        return bool(hints.emits or hints.after)

    def allowed(self, how: Literal["emits", "after", "cancels"], cls: type[Any]) -> EventPlan | None:
        """The plan of an event class, if the return hint names it in this way.

        A hint on a base does not name its subclasses: another class may own them.
        """
        key = (how, cls)
        if key not in self._plans:
            self._plans[key] = self.events.get(cls) if cls in getattr(self.handler.hints, how) else None
        return self._plans[key]


class GroupPlan:
    """The aggregates that share one instance: mostly a single class."""

    __slots__ = (
        "_handlers",
        "can_emit",
        "classes",
        "defaults",
        "failures",
        "name",
        "placement",
        "plain",
        "singleton",
        "warned",
    )

    def __init__(self, name: str, classes: tuple[type[Aggregate], ...]) -> None:
        base = classes[0].__trunkline__
        self.name = name
        self.classes = classes
        self.placement = base.placement
        self.failures = base.failures
        self.singleton = base.singleton
        self.can_emit = False
        self.plain = len(classes) == 1 and base.version == 1
        """Its stored state is the one class's JSON as it is: the fast way."""
        self._handlers: dict[str, tuple[tuple[int, HandlerPlan], ...]] = {}
        self.defaults: bytes | None = None
        """The dump of an empty instance: filled by the first turn."""
        self.warned = False
        """That its states are large was said."""

    def handlers(self, event_type: str) -> tuple[tuple[int, HandlerPlan], ...]:
        """(index of the class, handler) of those that listen, in App's order."""
        return self._handlers.get(event_type, ())

    def add_handler(self, event_type: str, index: int, handler: HandlerPlan) -> None:
        self._handlers[event_type] = (*self._handlers.get(event_type, ()), (index, handler))
        self.can_emit = self.can_emit or handler.can_emit


class GatewayPlan:
    """A gateway: its settings, and its handler for each event type."""

    __slots__ = ("concurrency", "gateway", "handlers", "name", "per_second")

    def __init__(self, gateway: Gateway, name: str) -> None:
        info = type(gateway).__trunkline__
        self.name = name
        self.gateway = gateway
        self.concurrency = info.concurrency
        self.per_second = info.per_second
        self.handlers: dict[str, GatewayHandlerPlan] = {}


class GatewayHandlerPlan(HandlerPlan):
    """One handler of a gateway, with what becomes of failures."""

    __slots__ = ()

    @property
    def retries(self) -> int:
        return self.handler.retries

    @property
    def timeout(self) -> float:
        return self.handler.timeout

    @property
    def idempotent(self) -> bool:
        return self.handler.idempotent

    @property
    def reconcile(self) -> Callable[..., Any] | None:
        return self.handler.reconciler

    @property
    def failed(self) -> Callable[..., Any] | None:
        return self.handler.giving_up


class Catalogue:
    """Every event, group and gateway of an app."""

    def __init__(
        self,
        events: dict[str, EventPlan],
        groups: dict[str, GroupPlan],
        gateways: dict[str, GatewayPlan],
    ) -> None:
        self.events = events
        self.groups = groups
        self.gateways = gateways
        self.by_class = {plan.cls: plan for plan in events.values()}
        self.group_of = {cls: group for group in groups.values() for cls in group.classes}

    def plan(self, event: object) -> EventPlan:
        """The plan of an event object.

        Raises:
            EventRejected: it is no event of this app.
        """
        found = self.by_class.get(type(event))  # type: ignore[arg-type]
        if found is not None:
            return found
        name = type(event).__name__
        if isinstance(event, type):
            raise EventRejected(f"{event.__name__} is a class, and no event", hint=f"{event.__name__}(...) makes one.")
        if not isinstance(event, Event):
            raise EventRejected(f"a {name} is no event", hint="publish an instance of a class derived from Event.")
        known = self.events.get(type(event).__trunkline__.name)
        if known is not None and known.cls.__name__ == name:
            raise EventRejected(
                f"this {name} is not the class that this app knows as {known.type!r}: "
                + of_the_same_name(type(event), known.cls),
                hint=SAME_NAME,
            )
        if known is not None:
            raise EventRejected(
                f"{name} is not the class that this app knows as {known.type!r} ({known.cls.__trunkline__.where})",
                hint="publish the very class that the app was made with (or give one of them a name of its own).",
            )
        known = next((of for base in type(event).__mro__[1:] for of in self.events.values() if of.cls is base), None)
        if known is not None and known.origin:
            raise EventRejected(
                f"{name} is no event of this app: it derives from {known.cls.__name__}, and is itself no origin event",
                hint=f"class {name}({known.cls.__name__}, origin=True).",
            )
        raise EventRejected(
            f"{name} is no event of this app: nobody emits it and nobody listens to it",
            hint=f"add a handler for {name} to one of the app's classes.",
        )

    @property
    def schema_hash(self) -> str:
        """Equal for apps whose events, states, routes and hop limits are the same.

        These each process works out by itself, and all must come to the same. Of a function that gives keys its name
        and the names that it uses are compared, not what it does with them.
        """
        described = {
            "events": {
                n: [p.version, p.origin, p.broadcast, p.cls.model_json_schema()] for n, p in self.events.items()
            },
            "groups": {
                n: [[c.__name__, c.__trunkline__.version, TypeAdapter(c).json_schema()] for c in g.classes]
                for n, g in self.groups.items()
            },
            "routes": {
                n: [p.listeners, p.emitting, [(group, _described(key), fixed) for group, key, fixed in p.routes]]
                for n, p in self.events.items()
            },
            "hops": {
                n: [
                    *(handler.max_hops for group in self.groups.values() for _, handler in group.handlers(n)),
                    *(gateway.handlers[n].max_hops for gateway in self.gateways.values() if n in gateway.handlers),
                ]
                for n in self.events
            },
        }
        return blake2b(json.dumps(described, sort_keys=True, default=str).encode(), digest_size=16).hexdigest()


def class_handlers(cls: type[Any]) -> dict[str, Handler[Any, Any, Any]]:
    """A class's handlers by method name."""
    return handlers_of(cls)


def pick(cls: type[Any], event: type[Event]) -> list[Handler[Any, Any, Any]]:
    """The handlers of a class that hear an event most specifically: one, if all is well."""
    best: list[Handler[Any, Any, Any]] = []
    distance = len(event.__mro__)
    for handler in handlers_of(cls).values():
        hints = handler.hints
        if hints is None:
            continue
        for heard in hints.listens:
            if issubclass(event, heard):
                away = event.__mro__.index(heard)
                if away < distance:
                    best, distance = [handler], away
                elif away == distance and handler not in best:
                    best.append(handler)
    return best


__all__ = [
    "EVERYONE",
    "SAME_NAME",
    "Catalogue",
    "EventPlan",
    "GatewayHandlerPlan",
    "GatewayPlan",
    "GroupPlan",
    "HandlerPlan",
    "key_text",
    "of_the_same_name",
    "pick",
    "place_of",
]
