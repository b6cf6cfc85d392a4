"""Is a class's state one that survives being stored? What can be known of that before anything runs."""

import typing
from dataclasses import is_dataclass
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from actors.aggregate import Aggregate
from actors.errors import WiringProblem

ANYTHING = (Any, object, list, dict, set, frozenset, tuple)


def state_problems(cls: type[Aggregate], reserved: frozenset[str]) -> list[WiringProblem]:
    """What is wrong with an aggregate's fields."""
    where = cls.__trunkline__.where
    found = []

    def problem(kind: str, message: str, hint: str) -> None:
        found.append(WiringProblem(kind, message, (where,), hint=hint))

    for name in sorted(reserved & (set(cls.model_fields) | _defined(cls))):
        problem("ReservedName", f"{cls.__name__}.{name} is a name of Aggregate itself", "give the field another name.")
    for name in cls.__private_attributes__:
        problem(
            "PrivateAttribute",
            f"{cls.__name__}.{name} is a private attribute, which would be lost between turns",
            "make it a field (without the underscore), or compute it in the handler.",
        )
    for name, field in cls.model_fields.items():
        if field.is_required():
            problem(
                "NoDefault",
                f"{cls.__name__}.{name} has no default, and an instance starts empty",
                f"{name}: {_type_name(field.annotation)} = ...",
            )
        if field.exclude:
            problem(
                "NotStored",
                f"{cls.__name__}.{name} is excluded from what is stored, and would be lost between turns",
                "take exclude=True away, or compute it in the handler.",
            )
        why = _polymorphic(field)
        if why:
            problem(
                "PolymorphicField",
                f"{cls.__name__}.{name} {why}",
                "name the classes that it can hold, as a union with a discriminator.",
            )
    return found


def shared_field_problems(classes: tuple[type[Aggregate], ...]) -> list[WiringProblem]:
    """What is wrong with the fields that several classes of one instance have."""
    found = []
    known: dict[str, type[Aggregate]] = {}
    for cls in classes:
        for field, info in cls.model_fields.items():
            first = known.setdefault(field, cls)
            one = first.model_fields[field]
            for what, a, b in (
                ("type", one.annotation, info.annotation),
                ("default", *(i.get_default(call_default_factory=True, validated_data={}) for i in (one, info))),
            ):
                if a != b:
                    found.append(
                        WiringProblem(
                            "SharedFieldMismatch",
                            f"{first.__name__}.{field} and {cls.__name__}.{field} are the same storage, "
                            f"and their {what}s differ: {a!r} and {b!r}",
                            (first.__trunkline__.where, cls.__trunkline__.where),
                            hint=f"give the field the same {what} in both, or another name in one.",
                        )
                    )
                    break
    return found


def _defined(cls: type[Aggregate]) -> set[str]:
    return {name for base in cls.__mro__[: cls.__mro__.index(Aggregate)] for name in vars(base)}


def _type_name(annotation: Any) -> str:
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)


def _polymorphic(field: FieldInfo, seen: frozenset[type[Any]] = frozenset()) -> str:
    return _loses(field.annotation, seen) if field.discriminator is None else ""


def _loses(annotation: Any, seen: frozenset[type[Any]]) -> str:
    """Why a value of this type may come back as another one; empty if it does not."""
    if annotation in ANYTHING:
        return "may hold anything, and is read back as plain JSON"
    if annotation is BaseModel:
        return "may hold any model, and is read back without its fields"
    inside: list[str] = []
    if isinstance(annotation, type) and annotation not in seen:
        cls: type[Any] = annotation
        seen |= {cls}
        if is_dataclass(cls):
            inside = [_loses(hint, seen) for hint in typing.get_type_hints(cls).values()]
        elif issubclass(cls, BaseModel):
            inside = [_polymorphic(field, seen) for field in cls.model_fields.values()]
        if (is_dataclass(cls) or issubclass(cls, BaseModel)) and cls.__subclasses__():
            names = ", ".join(sorted(sub.__name__ for sub in cls.__subclasses__()))
            return f"is a {cls.__name__}, and one of its subclasses ({names}) would lose fields in it"
    inside += [_loses(argument, seen) for argument in typing.get_args(annotation)]
    return next((why for why in inside if why), "")
