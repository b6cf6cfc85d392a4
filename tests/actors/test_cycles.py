"""Cycles are found in the wiring, before anything runs."""

from typing import Any

import pytest

from actors import After, Aggregate, App, Event, Gateway, WiringError, on


class Began(Event, origin=True):
    key: str


class Ping(Event):
    key: str


class Pong(Event):
    key: str


class Tick(Event):
    key: str


class Server(Aggregate, key="key"):
    @on
    def serve(self, event: Began | Pong) -> Ping: ...  # type: ignore[empty-body]


class Player(Aggregate, key="key"):
    @on
    def play(self, event: Ping) -> Pong: ...  # type: ignore[empty-body]


def cycles(*parts: Any) -> list[str]:
    """What is said of the cycles of these parts."""
    try:
        App("game", *parts)
    except WiringError as error:
        return [str(problem) for problem in error.errors if problem.kind == "UndeclaredCycle"]
    return []


def test_a_cycle_is_an_error_that_shows_the_way_round_and_every_place() -> None:
    (found,) = cycles(Server, Player)

    assert "Ping → Player.play → Pong → Server.serve → Ping" in found
    assert Server.serve.where in found
    assert Player.play.where in found
    assert "@on(max_hops=8)" in found


def test_an_event_that_leads_to_itself_at_once_is_a_cycle() -> None:
    class Echo(Aggregate, key="key"):
        @on
        def start(self, event: Began) -> Ping: ...  # type: ignore[empty-body]

        @on
        def again(self, event: Ping) -> Ping | None: ...

    (found,) = cycles(Echo)

    assert "Ping → Echo.again → Ping" in found


def test_a_cycle_through_a_timer_is_none() -> None:
    class Patient(Aggregate, key="key"):
        @on
        def play(self, event: Ping) -> After[Pong]: ...  # type: ignore[empty-body]

    assert cycles(Server, Patient) == []


def test_a_handler_that_declares_its_bound_declares_the_cycle() -> None:
    class Bounded(Aggregate, key="key"):
        @on(max_hops=8)
        def play(self, event: Ping) -> Pong: ...  # type: ignore[empty-body]

    assert cycles(Server, Bounded) == []


def test_a_declared_cycle_does_not_hide_another() -> None:
    class Bounded(Aggregate, key="key"):
        @on(max_hops=8)
        def play(self, event: Ping) -> Pong: ...  # type: ignore[empty-body]

        @on
        def tick(self, event: Tick) -> Tick: ...  # type: ignore[empty-body]

    (found,) = cycles(Server, Bounded)

    assert "Tick → Bounded.tick → Tick" in found


def test_every_cycle_is_reported() -> None:
    class Ticker(Aggregate, key="key"):
        @on
        def tick(self, event: Ping | Tick) -> Tick: ...  # type: ignore[empty-body]

    assert len(cycles(Server, Player, Ticker)) == 2


def test_a_cycle_through_a_gateway_is_one() -> None:
    class Outside(Gateway):
        @on
        async def play(self, event: Ping) -> Pong: ...  # type: ignore[empty-body]

    (found,) = cycles(Server, Outside)

    assert "Outside.play → Pong" in found


@pytest.mark.parametrize("way", ["failed", "reconcile"])
def test_a_cycle_through_what_becomes_of_a_failed_call_is_one(way: str) -> None:
    class Outside(Gateway):
        @on
        async def play(self, event: Ping) -> None: ...

        async def otherwise(self, event: Ping) -> Pong: ...  # type: ignore[empty-body]

        getattr(play, way)(otherwise)

    (found,) = cycles(Server, Outside)

    assert "Outside.play → Pong" in found


def test_a_cycle_through_a_listener_of_a_base_event_is_one() -> None:
    class Shot(Event):
        key: str

    class Smash(Shot): ...

    class Smasher(Aggregate, key="key"):
        @on
        def start(self, event: Began) -> Smash: ...  # type: ignore[empty-body]

        @on
        def again(self, event: Shot) -> Smash: ...  # type: ignore[empty-body]

    (found,) = cycles(Smasher)

    assert "Smash → Smasher.again → Smash" in found


def test_a_chain_that_meets_again_without_leading_back_is_no_cycle() -> None:
    class Fork(Aggregate, key="key"):
        @on
        def start(self, event: Began) -> Ping | Pong: ...  # type: ignore[empty-body]

    class Join(Aggregate, key="key"):
        @on
        def either(self, event: Ping | Pong) -> Tick: ...  # type: ignore[empty-body]

    assert cycles(Fork, Join) == []
