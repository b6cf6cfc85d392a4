"""What `start` and `attach` are given wrongly is said at once, before Ray or a journal is begun."""

import asyncio
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import pytest
import ray

from actors import Aggregate, App, Event, TrunklineError, on
from runtime import AsyncRuntime, Runtime
from runtime.blocking import BlockingDeadLetters
from runtime.client import DeadLetters


class Paid(Event, origin=True):
    player_id: str


class Wallet(Aggregate, key="player_id"):
    @on
    def pay(self, event: Paid) -> None: ...


app = App("shop", Wallet)


class Lock:
    def seal(self, value: Any, record: Mapping[str, Any]) -> Any:
        return value

    open = seal


class Noted(Event, origin=True):
    player_id: str
    notes: list[Annotated[str, Lock()]]


class Book(Aggregate, key="player_id"):
    @on
    def note(self, event: Noted) -> None: ...


unsealed = App("book", Book)


@pytest.fixture(autouse=True)
def no_ray(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing may be begun."""

    def init(**options: object) -> None:
        raise AssertionError("Ray was started")

    monkeypatch.setattr(ray, "init", init)
    monkeypatch.chdir(tmp_path)


STARTS: list[tuple[dict[str, Any], str]] = [
    ({"app": "shop"}, "'shop', which is no App"),
    ({"app": Wallet}, "which is no App"),
    ({"app": unsealed}, "Noted.notes holds a codec inside its hint, where nothing would be sealed"),
    ({"journal": 7}, "journal=7 is no place"),
    ({"journal": ""}, "names no journal"),
    ({"journal": "mysql://db/shop"}, "a journal can't be kept at mysql://"),
    ({"journal": ":memory:"}, "is not how a journal in memory is named"),
    ({"journal": "memory:"}, "is not how a journal in memory is named"),
    ({"journal": "sqlite:///shop.db?mode=ro"}, "does not name a journal's file"),
    ({"placement": "everywhere"}, "placement='everywhere' means nothing"),
    ({"lifetime": "forever"}, "lifetime='forever' means nothing"),
    ({"lifetime": None}, "lifetime=None means nothing"),
    ({"clock": 60}, "clock=60 is no clock"),
    ({"partitions": 0}, "partitions=0 can't be"),
    ({"partitions": 3}, "partitions=3 can't be"),
    ({"partitions": True}, "partitions=True can't be"),
    ({"partitions": "64"}, "partitions='64' can't be"),
    ({"partitions": 1 << 30}, "partitions=1073741824 can't be"),
]


@pytest.mark.parametrize(("options", "said"), STARTS, ids=lambda value: str(value) if isinstance(value, dict) else "")
def test_an_option_that_means_nothing_starts_nothing(tmp_path: Path, options: dict[str, Any], said: str) -> None:
    with pytest.raises(TrunklineError, match=said) as raised:
        Runtime.start(**({"app": app} | options))

    assert raised.value.hint
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("what", [7, "", Wallet])
def test_nothing_else_than_an_app_or_its_name_can_be_joined(what: Any) -> None:
    with pytest.raises(TrunklineError, match="no App and no name of one") as raised:
        Runtime.attach(what)

    assert raised.value.hint


def test_tasks_are_told_the_same() -> None:
    with pytest.raises(TrunklineError, match="placement='everywhere' means nothing"):
        asyncio.run(AsyncRuntime.start(app, placement="everywhere"))  # type: ignore[arg-type]


# ------------------------------------------------------------ one face, twice


def public(cls: type) -> dict[str, Callable[..., Any]]:
    return {
        name: getattr(thing, "__func__", thing)
        for name, thing in vars(cls).items()
        if not name.startswith("_") and (inspect.isfunction(thing) or isinstance(thing, classmethod))
    }


OWN = {"of", "leave"}
"""What the blocking face uses of the other."""


def test_the_blocking_face_has_the_same_methods() -> None:
    assert public(Runtime).keys() == public(AsyncRuntime).keys() - OWN
    assert public(BlockingDeadLetters).keys() == public(DeadLetters).keys()


@pytest.mark.parametrize("name", sorted(public(Runtime)))
def test_each_takes_the_same(name: str) -> None:
    def taken(function: Callable[..., Any]) -> list[tuple[str, Any, Any]]:
        return [(p.name, p.kind, p.default) for p in inspect.signature(function).parameters.values()]

    assert taken(public(Runtime)[name]) == taken(public(AsyncRuntime)[name])
