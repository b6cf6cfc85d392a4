"""What a turn or a call that failed says: whose it was, where it stands, and what to do."""

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from actors import Aggregate, App, Event, Gateway, on
from actors.errors import HandlerFailed, StateNotRoundTrip, TurnError, UnexpectedEmission
from actors.testing import scenario
from tests.actors.rig import Rig
from tests.actors.wired import place


class Happened(Event, origin=True):
    change: Any = None
    key: str = "ada"


class Answered(Event):
    key: str
    n: int = 0


class Box(Aggregate, key="key"):
    held: list[float] = []
    count: int = 0

    @on
    def mutate(self, event: Happened) -> None:
        event.change(self)


class Versioned(Box, key="key", version=2, upcasters={1: dict}):
    """Stored field by field."""


# ---------------------------------------------------------------- a turn


@pytest.mark.parametrize("cls", [Box, Versioned])
@pytest.mark.parametrize(
    ("value", "said"),
    [
        (lambda box: len, "can't be written: Unable to serialize unknown type"),
        (lambda box: box.held, "Circular reference"),
    ],
)
def test_a_state_that_can_not_be_written_names_its_field_its_handler_and_its_place(
    cls: type[Box], value: Callable[[Any], Any], said: str
) -> None:
    rig = Rig(cls)

    with pytest.raises(StateNotRoundTrip) as caught:
        rig.turn(Happened(change=lambda box: box.held.append(value(box))))

    text = str(caught.value)
    assert f"the state of {cls.__name__}/ada does not survive being stored: {cls.__name__}.held is [" in text
    assert said in text
    assert f"after {cls.__name__}.mutate {place(Box.mutate)} handled Happened\n  at {place(cls)}\n  fix: " in text
    assert rig.stored is None
    assert rig.state.held == []


@pytest.mark.parametrize("error", [SystemExit(3), GeneratorExit()], ids=repr)
def test_a_handler_that_ends_its_thread_has_failed_like_any(error: BaseException) -> None:
    def leave(box: Box) -> None:
        box.count = 1
        raise error

    rig = Rig(Box)

    with pytest.raises(HandlerFailed) as caught:
        rig.turn(Happened(change=leave))

    text = str(caught.value)
    said = f"{type(error).__name__}: {error}"
    assert f"Box.mutate raised {said} while Box/ada handled Happened\n  at Box.mutate {place(Box.mutate)}" in text
    assert caught.value.__cause__ is error
    assert rig.state.count == 0


def test_a_handler_that_exits_is_a_dead_letter_of_a_scenario() -> None:
    play = scenario(App("test", Quitting))

    play.publish(Happened())

    (letter,) = play.dead_letters
    assert "Quitting.leave raised SystemExit: 3" in str(letter.error)


class Quitting(Aggregate, key="key"):
    @on
    def leave(self, event: Happened) -> None:
        sys.exit(3)


@pytest.mark.parametrize("upcaster", [lambda s: {"count": s["total"]}, lambda s: [s]], ids=["raises", "a list"])
def test_an_upcaster_of_a_state_that_fails_is_named_with_its_version_and_place(upcaster: Any) -> None:
    class Newer(Box, key="key", version=2, upcasters={1: upcaster}): ...

    with pytest.raises(TurnError) as caught:
        Rig(Newer, state={"count": 1})

    text = str(caught.value)
    assert "the stored state of Newer/ada can't be read: the upcaster of Newer from version 1 r" in text
    assert f"  at {place(upcaster)}\n" in text
    assert f"  at {place(Newer)}\n  fix: mend it" in text


# ---------------------------------------------------------------- one, and several


class ReturnsOne(Aggregate, key="key"):
    @on
    def answer(self, event: Happened) -> Iterator[Answered]:
        return Answered(key=event.key)  # type: ignore[return-value]


class ReturnsSeveral(Aggregate, key="key"):
    @on
    def answer(self, event: Happened) -> Answered:
        return [Answered(key=event.key)]  # type: ignore[return-value]


class GatewayOfOne(Gateway):
    @on
    async def answer(self, event: Happened) -> Iterable[Answered]:
        return Answered(key=event.key)  # type: ignore[return-value]


class GatewayOfSeveral(Gateway):
    @on
    async def answer(self, event: Happened) -> Answered:
        return [Answered(key=event.key)]  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("part", "said", "fix"),
    [
        (ReturnsOne, "and its return hint says that it gives several", "return a list, or yield it"),
        (GatewayOfOne, "and its return hint says that it gives several", "return a list"),
        (ReturnsSeveral, "which its return hint does not name", "-> Iterator[X] or -> Iterable[X]"),
        (GatewayOfSeveral, "which its return hint does not name", "-> Iterator[X] or -> Iterable[X]"),
    ],
)
def test_one_where_several_are_hinted_is_told_so_and_several_where_one_is(part: Any, said: str, fix: str) -> None:
    play = scenario(App("test", part))

    play.publish(Happened())

    (letter,) = play.dead_letters
    error = letter.error
    assert isinstance(error, UnexpectedEmission)
    assert f"{part.__name__}.answer returned " in str(error)
    assert "Answered(key='ada', n=0)" in str(error)
    assert said in str(error)
    assert place(part.answer) in str(error)
    assert fix in error.hint
