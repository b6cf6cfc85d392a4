"""Likely mistakes are told in words that help, and not by Python's own errors."""

from collections.abc import Callable
from datetime import datetime
from types import new_class
from typing import Any

import pytest

from actors import After, Aggregate, App, Cancel, Event, Gateway, TrunklineError, on
from actors.testing import given, scenario


class Asked(Event, origin=True):
    desk: str


class AskedTwice(Asked):
    pass


class Desk(Aggregate, key="desk"):
    n: int = 0

    @on
    def ask(self, event: Asked) -> None:
        self.n += 1


class Bell(Gateway):
    @on
    async def ring(self, event: Asked) -> None: ...


app = App("mistakes", Desk)


@pytest.mark.parametrize(
    ("base", "argument", "near"),
    [(Aggregate, "keys", "key"), (Event, "orign", "origin"), (Gateway, "concurency", "concurrency")],
)
def test_a_class_argument_that_means_nothing_is_named_with_what_is_like_it(
    base: type[Any], argument: str, near: str
) -> None:
    with pytest.raises(TrunklineError) as raised:
        new_class("Odd", (base,), {argument: "x"})

    assert f"class Odd has arguments that mean nothing: {argument} (is it {near}?)" in str(raised.value)


@pytest.mark.parametrize(
    ("mistake", "said"),
    [
        (lambda: given(Bell, "x"), "given() takes the class of an aggregate"),  # type: ignore[type-var]
        (lambda: given(Desk(n=3), "x"), "given() takes the class of an aggregate"),  # type: ignore[arg-type]
        (lambda: scenario(app).get("Desk", "a"), "app 'mistakes' has no 'Desk'"),  # type: ignore[arg-type]
        (lambda: scenario(app).publish(Asked(desk="a"), time=datetime(2026, 1, 1)), "a time without a zone"),
        (lambda: After(Asked, seconds=1), "After() takes an event"),  # type: ignore[type-var]
        (lambda: Cancel(Asked(desk="a")), "Cancel() takes the class of an event"),  # type: ignore[arg-type]
        (lambda: scenario(app).publish(AskedTwice(desk="a")), "class AskedTwice(Asked, origin=True)"),
    ],
)
def test_it_says_what_was_expected(mistake: Callable[[], object], said: str) -> None:
    with pytest.raises(TrunklineError) as raised:
        mistake()

    assert said in str(raised.value)
