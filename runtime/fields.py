"""A codec per field: `Annotated[str, Encrypted(by="player_id")]` on a field of an event or a state.

What stands in the hint seals the field's value on its way into a log or a journal, and opens it on its way out.
Handlers, `get` and `tail` see it open; routers, journals and what is on the disk see it sealed. An app without such a
field pays nothing.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import is_dataclass
from functools import lru_cache
from typing import Annotated, Any, Protocol, get_args, get_origin, get_type_hints, runtime_checkable

from pydantic import BaseModel

from actors.aggregate import Aggregate
from actors.catalogue import Catalogue
from actors.errors import WiringProblem
from actors.event import Event
from runtime.wire import Codec, Plain


@runtime_checkable
class FieldCodec(Protocol):
    """Stands in a field's hint. Of a value it makes another one that JSON can hold, and that one again."""

    def seal(self, value: Any, record: Mapping[str, Any]) -> Any:
        """`record` is the whole event or state as JSON; a field that has a codec may be sealed or open in it."""
        ...

    def open(self, value: Any, record: Mapping[str, Any]) -> Any: ...


class Fields:
    """The codec of an app in which some fields have one."""

    def __init__(self, fields: dict[str, dict[str, FieldCodec]]) -> None:
        self._fields = fields
        """By wire type or group: the fields that have a codec."""

    def seal(self, name: str, data: bytes) -> bytes:
        found = self._fields.get(name)
        if found is None:
            return data
        record = json.loads(data)
        sealed = {field: codec.seal(record[field], record) for field, codec in found.items() if field in record}
        return json.dumps(record | sealed, separators=(",", ":")).encode()

    def open(self, name: str, data: bytes) -> bytes:
        found = self._fields.get(name)
        if found is None:
            return data
        record = json.loads(data)
        opened = {field: codec.open(record[field], record) for field, codec in found.items() if field in record}
        return json.dumps(record | opened, separators=(",", ":")).encode()


def codec_of(catalogue: Catalogue, codec: Codec | None = None) -> Codec | None:
    """What payloads and states of an app go through; None: nothing. `codec` stands in for what its fields say.

    Raises:
        WiringProblem: a codec stands where it would seal nothing: deeper than in a field's own hint.
    """
    if codec is not None:
        return None if isinstance(codec, Plain) else codec
    fields: dict[str, Mapping[str, FieldCodec]] = {plan.type: _sealed(plan.cls) for plan in catalogue.events.values()}
    for group in catalogue.groups.values():
        fields[group.name] = {name: found for cls in group.classes for name, found in _sealed(cls).items()}
    used = {name: dict(found) for name, found in fields.items() if found}
    return Fields(used) if used else None


@lru_cache(maxsize=4096)
def _sealed(cls: type[Event] | type[Aggregate]) -> Mapping[str, FieldCodec]:
    # Kept: each part of an app asks, and a simulation makes some hundred of them.
    sealed: dict[str, FieldCodec] = {}
    for name, field in cls.model_fields.items():
        deeper = _deeper(field.annotation, frozenset())
        if deeper is not None:
            raise WiringProblem(
                "UnusedCodec",
                f"{cls.__name__}.{name} holds a codec {f'in {deeper}' if deeper else 'inside its hint'}, "
                "where nothing would be sealed",
                (cls.__trunkline__.where,),
                hint=f"seal the whole field: {name}: Annotated[..., codec].",
            )
        for found in field.metadata:
            if isinstance(found, FieldCodec):
                sealed[name] = found
    return sealed


def _deeper(hint: Any, seen: frozenset[Any]) -> str | None:
    """Where a codec stands in a hint (`Contact.phone`); an empty string: in the hint itself; None: there is none."""
    if get_origin(hint) is Annotated:
        inside, *said = get_args(hint)
        return "" if any(isinstance(one, FieldCodec) for one in said) else _deeper(inside, seen)
    if isinstance(hint, type) and hint not in seen:
        for name, inside in _hints(hint).items():
            where = _deeper(inside, seen | {hint})
            if where is not None:
                return where or f"{hint.__name__}.{name}"
    alias = (hint.__value__,) if hasattr(hint, "__value__") else ()
    found = (_deeper(one, seen) for one in (*alias, *get_args(hint)))
    return next((where for where in found if where is not None), None)


def _hints(cls: type) -> dict[str, Any]:
    """What a class's fields are to hold, if it has some."""
    if issubclass(cls, BaseModel):
        return {name: Annotated[field.annotation, None, *field.metadata] for name, field in cls.model_fields.items()}
    if is_dataclass(cls) or hasattr(cls, "__required_keys__") or hasattr(cls, "_fields"):
        # A name that is known only where the class was made is read by pydantic, and not here.
        with suppress(NameError):
            return get_type_hints(cls, include_extras=True)
    return {}
