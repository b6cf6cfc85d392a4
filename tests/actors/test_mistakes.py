"""Likely mistakes are told in words that help, and not by Python's own errors."""

from collections.abc import Callable
from datetime import datetime, timedelta
from types import new_class
from typing import Any

import pytest

from actors import After, Aggregate, App, Cancel, Event, Gateway, TrunklineError, WiringError, cron, on
from actors.errors import WiringProblem
from actors.testing import both_orders, given, scenario


class Asked(Event, origin=True):
    desk: str


class Daily(Event, origin=True):
    missed: int = 0


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


FUNCTION = dict


@pytest.mark.parametrize(
    ("base", "arguments", "said", "fix"),
    [
        (Event, {"version": "2"}, "version='2'", "version=2."),
        (Event, {"version": 0}, "version=0", "from 1 on"),
        (Event, {"version": True}, "version=True", "from 1 on"),
        (Event, {"version": None}, "version=None", "from 1 on"),
        (Event, {"upcasters": [FUNCTION]}, "upcasters=[", "upcasters={1: from_1_to_2}"),
        (Event, {"version": 2, "upcasters": {1: "x"}}, "upcasters={1: 'x'}", "a function for each version"),
        (Event, {"version": 2, "upcasters": {0: FUNCTION}}, "upcasters={0: ", "a function for each version"),
        (Event, {"version": 2, "upcasters": {"1": FUNCTION}}, "upcasters={'1': ", "a function for each version"),
        (
            Event,
            {"version": 2, "upcasters": {1: FUNCTION, 2: FUNCTION}},
            "an upcaster from version 2, and is of version 2 itself",
            "version=3",
        ),
        (Event, {"upcasters": {1: FUNCTION}}, "an upcaster from version 1, and is of version 1 itself", "version=2"),
        (Event, {"origin": "no"}, "origin='no'", "origin=True"),
        (Event, {"broadcast": "x"}, "broadcast='x'", "broadcast=True"),
        (Event, {"name": 3}, "name=3", "name='billing.Wallet'"),
        (Aggregate, {"version": "2"}, "version='2'", "version=2."),
        (Aggregate, {"version": 2, "upcasters": {2: FUNCTION}}, "an upcaster from version 2", "version=3"),
        (Aggregate, {"key": 3}, "key=3", "key='player_id'"),
        (Aggregate, {"singleton": "x"}, "singleton='x'", "singleton=True"),
        (Aggregate, {"shares": "A"}, "shares='A'", "shares=Wallet"),
        (Aggregate, {"shares": Event}, "shares=<class", "shares=Wallet"),
        (Aggregate, {"shares": Desk(n=1)}, "shares=Desk(n=1)", "shares=Wallet"),
        (Aggregate, {"name": 3}, "name=3", "name='billing.Wallet'"),
        (Gateway, {"concurrency": 1.5}, "concurrency=1.5", "concurrency=64"),
        (Gateway, {"per_second": "a"}, "per_second='a'", "per_second=10"),
        (Gateway, {"name": 3}, "name=3", "name='billing.Wallet'"),
    ],
    ids=str,
)
def test_a_class_argument_of_a_wrong_kind_is_told_where_the_class_stands(
    base: type[Any], arguments: dict[str, Any], said: str, fix: str
) -> None:
    with pytest.raises(WiringProblem) as raised:

        class Odd(base, **arguments): ...  # type: ignore[misc]

    text = str(raised.value)
    assert f"BadArgument: class Odd has {said}" in text
    assert f"\n  at {__file__}:" in text
    assert fix in text.partition("\n  fix: ")[2]


def test_an_empty_name_is_no_name() -> None:
    class Empty(Event, origin=True, name=""):
        desk: str

    class Nameless(Aggregate, key="desk", name=""):
        @on
        def hear(self, event: Empty) -> None: ...

    with pytest.raises(WiringError) as raised:
        App("mistakes", Nameless)

    assert [problem.kind for problem in raised.value.errors] == ["BadName", "BadName"]


@pytest.mark.parametrize(
    ("arguments", "fix"),
    [
        ({"max_hops": "x"}, "max_hops=8"),
        ({"timeout": "5"}, "timeout=30"),
        ({"timeout": timedelta(seconds=5)}, "a number of seconds"),
        ({"retries": 1.5}, "retries=3"),
        ({"retries": "3"}, "retries=3"),
        ({"idempotent": "no"}, "idempotent=True"),
        ({"key": 3}, "key='player_id'"),
    ],
    ids=str,
)
def test_an_argument_of_on_of_a_wrong_kind_is_told_where_the_handler_stands(
    arguments: dict[str, Any], fix: str
) -> None:
    with pytest.raises(WiringProblem) as raised:

        class Odd(Gateway):
            @on(**arguments)
            async def hear(self, event: Asked) -> None: ...

    ((name, value),) = arguments.items()
    assert f"BadArgument: Odd.hear has {name}={value!r}" in str(raised.value)
    assert f"\n  at {__file__}:" in str(raised.value)
    assert fix in raised.value.hint


@pytest.mark.parametrize(
    ("mistake", "said"),
    [
        (lambda: given(Bell, "x"), "given() takes the class of an aggregate"),  # type: ignore[type-var]
        (lambda: given(Desk(n=3), "x"), "given() takes the class of an aggregate"),  # type: ignore[arg-type]
        (lambda: given(Desk).when("x"), "when() takes events"),  # type: ignore[arg-type]
        (lambda: given(Desk).when(Asked), "when() takes events"),  # type: ignore[arg-type]
        (lambda: given(Desk).when(Asked(desk="a"), time=datetime(2026, 1, 1)), "is a time with a zone"),
        (lambda: given(Desk, now=datetime(2026, 1, 1)), "is a time with a zone"),
        (lambda: scenario(Desk), "scenario(...) takes an app"),  # type: ignore[arg-type]
        (lambda: scenario(app, start="2026-01-01"), "is a time with a zone"),  # type: ignore[arg-type]
        (lambda: scenario(app, start=datetime(2026, 1, 1)), "is a time with a zone"),
        (lambda: scenario(app, ties="timer"), "ties='timer'"),  # type: ignore[arg-type]
        (lambda: next(both_orders(Desk)), "scenario(...) takes an app"),  # type: ignore[arg-type]
        (lambda: App("a", Desk, heartbeat="10"), "heartbeat='10'"),  # type: ignore[arg-type]
        (lambda: App("a", Desk, heartbeat=timedelta(seconds=1)), "heartbeat="),  # type: ignore[arg-type]
        (lambda: App("a", Desk, heartbeat=True), "heartbeat=True"),
        (lambda: App("a", Desk, schedules=cron("0 8 * * *", Daily)), "no list of what cron(...)"),  # type: ignore[arg-type]
        (lambda: App("a", Desk, schedules=["0 8 * * *"]), "no list of what cron(...)"),  # type: ignore[list-item]
        (lambda: App("a", Desk, schedules=None), "no list of what cron(...)"),  # type: ignore[arg-type]
        (lambda: cron(5, Daily), "5 can't be an expression"),  # type: ignore[arg-type]
        (lambda: cron("0 8 * * *", "Daily"), "'Daily' can't be scheduled"),  # type: ignore[arg-type]
        (lambda: cron("0 8 * * *", Daily()), "can't be scheduled: it is no class of an event"),  # type: ignore[arg-type]
        (lambda: cron("0 8 * * *", Daily, tz=1), "1 can't be a time zone"),  # type: ignore[arg-type]
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
