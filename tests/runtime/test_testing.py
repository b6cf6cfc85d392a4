"""Users' apps go through storms as well, and whatever is wrong with them comes out."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from actors import After, Aggregate, App, Event, Gateway, Heartbeat, TrunklineError, Unknown, on
from actors.subject import NotDeterministic
from runtime.simulation.client import Order
from runtime.simulation.play import settle
from runtime.simulation.profile import Profile
from runtime.simulation.scheduler import Scheduler
from runtime.simulation.world import World
from runtime.testing import End, Publish, simulate


class Ordered(Event, origin=True):
    buyer: str
    amount: int


class Paid(Event):
    buyer: str
    amount: int


class Declined(Event):
    buyer: str


class Overdue(Event):
    buyer: str


class Payments(Gateway):
    @on(retries=5, idempotent=True)
    async def charge(self, event: Ordered) -> Paid:
        pytest.fail("the real one was called")

    @charge.failed
    async def gave_up(self, event: Ordered, error: Exception) -> Declined:
        return Declined(buyer=event.buyer)


class Fake(Payments):
    """Remembers what it took, by key; its answers get lost."""

    taken: dict[str, int] = {}
    calls: int = 0

    @on(retries=5, idempotent=True)
    async def charge(self, event: Ordered) -> Paid:
        self.calls += 1
        self.taken[self.idempotency_key] = event.amount
        if self.calls % 3 == 0:
            raise Unknown
        return Paid(buyer=event.buyer, amount=event.amount)

    @charge.failed
    async def gave_up(self, event: Ordered, error: Exception) -> Declined:
        return Declined(buyer=event.buyer)


class Account(Aggregate, key="buyer"):
    ordered: int = 0
    paid: int = 0
    declined: int = 0
    overdue: int = 0

    @on
    def order(self, event: Ordered) -> After[Overdue]:
        self.ordered += 1
        return After(Overdue(buyer=self.id), days=20)

    @on
    def settle(self, event: Paid | Declined) -> None:
        if isinstance(event, Paid):
            self.paid += event.amount
        else:
            self.declined += 1

    @on
    def remind(self, event: Overdue) -> None:
        self.overdue += 1


ORDERS = [Ordered(buyer=f"b{number % 3}", amount=number) for number in range(1, 13)]


def test_an_app_with_a_fake_gateway_keeps_its_books_in_every_storm() -> None:
    fakes: list[Fake] = []

    def app() -> App:
        fakes.append(Fake())
        return App("shop", Payments, Account).using(Payments=fakes[-1])

    ends = simulate(app, ORDERS, count=15)

    for end, fake in zip(ends, fakes, strict=True):
        accounts = [end.get(Account, f"b{number}") for number in range(3)]
        held = sum(account.paid for account in accounts if account is not None)
        assert held == sum(event.amount for event in end.events if isinstance(event, Paid))
        assert held <= sum(fake.taken.values())
        assert [account.ordered for account in accounts if account] == [4, 4, 4]
        assert sum(isinstance(event, Paid | Declined) for event in end.events) == len(ORDERS)
    assert any(fake.calls > len(ORDERS) for fake in fakes), "no call was ever repeated"


@pytest.mark.parametrize(("days", "fired"), [(19, 0), (21, 1)])
def test_timers_that_are_due_within_the_time_given_fire(days: int, fired: int) -> None:
    app = App("shop", Payments, Account).using(Payments=Fake())

    ends = simulate(app, ORDERS, count=4, timers=timedelta(days=days))

    assert [end.get(Account, "b1").overdue for end in ends] == [fired] * 4  # type: ignore[union-attr]


class Reminded(Event):
    buyer: str


class Letters(Gateway):
    """Their first calls fail."""

    calls: int = 0

    @on(retries=5)
    async def remind(self, event: Overdue) -> Reminded:
        self.calls += 1
        if self.calls < 5:
            raise ConnectionError("the post office is closed")
        return Reminded(buyer=event.buyer)


def test_a_call_that_a_timer_leads_to_is_tried_again_as_well() -> None:
    """Time leaps to the timer: what the router was to wake at before lies in the past, and the retry after."""

    def app() -> App:
        return App("shop", Payments, Account, Letters()).using(Payments=Fake())

    ends = simulate(app, ORDERS[:1], count=10, timers=timedelta(days=21))

    assert all(sum(isinstance(event, Reminded) for event in end.events) == 1 for end in ends)


def test_a_key_given_twice_is_taken_once() -> None:
    app = App("shop", Payments, Account).using(Payments=Fake())
    twice = [Publish(ORDERS[0], idempotency_key="one"), Publish(ORDERS[0], idempotency_key="one")]

    ends = simulate(app, twice, count=10)

    assert {sum(isinstance(event, Ordered) for event in end.events) for end in ends} == {1}


class Rolled(Event, origin=True):
    table: str


class Scored(Event):
    table: str
    eyes: int


class Table(Aggregate, key="table"):
    sum: int = 0

    @on
    def roll(self, event: Rolled) -> Scored:
        eyes = random.randint(1, 1_000_000)
        self.sum += eyes
        return Scored(table=self.id, eyes=eyes)


def test_a_client_that_dies_as_the_storm_ends_comes_back_with_what_it_has_left() -> None:
    class Tally(Aggregate, key="buyer"):
        @on
        def hear(self, event: Ordered) -> None: ...

    world = World(App("shop", Tally), Profile(restart_us=1_000_000), Scheduler(1))
    orders = [Order(n, Ordered(buyer="ada", amount=n), f"order-{n}") for n in range(1, 9)]
    world.add_client(orders)

    world.clients[0].kill()
    world.succeed(world.clients[0])
    settle(world)

    assert {ack.order.number for ack in world.history.acks} == set(range(1, 9))


def test_a_handler_that_rolls_dice_of_its_own_is_named() -> None:
    with pytest.raises(NotDeterministic, match="Table/t handled rolled twice") as caught:
        simulate(App("dice", Table), [Rolled(table="t")], seed=7, count=1)

    assert "simulate(..., seed=7, count=1, tell=print)" in "".join(caught.value.__notes__)


class Brittle(Aggregate, key="table"):
    rolls: int = 0

    @on
    def roll(self, event: Rolled) -> None:
        if event.table == "broken":
            raise ValueError("no such table")
        self.rolls += 1


def test_what_always_fails_is_a_dead_letter_and_the_rest_goes_on() -> None:
    ends = simulate(App("brittle", Brittle), [Rolled(table="broken"), Rolled(table="whole")], count=5)

    for end in ends:
        assert [(letter.address, letter.event) for letter in end.dead_letters] == [
            ("Brittle/broken", Rolled(table="broken"))
        ]
        assert "no such table" in end.dead_letters[0].error
        assert end.get(Brittle, "whole") is not None


def test_what_the_user_checks_says_how_to_see_its_history_again() -> None:
    def check(end: End) -> None:
        assert end.seed < 2

    with pytest.raises(AssertionError) as caught:
        simulate(App("brittle", Brittle), [Rolled(table="whole")], count=5, check=check)

    assert "seed=2" in caught.value.__notes__[0]


class Clock(Aggregate, singleton=True):
    ticks: int = 0

    @on
    def begin(self, event: Rolled) -> None:
        """Keyed, so that it lives."""

    @on
    def tick(self, event: Heartbeat) -> None:
        self.ticks += 1 + event.missed


def test_the_machine_sleeps_over_ticks_however_rare_they_are() -> None:
    ends = simulate(App("clock", Clock, heartbeat=3600), [Rolled(table="t")], count=10)

    beats = [event for end in ends for event in end.events if isinstance(event, Heartbeat)]
    assert beats
    assert any(beat.missed for beat in beats)


@pytest.mark.parametrize(
    ("mistake", "said"),
    [
        (lambda app: simulate(Account, ORDERS), "simulate(...) takes an app, and <class"),  # type: ignore[arg-type]
        (lambda app: simulate("app", ORDERS), "simulate(...) takes an app, and 'app' is none"),  # type: ignore[arg-type]
        (lambda app: simulate(lambda: Account, ORDERS), "simulate(...) takes an app"),  # type: ignore[arg-type, return-value]
        (lambda app: simulate(app, ORDERS[0]), "was given Ordered("),  # type: ignore[arg-type]
        (lambda app: simulate(app, Publish(ORDERS[0])), "was given Publish("),  # type: ignore[arg-type]
        (lambda app: simulate(app, [Ordered]), "takes a list of events, and was given <class"),  # type: ignore[list-item]
        (lambda app: simulate(app, None), "was given None"),  # type: ignore[arg-type]
        (lambda app: simulate(app, [Publish(ORDERS[0], time=datetime(2026, 1, 1))]), "is a time with a zone"),
        (lambda app: simulate(app, ORDERS, count=0), "count=0"),
        (lambda app: simulate(app, ORDERS, count="5"), "count='5'"),  # type: ignore[arg-type]
        (lambda app: simulate(app, ORDERS, seed="x"), "seed='x'"),  # type: ignore[arg-type]
    ],
)
def test_what_can_not_be_simulated_is_told_at_once(mistake: Callable[[App], object], said: str) -> None:
    app = App("shop", Account, Fake())

    with pytest.raises(TrunklineError) as caught:
        mistake(app)

    assert said in str(caught.value)
    assert "\n  fix: " in str(caught.value)
