"""Read a handler's type hints, once: what it listens to, and what it may emit."""

import types
import typing
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from inspect import isgeneratorfunction
from typing import Any, Union, get_args, get_origin

from actors.event import Event
from actors.timer import After, At, Cancel

RIGHT = (
    "def handler(self, event: SomeEvent) -> OtherEvent | None: ...; one that yields several has "
    "-> Iterator[OtherEvent | AnotherEvent]."
)
"""What hints are to look like."""


class HintError(Exception):
    """Hints that say nothing usable; the text says why."""


@dataclass(frozen=True, slots=True)
class Hints:
    """What a handler's hints say."""

    listens: tuple[type[Event], ...]
    emits: tuple[type[Event], ...]
    after: tuple[type[Event], ...]
    cancels: tuple[type[Event], ...]
    stated: bool
    """It may state a time: At[X]."""
    iterates: bool


def read(function: Callable[..., Any], local: dict[str, Any], around: dict[str, Any] | None = None) -> Hints:
    """Resolve a handler's hints.

    `local` holds names that its module does not: those of the function that its class was defined in. `around` is where
    the app is made, which knows names of that function that came after the class. To a class of a module it is another
    place, and says nothing of names that the module has.

    Raises:
        HintError: a hint is missing, can't be resolved, or names something that is no event.
    """
    names = around or {}
    if "<locals>" not in function.__qualname__:
        names = {name: value for name, value in names.items() if name not in function.__globals__}
    code = function.__code__
    parameter = code.co_varnames[1] if code.co_argcount > 1 else ""
    try:
        hints = typing.get_type_hints(function, localns=names | local)
    except NameError as error:
        raise HintError(f"its hints name {error.name!r}, which can't be found") from error
    except Exception as error:
        raise HintError(f"its hints can't be read: {error}") from error
    if not parameter or parameter not in hints:
        raise HintError("it has no parameter with a hint that says which event it listens to")
    heard = _events(hints[parameter])
    if "return" not in hints:
        raise HintError("it has no return hint: say what it emits, or None")
    returned = hints["return"]
    iterates = get_origin(returned) in (Iterator, Iterable, Generator)
    if iterates:
        returned = get_args(returned)[0]
    elif isgeneratorfunction(function):
        raise HintError("it yields, and its return hint is no Iterator of what it yields")
    emits: list[type[Event]] = []
    after: list[type[Event]] = []
    cancels: list[type[Event]] = []
    stated = False
    for part in _parts(returned):
        if part is type(None):
            continue
        origin = get_origin(part)
        if origin is After:
            after += _events(get_args(part)[0])
        elif origin is Cancel:
            cancels += _events(get_args(part)[0])
        elif origin is At:
            stated = True
            emits += _events(get_args(part)[0])
        else:
            emits += _events(part)
    return Hints(heard, tuple(emits), tuple(after), tuple(cancels), stated, iterates)


def hears(function: Callable[..., Any], local: dict[str, Any]) -> bool:
    """Its parameter after `self` is hinted as an event, as a handler's is."""
    code = function.__code__
    if code.co_argcount < 2:
        return False
    try:
        return bool(_events(typing.get_type_hints(function, localns=local)[code.co_varnames[1]]))
    except Exception:  # No hint, or none that can be read: it says nothing of events.
        return False


def _parts(hint: Any) -> tuple[Any, ...]:
    if get_origin(hint) in (Union, types.UnionType):
        return tuple(p for part in get_args(hint) for p in _parts(part))
    return (hint,)


def _events(hint: Any) -> tuple[type[Event], ...]:
    found = _parts(hint)
    for part in found:
        if not (isinstance(part, type) and issubclass(part, Event)):
            raise HintError(f"its hint names {getattr(part, '__name__', part)!r}, which is no Event")
    return found
