"""May an event object be handed on as it is, instead of being made again from its JSON?

It may if nobody could tell the difference: it holds nothing mutable, which emitter and listener would share, and
nothing that JSON brings back as something else. That is known of text, whole numbers, fractions, truth values and None,
in classes that have no validators or serializers of their own.
"""

from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

from actors.event import Event

_FLAT = (str, int, float, bool, NoneType)


def is_flat(cls: type[Event]) -> bool:
    """Do all objects of this class hold flat values only, as far as their class says?"""
    return _is_flat(cls)


def goes_as_it_is(event: Event) -> bool:
    """Is this very object such a one? (A value may be of a subclass, or may not have been validated.)"""
    return _is_flat(type(event)) and all(type(value) in _FLAT for value in event.__dict__.values())


@cache
def _is_flat(cls: type[Event]) -> bool:
    own = cls.__pydantic_decorators__
    if any(
        (
            own.validators,
            own.field_validators,
            own.root_validators,
            own.field_serializers,
            own.model_serializers,
            own.model_validators,
            own.computed_fields,
        )
    ):
        return False
    if cls.__private_attributes__ or cls.model_config.get("extra") != "forbid":
        return False
    return all(
        _flat_hint(field.annotation) and not field.alias and all(_harmless(m) for m in field.metadata)
        for field in cls.model_fields.values()
    )


def _flat_hint(hint: Any) -> bool:
    if get_origin(hint) in (Union, UnionType):
        return all(_flat_hint(part) for part in get_args(hint))
    return hint in _FLAT


def _harmless(metadata: Any) -> bool:
    """Constraints check a value and leave it as it is."""
    return type(metadata).__module__ == "annotated_types"
