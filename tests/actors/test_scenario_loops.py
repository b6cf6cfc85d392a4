"""Loops in a scenario end as they do in the runtime: by hops, with the chain shown."""

import pytest

from actors import After, Aggregate, App, ChainHalted, Event, on
from actors.chain import HOPS_MAX
from actors.testing import Endless, scenario
from tests.actors.shop import Attempted, Watch


class Ping(Event):
    player_id: str
    n: int


class Pong(Event):
    player_id: str
    n: int


class Player(Aggregate, key="player_id"):
    last: int = 0

    @on(max_hops=8)
    def serve(self, event: Attempted | Pong) -> Ping:
        n = event.n if isinstance(event, Pong) else 0
        return Ping(player_id=self.id, n=n + 1)

    @on
    def answer(self, event: Ping) -> Pong:
        self.last = event.n
        return Pong(player_id=self.id, n=event.n + 1)


def test_a_chain_is_halted_at_the_bound_that_its_handler_declares() -> None:
    play = scenario(App("games", Player, Watch))

    play.publish(Attempted())

    assert [type(event).__name__ for event in play.events] == ["Attempted", *["Ping", "Pong"] * 4, "ChainHalted"]
    watch = play.get(Watch)
    assert watch is not None
    assert (watch.halted, watch.reason) == (1, "more than 8 hops since its origin")
    assert watch.path == ("pong", "ping")


def long_chain(max_hops: int) -> App:
    class Runner(Aggregate, key="player_id"):
        @on(max_hops=max_hops)
        def go(self, event: Attempted | Ping) -> Ping:
            return Ping(player_id=self.id, n=event.n + 1 if isinstance(event, Ping) else 1)

    return App("games", Runner, Watch)


def test_a_chain_may_be_declared_longer_than_the_usual_limit() -> None:
    play = scenario(long_chain(50))

    play.publish(Attempted())

    assert sum(isinstance(event, Ping) for event in play.events) == 50 > HOPS_MAX
    halted = play.events[-1]
    assert isinstance(halted, ChainHalted)
    assert halted.emitter == "Runner.go"
    assert halted.path[-1] == "ping"


def test_what_a_halted_chain_leads_to_starts_no_chain_without_an_end() -> None:
    class Stubborn(Aggregate, singleton=True):
        @on(max_hops=1000)
        def again(self, event: ChainHalted) -> Ping:
            return Ping(player_id="ada", n=0)

    class Runner(Aggregate, key="player_id"):
        @on
        def go(self, event: Ping) -> Pong:
            return Pong(player_id=self.id, n=0)

        @on
        def begin(self, event: Attempted) -> Pong:
            return Pong(player_id=self.id, n=0)

        @on(max_hops=2)
        def run(self, event: Pong) -> Pong:
            return Pong(player_id=self.id, n=event.n + 1)

    play = scenario(App("games", Stubborn, Runner))

    play.publish(Attempted())

    assert sum(isinstance(event, ChainHalted) for event in play.events) == 2, "the second is told to nobody"
    assert isinstance(play.events[-1], ChainHalted)


def test_a_timer_of_positive_delay_starts_its_hops_at_none_and_one_without_a_delay_does_not() -> None:
    class Clock(Aggregate, key="player_id"):
        rounds: int = 0

        @on
        def start(self, event: Attempted) -> After[Ping]:
            return After(Ping(player_id=self.id, n=event.credits), seconds=event.credits)

        @on
        def tick(self, event: Ping) -> After[Ping]:
            self.rounds += 1
            return After(event, seconds=event.n)

    slow, fast = scenario(App("games", Clock, Watch)), scenario(App("games", Clock, Watch))

    slow.publish(Attempted(credits=1))
    slow.advance(seconds=100)
    fast.publish(Attempted(credits=0))

    assert [play.get(Clock, "ada").rounds for play in (slow, fast)] == [100, HOPS_MAX]  # type: ignore[union-attr]
    assert isinstance(fast.events[-1], ChainHalted)
    assert fast.timers == []


def test_a_chain_that_spreads_without_end_is_an_error() -> None:
    class Flood(Aggregate, key="player_id"):
        @on(max_hops=1_000_000)
        def go(self, event: Attempted | Ping) -> Ping:
            return Ping(player_id=self.id, n=0)

    with pytest.raises(Endless, match="10000 events followed from one: ping leads on and on"):
        scenario(App("games", Flood)).publish(Attempted())
