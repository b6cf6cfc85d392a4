"""Wiring with mistakes in it, and the problems that are found."""

import inspect

import pytest

from actors import Aggregate, App, Event, Gateway, WiringError, on
from actors.errors import WiringProblem


class Asked(Event, origin=True):
    key: str
    weight: float = 0.0


class Answered(Event):
    key: str


class Noted(Event):
    key: str


class Ask(Aggregate, key="key"):
    @on
    def ask(self, event: Asked) -> Answered: ...  # type: ignore[empty-body]


class Hearing(Aggregate):
    """Nothing is wrong with it: what derives from it makes its own mistakes."""

    @on(key="key")
    def hear(self, event: Asked) -> None: ...


def problems(*parts: type[Aggregate] | type[Gateway] | Gateway) -> tuple[WiringProblem, ...]:
    with pytest.raises(WiringError) as caught:
        App("shop", *parts)
    return caught.value.errors


def problem(*parts: type[Aggregate] | type[Gateway] | Gateway) -> WiringProblem:
    """The one problem of these parts, whose text begins with its kind and ends with what to do."""
    (found,) = problems(*parts)
    text = str(found)
    assert text.startswith(f"{found.kind}: ")
    assert text.splitlines()[-1] == f"  fix: {found.hint}"
    assert found.hint
    for place in found.places:
        assert place in text
    return found


def place(thing: object) -> str:
    """file:line of a class, or of a handler from its decorator on."""
    thing = getattr(thing, "function", thing)
    return f"{inspect.getsourcefile(thing)}:{inspect.getsourcelines(thing)[1]}"  # type: ignore[arg-type]


def at(*things: object) -> str:
    """The line of a text that says where classes and handlers stand."""
    return "  at " + " and ".join(map(place, things))
