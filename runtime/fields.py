"""A codec per field: `Annotated[str, Encrypted(by="player_id")]` on a field of an event or a state.

What stands in the hint seals the field's value on its way into a log or a journal, and opens it on its way out.
Handlers, `get` and `tail` see it open; routers, journals and what is on the disk see it sealed. An app without such a
field pays nothing.
"""

import json
from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from pydantic import BaseModel

from actors.catalogue import Catalogue
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
    """What payloads and states of an app go through; None: nothing. `codec` stands in for what its fields say."""
    if codec is not None:
        return None if isinstance(codec, Plain) else codec
    fields = {plan.type: _sealed(plan.cls) for plan in catalogue.events.values()}
    for group in catalogue.groups.values():
        fields[group.name] = {name: found for cls in group.classes for name, found in _sealed(cls).items()}
    used = {name: found for name, found in fields.items() if found}
    return Fields(used) if used else None


def _sealed(cls: type[BaseModel]) -> dict[str, FieldCodec]:
    return {
        name: found
        for name, field in cls.model_fields.items()
        for found in field.metadata
        if isinstance(found, FieldCodec)
    }
