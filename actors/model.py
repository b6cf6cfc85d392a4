"""What events, aggregates and gateways are made of: pydantic's model, with fields free to have names that it had."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from actors.errors import TrunklineError

FREE = (
    *("construct", "copy", "dict", "from_orm", "json", "parse_file", "parse_obj", "parse_raw", "schema", "schema_json"),
    *("update_forward_refs", "validate", "register"),
)
"""Methods of pydantic's first version, long deprecated, and one of Python's abstract classes; good names of fields."""


class Model(BaseModel):
    """A model whose fields may have any name but `mro` and those of pydantic that begin with `model_`."""

    # The check below knows which of the names that begin so are taken: of the others nobody is to be warned.
    model_config = ConfigDict(protected_namespaces=())

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        for name in cls.__pydantic_fields__:
            if hasattr(Model, name):
                # Such a field would have a method for its default, or be hidden by a property.
                raise TrunklineError(
                    f"class {cls.__name__} has a field {name}, a name that pydantic or Python uses itself",
                    hint="give the field another name.",
                )


class _Absent:
    """Hides a name of the base, as if it were not there; pydantic warns of a field that hides one."""

    def __get__(self, instance: object, owner: type[Any]) -> Any:
        raise AttributeError


for _name in FREE:
    setattr(Model, _name, _Absent())
