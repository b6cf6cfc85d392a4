"""What a wiring error says, in full: its kind, the classes and the event, file and line of each, and what to do."""

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from actors import App, WiringError
from tests.actors import texts_of_classes, texts_of_events

SOURCES = sorted((Path(__file__).resolve().parents[2] / "actors").glob("*.py"))
MISTAKES: tuple[Callable[[], tuple[list[Any], str]], ...] = (*texts_of_events.MISTAKES, *texts_of_classes.MISTAKES)
"""Each gives parts of an app, and all that is to be said of them."""


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.__name__)
def test_a_mistake_is_told_in_full(mistake: Callable[[], tuple[list[Any], str]]) -> None:
    parts, text = mistake()
    schedules = [part for part in parts if not isinstance(part, type)]

    with pytest.raises(WiringError) as caught:
        App("shop", *(part for part in parts if isinstance(part, type)), schedules=schedules)

    assert str(caught.value) == f"the wiring of app 'shop' has a problem\n\n{text}"


def test_every_kind_of_mistake_has_its_text_here() -> None:
    kinds = {
        call.args[0].value
        for path in SOURCES
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call) and call.args and isinstance(call.args[0], ast.Constant)
        if ast.unparse(call.func).rpartition(".")[2] in ("add", "problem", "WiringProblem")
        if isinstance(call.args[0].value, str) and call.args[0].value[:1].isupper()
    }

    assert kinds == {mistake()[1].partition(":")[0] for mistake in MISTAKES}
