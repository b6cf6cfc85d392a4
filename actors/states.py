"""Is a class's state one that survives being stored? What can be known of that before anything runs."""

import typing
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from actors.aggregate import Aggregate
from actors.errors import WiringProblem


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
        why = _polymorphic(field)
        if why:
            problem(
                "PolymorphicField",
                f"{cls.__name__}.{name} {why}",
                "name the classes that it can hold, as a union with a discriminator.",
            )
    return found


def _defined(cls: type[Aggregate]) -> set[str]:
    return {name for base in cls.__mro__[: cls.__mro__.index(Aggregate)] for name in vars(base)}


def _type_name(annotation: Any) -> str:
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)


def _polymorphic(field: FieldInfo) -> str:
    return _loses(field.annotation) if field.discriminator is None else ""


def _loses(annotation: Any) -> str:
    """Why a value of this type may come back as another one; empty if it does not."""
    if annotation is Any or annotation is object:
        return "may hold anything, and is read back as plain JSON"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if annotation is BaseModel:
            return "may hold any model, and is read back without its fields"
        if annotation.__subclasses__():
            subs = ", ".join(sorted(c.__name__ for c in annotation.__subclasses__()))
            return f"is a {annotation.__name__}, and one of its subclasses ({subs}) would lose fields in it"
    for argument in typing.get_args(annotation):
        if (why := _loses(argument)) != "":
            return why
    return ""
