"""Events: frozen facts, their wire types, versions and upcasters."""

import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, ClassVar

import pydantic_core
from pydantic import BaseModel, ConfigDict
from pydantic_core import core_schema

from actors.arguments import check_kinds
from actors.errors import EventRejected, TrunklineError
from actors.model import Model

EVENT_MAX = 1 << 20
"""Bytes of an event's payload."""

Upcasters = Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]]
"""From version n: the function that makes version n + 1 of a payload."""


@dataclass(frozen=True, slots=True)
class EventType:
    """What a class statement said of an event."""

    name: str
    """The wire type."""
    version: int
    origin: bool
    broadcast: bool
    upcasters: Upcasters
    where: str
    """file:line of the class."""


def snake_case(name: str) -> str:
    """`AttemptedPurchase` → `attempted_purchase`, `HTTPCall` → `http_call`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def place_of_class(cls: type[Any]) -> str:
    """file:line of the class statement under way. For an `__init_subclass__` to call."""
    frame = sys._getframe(1).f_back
    while frame is not None:
        if frame.f_globals.get("__name__") == cls.__module__:
            return f"{frame.f_code.co_filename}:{frame.f_lineno}"
        frame = frame.f_back
    return "?"


def no_such_arguments(cls: type[Any], given: Mapping[str, Any], known: Iterable[str]) -> TrunklineError:
    """Class arguments that mean nothing: written wrongly, perhaps."""
    found = []
    for name in given:
        near = get_close_matches(name, known, 1)
        found.append(f"{name}{f' (is it {near[0]}?)' if near else ''}")
    return TrunklineError(
        f"class {cls.__name__} has arguments that mean nothing: {', '.join(found)}",
        hint=f"it may have {', '.join(known)}.",
    )


def _sorted_json(values: Any) -> list[Any]:
    return sorted(values, key=lambda value: pydantic_core.to_json(value))


def _with_sorted_sets(schema: Any) -> Any:
    if type(schema) is list or type(schema) is tuple:
        return type(schema)(_with_sorted_sets(value) for value in schema)
    if type(schema) is not dict:
        return schema
    made = {key: value if key == "default" else _with_sorted_sets(value) for key, value in schema.items()}
    if made.get("type") in ("set", "frozenset") and "serialization" not in made:
        items = made.get("items_schema") or core_schema.any_schema()
        made["serialization"] = core_schema.plain_serializer_function_ser_schema(
            _sorted_json, return_schema=core_schema.list_schema(items), when_used="json"
        )
    return made


def store_sets_sorted(cls: type[BaseModel]) -> None:
    """Have a complete class write every set sorted, also in models inside it: set order differs between processes."""
    schema = cls.__pydantic_core_schema__
    sorting = _with_sorted_sets(schema)
    if sorting != schema:
        # Prebuilt serializers are those of the classes as they are: they write sets as they come.
        cls.__pydantic_serializer__ = pydantic_core.SchemaSerializer(sorting, _use_prebuilt=False)


class Event(Model):
    """A fact. Frozen; its fields are its payload; no field name is reserved but `mro` and pydantic's own `model_...`.

    Class arguments: `origin` (may be published from outside any turn), `broadcast` (goes to every live instance of the
    listening classes), `version` and `upcasters` (payloads of older versions are brought up to date when read), `name`
    (pins the wire type, which else is the class name in snake_case).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    __trunkline__: ClassVar[EventType] = EventType("event", 1, False, False, {}, "?")

    def __init_subclass__(
        cls,
        *,
        origin: bool = False,
        broadcast: bool = False,
        version: int = 1,
        name: str | None = None,
        upcasters: Upcasters | None = None,
        **kwargs: Any,
    ) -> None:
        if kwargs:
            raise no_such_arguments(cls, kwargs, ("origin", "broadcast", "version", "upcasters", "name"))
        super().__init_subclass__()
        where = place_of_class(cls)
        said = {"version": version, "name": name, "upcasters": upcasters, "origin": origin, "broadcast": broadcast}
        check_kinds(f"class {cls.__name__}", where, **said)
        name = snake_case(cls.__name__) if name is None else name
        cls.__trunkline__ = EventType(name, version, origin, broadcast, upcasters or {}, where)

    @classmethod
    def __pydantic_on_complete__(cls) -> None:
        store_sets_sorted(cls)


class ChainHalted(Event):
    """A chain of events was stopped: it was longer than its hop limit, or its budget was spent. Nothing of it is lost.

    Emitted by the runtime in place of the event that was stopped. May be listened to like any event.
    """

    event_type: str
    """The wire type of the stopped event."""
    payload: str
    """The stopped event, as JSON."""
    reason: str
    """Which limit was reached, for people."""
    path: tuple[str, ...]
    """The last event types of the chain, oldest first."""
    emitter: str
    """The handler that emitted it."""


def event_type(cls: type[Event]) -> EventType:
    """The wire type, version and kind of an event class."""
    return cls.__trunkline__


def encode_event(event: Event) -> bytes:
    """The payload as JSON. Sets are sorted; the same event gives the same bytes in every process."""
    return type(event).__pydantic_serializer__.to_json(event)


def check_size(event: Event, data: bytes) -> None:
    """Raises EventRejected: its payload is too large."""
    if len(data) > EVENT_MAX:
        raise EventRejected(
            f"{type(event).__name__} is {len(data):,} bytes of JSON; an event may have {EVENT_MAX:,}",
            hint="store what is large elsewhere, and let the event carry its address.",
        )


def decode_event(cls: type[Event], data: bytes, version: int) -> Event:
    """The event of a stored payload, brought up to date from an older version.

    Raises:
        EventRejected: the payload is no such event, or of a version that can't be read.
    """
    known = cls.__trunkline__
    try:
        if version == known.version:
            event: Event = cls.__pydantic_validator__.validate_json(data)
            return event
        payload = pydantic_core.from_json(data)
        if isinstance(payload, dict):
            payload = upcast(payload, version, known.version, known.upcasters, cls.__name__)
        return cls.__pydantic_validator__.validate_json(pydantic_core.to_json(payload))  # type: ignore[no-any-return]
    except ValueError as error:
        raise EventRejected(
            f"a stored {known.name} (version {version}) is no {cls.__name__} (version {known.version}): {error}",
            hint=f"give {cls.__name__} a higher version and an upcaster from {version}, or new fields a default.",
        ) from error


def upcast(payload: dict[str, Any], version: int, to: int, upcasters: Upcasters, name: str) -> dict[str, Any]:
    """Bring a payload from one version to another, a step at a time.

    Raises:
        EventRejected: it can't be done.
    """
    if version > to:
        raise EventRejected(
            f"{name} was stored in version {version}, and this code knows version {to} at most",
            hint="run the newer code, which wrote it.",
        )
    for step in range(version, to):
        if step not in upcasters:
            raise EventRejected(
                f"{name} has no upcaster from version {step}", hint=f"give the class upcasters={{{step}: ...}}."
            )
        try:
            made: object = upcasters[step](payload)
        except Exception as error:
            raise _stopped(upcasters[step], step, name, f"raised {type(error).__name__}: {error}") from error
        if not isinstance(made, dict):
            raise _stopped(upcasters[step], step, name, f"returned {made!r}")
        payload = made
    return payload


def _stopped(upcaster: Callable[..., Any], step: int, name: str, how: str) -> EventRejected:
    code = getattr(upcaster, "__code__", None)
    place = f"\n  at {code.co_filename}:{code.co_firstlineno}" if code is not None else ""
    return EventRejected(
        f"the upcaster of {name} from version {step} {how}{place}",
        hint=f"mend it: it takes a dict as version {step} stored it, and returns that of version {step + 1}.",
    )
