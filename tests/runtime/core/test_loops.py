"""What DESIGN says of loops, sentence by sentence: hops, bounds, budgets, and what becomes of what is stopped."""

import json
from collections.abc import Iterator

import pytest

from actors import After, Aggregate, App, ChainHalted, Event, Gateway, WiringError, on
from actors.chain import HOPS_MAX, PATH_FROM
from runtime.core.outgoing import BUDGET, BUDGET_AFTER_HALT
from tests.runtime.core.rig import SECOND
from tests.runtime.core.stand import Stand


class Began(Event, origin=True):
    key: str = "a"
    left: int = 1_000


class Stepped(Event):
    key: str
    left: int


class Rested(Event):
    key: str
    left: int


class Split(Event, origin=True):
    key: str = "a"
    depth: int = 0
    into: int = 2


class Piece(Event):
    key: str
    depth: int
    into: int


class Crumb(Event):
    """Heard by those that can't emit."""

    key: str


class Shouted(Event, broadcast=True):
    depth: int


class Born(Event, origin=True):
    key: str


def walker(max_hops: int) -> App:
    class Walker(Aggregate, key="key"):
        steps: int = 0

        @on
        def begin(self, event: Began) -> Stepped:
            return Stepped(key=self.id, left=event.left)

        @on(max_hops=max_hops)
        def step(self, event: Stepped) -> Stepped | None:
            self.steps += 1
            return Stepped(key=self.id, left=event.left - 1) if event.left else None

    return App("walker", Walker)


def walked(app: App, event: Event | None = None, **body: object) -> Stand:
    stand = Stand(app)
    stand.say(event or Began(), **body)
    stand.settle()
    return stand


def halted(stand: Stand) -> list[ChainHalted]:
    return [ChainHalted.model_validate_json(body.data) for _, body in stand.happened("chain_halted")]


# "A cycle in the wiring is an error at start unless a handler in it declares it with its bound."


def test_a_cycle_without_a_bound_is_an_error_at_start() -> None:
    class Endless(Aggregate, key="key"):
        @on
        def begin(self, event: Began) -> Stepped:
            return Stepped(key=self.id, left=1)

        @on
        def step(self, event: Stepped) -> Stepped:
            return event

    with pytest.raises(WiringError, match="max_hops"):
        App("endless", Endless)


# "At run time hops count emissions since the origin (limit 32 ...)"


def test_hops_count_emissions_since_the_origin() -> None:
    stand = walked(walker(32), Began(left=5))

    assert [body.hops for _, body in stand.happened("began")] == [0]
    assert [body.hops for _, body in stand.happened("stepped")] == [1, 2, 3, 4, 5, 6]


def test_a_chain_ends_after_thirty_two_hops() -> None:
    stand = walked(walker(32))

    assert HOPS_MAX == 32
    assert max(body.hops for _, body in stand.happened("stepped")) == 32
    assert len(halted(stand)) == 1


def test_a_declared_bound_below_the_limit_holds() -> None:
    stand = walked(walker(8))

    assert max(body.hops for _, body in stand.happened("stepped")) == 8
    assert len(halted(stand)) == 1


def test_hops_go_on_counting_through_gateways() -> None:
    class Echo(Gateway):
        @on
        async def echo(self, event: Stepped) -> Rested:
            return Rested(key=event.key, left=event.left)

    class Walker(Aggregate, key="key"):
        @on
        def begin(self, event: Began) -> Stepped:
            return Stepped(key=self.id, left=event.left)

        @on(max_hops=9)
        def rested(self, event: Rested) -> Stepped | None:
            return Stepped(key=self.id, left=event.left - 1)

    stand = walked(App("echo", Echo, Walker))

    assert [body.hops for _, body in stand.happened("stepped")] == [1, 3, 5, 7, 9]
    assert len(halted(stand)) == 1


# "(... a fired timer of positive delay starts at 0)"


class Sleeper(Aggregate, key="key"):
    fired: int = 0

    @on
    def begin(self, event: Began) -> After[Rested]:
        return After(Rested(key=self.id, left=event.left), seconds=event.left)

    @on
    def rested(self, event: Rested) -> After[Rested]:
        self.fired += 1
        return After(Rested(key=self.id, left=event.left), seconds=event.left)


def test_a_fired_timer_starts_at_zero_with_a_budget_of_its_own() -> None:
    stand = walked(App("sleeper", Sleeper), Began(left=1), budget=1)
    for _ in range(100):
        stand.now += SECOND
        stand.settle()

    fired = stand.happened("rested")
    assert len(fired) == 100
    assert {body.hops for _, body in fired} == {0}
    assert {body.budget for _, body in fired} == {BUDGET}
    assert halted(stand) == []


def test_a_timer_without_delay_goes_on_counting_and_is_stopped() -> None:
    stand = walked(App("sleeper", Sleeper), Began(left=0))

    assert [body.hops for _, body in stand.happened("rested")] == list(range(1, 33))
    assert len(halted(stand)) == 1
    assert stand.timers == {}


# "`max_hops` may exceed 32 and then holds for chains through that handler."


def test_a_declared_bound_above_the_limit_holds_for_chains_through_that_handler() -> None:
    stand = walked(walker(100))

    assert max(body.hops for _, body in stand.happened("stepped")) == 100
    assert len(halted(stand)) == 1


def test_what_follows_from_a_handler_with_a_higher_bound_may_go_as_far() -> None:
    class Long(Aggregate, key="key"):
        @on
        def begin(self, event: Began) -> Stepped:
            return Stepped(key=self.id, left=event.left)

        @on(max_hops=50)
        def step(self, event: Stepped) -> Rested:
            return Rested(key=self.id, left=event.left)

        @on
        def rested(self, event: Rested) -> Stepped:
            return Stepped(key=self.id, left=event.left)

    stand = walked(App("long", Long))

    hops = [body.hops for type in ("stepped", "rested") for _, body in stand.happened(type)]
    assert sorted(hops) == list(range(1, 51))


def test_a_higher_bound_elsewhere_in_the_app_helps_no_other_chain() -> None:
    class Other(Aggregate, key="key"):
        @on
        def split(self, event: Split) -> Piece:
            return Piece(key=self.id, depth=0, into=1)

        @on(max_hops=1000)
        def piece(self, event: Piece) -> Piece | None:
            return None

        @on
        def begin(self, event: Began) -> Stepped:
            return Stepped(key=self.id, left=event.left)

        @on(max_hops=32)
        def step(self, event: Stepped) -> Stepped:
            return event

    stand = walked(App("other", Other))

    assert max(body.hops for _, body in stand.happened("stepped")) == 32


# "A budget (100,000 events an origin) travels in the envelope and is divided among the deliveries whose handlers can
# emit"


class Splitter(Aggregate, key="key"):
    @on
    def split(self, event: Split) -> Iterator[Piece | Crumb]:
        for number in range(event.into):
            yield Piece(key=f"{self.id}{number}", depth=1, into=event.into)
        yield Crumb(key=self.id)

    @on(max_hops=1000)
    def piece(self, event: Piece) -> Iterator[Piece]:
        for number in range(event.into):
            yield Piece(key=f"{self.id[-8:]}{number}", depth=event.depth + 1, into=event.into)


class Eater(Aggregate, key="key"):
    crumbs: int = 0

    @on
    def eat(self, event: Crumb) -> None:
        self.crumbs += 1

    @on
    def watch(self, event: Piece) -> None: ...


SPLITS = App("splits", Splitter, Eater)


def test_an_origin_has_a_budget_of_a_hundred_thousand_events() -> None:
    stand = walked(walker(32), Began(left=0))

    ((_, body),) = stand.happened("began")
    assert body.budget == BUDGET == 100_000


def test_an_origins_budget_is_divided_among_its_deliveries_that_can_emit() -> None:
    class Second(Aggregate, key="key"):
        @on
        def begin(self, event: Began) -> Crumb:
            return Crumb(key=self.id)

    class Silent(Aggregate, key="key"):
        @on
        def begin(self, event: Began) -> None: ...

    stand = Stand(App("two", *walker(32).parts, Second, Silent))
    stand.say(Began(left=0))
    stand.settle()

    assert [body.budget for _, body in stand.happened("began")] == [BUDGET // 2]


def test_a_turn_pays_for_what_it_emits_and_divides_the_rest_among_those_that_can_emit() -> None:
    stand = walked(SPLITS, Split(into=2), budget=23)

    first = [body.budget for _, body in stand.happened("piece") if json.loads(body.data)["depth"] == 1]
    # It emits two pieces and a crumb, and of their listeners only the two splitters can emit.
    assert first == [(23 - 3) // 2] * 2


@pytest.mark.parametrize("budget", [0, 1, 2, 7, 50, 300])
@pytest.mark.parametrize("into", [1, 2, 3])
def test_an_origin_never_causes_more_events_than_its_budget(budget: int, into: int) -> None:
    stand = walked(SPLITS, Split(into=into), budget=budget)

    caused = len(stand.happened("piece")) + len(stand.happened("crumb"))
    assert caused <= budget
    assert caused or budget < 1
    assert halted(stand)


def test_the_budget_does_not_grow_with_time_or_restarts() -> None:
    stand = Stand(SPLITS)
    stand.say(Split(into=2), budget=60)
    for _ in range(20):
        stand.commit()
        for name, batch in stand.core.take_deliveries():
            stand.core.answer(name, stand.run(name, batch), stand.now)
        stand.commit()
        stand.start()
    stand.settle()

    assert len(stand.happened("piece")) + len(stand.happened("crumb")) <= 60


# "(each delivery of a broadcast starts with one of its own)"


def test_each_delivery_of_a_broadcast_starts_with_a_budget_of_its_own() -> None:
    class Crier(Aggregate, key="key"):
        @on
        def begin(self, event: Began) -> Shouted:
            return Shouted(depth=0)

        @on
        def born(self, event: Born) -> None: ...

        @on
        def hear(self, event: Shouted) -> Crumb:
            return Crumb(key=self.id)

    stand = Stand(App("crier", Crier))
    for number in range(5):
        stand.say(Born(key=f"k{number}"))
    stand.say(Began(), budget=1)
    stand.settle()

    assert [body.budget for _, body in stand.happened("shouted")] == [BUDGET]
    assert len(stand.happened("crumb")) == 6
    assert halted(stand) == []


# "What is stopped becomes a `chain_halted` event with its path."


def test_what_is_stopped_is_told_with_its_path_its_payload_and_who_emitted_it() -> None:
    stand = walked(walker(20))

    (told,) = halted(stand)
    assert told.event_type == "stepped"
    assert json.loads(told.payload) == {"key": "a", "left": 980}
    assert told.emitter == "Walker.step"
    assert "20 hops" in told.reason
    assert told.path[-1] == "stepped"
    assert len(told.path) >= 20 - PATH_FROM + 1


def test_a_budget_that_is_used_up_is_told_as_such() -> None:
    stand = walked(walker(32), budget=3)

    (told,) = halted(stand)
    assert "as many events as it may" in told.reason
    assert len(stand.happened("stepped")) == 3


def test_what_is_stopped_does_not_undo_the_turn_that_emitted_it() -> None:
    stand = walked(walker(8))

    row = stand.instances["Walker/a"]
    assert row.state == b'{"steps":8}'
    assert stand.parked() == []


def test_what_a_turn_emits_within_its_budget_goes_on_and_the_rest_is_told() -> None:
    stand = walked(SPLITS, Split(into=5), budget=2)

    assert len(stand.happened("piece")) == 2
    assert [told.event_type for told in halted(stand)].count("piece") >= 3
    assert [told.event_type for told in halted(stand)].count("crumb") == 1


def test_nobodys_chain_is_kept_going_by_listening_to_what_was_stopped() -> None:
    class Stubborn(Aggregate, key="key"):
        again: int = 0

        @on
        def begin(self, event: Began) -> Stepped:
            return Stepped(key=self.id, left=event.left)

        @on(max_hops=4)
        def step(self, event: Stepped) -> Stepped:
            return event

        @on(key=lambda event: json.loads(event.payload)["key"], max_hops=1000)
        def stopped(self, event: ChainHalted) -> Stepped:
            self.again += 1
            return Stepped(key=self.id, left=0)

    stand = walked(App("stubborn", Stubborn))

    assert stand.instances["Stubborn/a"].state == b'{"again":1}'
    assert len(halted(stand)) <= 3


def test_listeners_of_what_was_stopped_have_a_small_budget() -> None:
    class Doctor(Aggregate, singleton=True):
        @on
        def stopped(self, event: ChainHalted) -> Crumb:
            return Crumb(key="x")

    stand = walked(App("doctor", *walker(8).parts, Doctor))

    ((_, body),) = stand.happened("chain_halted")
    assert body.budget == BUDGET_AFTER_HALT
    assert len(stand.happened("crumb")) == 1
