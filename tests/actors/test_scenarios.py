"""`scenario`: a whole app in process and in virtual time, in the order of one log."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from actors import After, Aggregate, App, Cancel, ChainHalted, Envelope, Event, Heartbeat, TrunklineError, cron, on
from actors.chain import HOPS_MAX
from actors.errors import EventRejected, HandlerFailed
from actors.testing import Endless, NotDeterministic, Scenario, both_orders, scenario


class Attempted(Event, origin=True):
    player_id: str = "ada"
    credits: int = 10


class Refused(Event, origin=True):
    player_id: str = "ada"


class Completed(Event):
    player_id: str
    credits: int


class Granted(Event):
    player_id: str
    credits: int


class Announced(Event, origin=True, broadcast=True):
    text: str = "hello"


class DailyBoard(Event, origin=True):
    missed: int = 0


class Shop(Aggregate, key="player_id"):
    attempts: int = 0

    @on
    def attempt(self, event: Attempted) -> Completed:
        self.attempts += 1
        return Completed(player_id=self.id, credits=event.credits)


class Wallet(Aggregate, key="player_id"):
    credits: int = 0
    heard: list[str] = []
    at: list[datetime] = []
    envelopes: list[dict[str, str]] = []

    @on
    def grant(self, event: Completed) -> Granted:
        if event.credits < 0:
            raise ValueError("no such purchase")
        self.credits += event.credits
        self.at = [*self.at, self.now]
        self.envelopes = [*self.envelopes, shown(self.event)]
        return Granted(player_id=self.id, credits=event.credits)

    @on
    def hear(self, event: Announced) -> None:
        self.heard = [*self.heard, event.text]

    @on
    def close(self, event: Refused) -> None:
        self.retire()


def shown(e: Envelope) -> dict[str, str]:
    """What of an envelope is text, and its hops."""
    names = ("id", "source", "type", "subject", "dataschema", "sequence", "partitionkey", "correlationid")
    return {name: getattr(e, name) for name in (*names, "causationid")} | {"hops": str(e.hops)}


class Watch(Aggregate, singleton=True):
    halted: int = 0
    path: tuple[str, ...] = ()
    reason: str = ""
    days: list[datetime] = []
    missed: int = 0

    @on
    def halt(self, event: ChainHalted) -> None:
        self.halted += 1
        self.path, self.reason = event.path, event.reason

    @on
    def daily(self, event: DailyBoard) -> None:
        self.days = [*self.days, self.now]
        self.missed += event.missed


app = App("shop", Shop, Wallet, Watch)


def wallet(play: Scenario, id: str = "ada") -> Wallet:
    found = play.get(Wallet, id)
    assert found is not None
    return found


# ---------------------------------------------------------------- publish and get


def test_a_published_event_and_all_that_follows_at_once_is_handled() -> None:
    play = scenario(app)

    followed = play.publish(Attempted(credits=10))

    assert followed == [Completed(player_id="ada", credits=10), Granted(player_id="ada", credits=10)]
    assert play.events == [Attempted(credits=10), *followed]
    assert wallet(play).credits == 10


def test_an_instance_that_never_had_an_event_is_none() -> None:
    play = scenario(app)

    play.publish(Attempted(player_id="ada"))

    assert play.get(Wallet, "bob") is None


def test_what_get_gives_is_a_copy() -> None:
    play = scenario(app)
    play.publish(Attempted(credits=10))

    wallet(play).credits = 1_000

    assert wallet(play).credits == 10


@pytest.mark.parametrize("key", ["x", 0, 7, UUID(int=5)])
def test_an_instance_is_found_by_its_key_whatever_the_keys_type(key: str | int | UUID) -> None:
    class Hit(Event, origin=True):
        key: str | int | UUID

    class Target(Aggregate, key="key"):
        hits: int = 0

        @on
        def hit(self, event: Hit) -> None:
            self.hits += 1

    play = scenario(App("range", Target))

    play.publish(Hit(key=key))

    found = play.get(Target, key)
    assert found is not None
    assert found.id == str(key)


def test_a_class_that_is_not_in_the_app_is_an_error_that_says_which_are() -> None:
    class Stranger(Aggregate, key="player_id"): ...

    with pytest.raises(TrunklineError, match="app 'shop' has no Stranger") as caught:
        scenario(app).get(Stranger, "ada")

    assert caught.value.hint == "its aggregates are: Shop, Wallet, Watch."


def test_an_event_that_a_handler_owns_can_not_be_published() -> None:
    with pytest.raises(EventRejected, match="Completed does not come from outside: Shop owns it"):
        scenario(app).publish(Completed(player_id="ada", credits=1))


@pytest.mark.filterwarnings("error")
def test_an_event_that_would_be_read_back_as_another_can_not_be_published() -> None:
    event = Attempted.model_construct(player_id="ada", credits=True)
    event.__dict__["player_id"] = b"ada"

    with pytest.raises(EventRejected, match="would be read back as another event"):
        scenario(app).publish(event)


def test_an_idempotency_key_is_taken_once_for_event_type_and_routing_key() -> None:
    play = scenario(app)

    play.publish(Attempted(player_id="ada"), idempotency_key="order-1")
    again = play.publish(Attempted(player_id="ada"), idempotency_key="order-1")
    play.publish(Attempted(player_id="bob"), idempotency_key="order-1")
    play.publish(Refused(player_id="ada"), idempotency_key="order-1")

    assert again == []
    assert [event for event in play.events if isinstance(event, Attempted | Refused)] == [
        Attempted(player_id="ada"),
        Attempted(player_id="bob"),
        Refused(player_id="ada"),
    ]


def test_an_idempotency_key_with_another_payload_is_refused() -> None:
    play = scenario(app)
    play.publish(Attempted(credits=10), idempotency_key="order-1")

    with pytest.raises(EventRejected, match="the idempotency key 'order-1' was used with another Attempted"):
        play.publish(Attempted(credits=11), idempotency_key="order-1")

    assert wallet(play).credits == 10


# ---------------------------------------------------------------- time


def test_what_an_aggregate_emits_happens_at_the_time_of_its_event() -> None:
    play = scenario(app, start=datetime(2026, 3, 1, 12, tzinfo=UTC))
    play.advance(hours=1)

    play.publish(Attempted())
    play.publish(Attempted(), time=datetime(2020, 1, 1, tzinfo=UTC))

    assert wallet(play).at == [datetime(2026, 3, 1, 13, tzinfo=UTC), datetime(2020, 1, 1, tzinfo=UTC)]


def test_the_envelope_says_where_an_event_comes_from() -> None:
    play = scenario(app)

    play.publish(Attempted())

    assert wallet(play).envelopes == [
        {
            "id": "0-2",
            "source": "/shop/Shop/ada",
            "type": "completed",
            "subject": "ada",
            "dataschema": "completed/1",
            "sequence": "2",
            "partitionkey": "ada",
            "correlationid": "0-1",
            "causationid": "0-1",
            "hops": "1",
        }
    ]


def test_a_heartbeat_beats_in_virtual_time_to_every_live_instance() -> None:
    class Pulse(Aggregate, key="player_id"):
        ticks: list[int] = []

        @on
        def start(self, event: Attempted) -> None: ...

        @on
        def beat(self, event: Heartbeat) -> None:
            self.ticks = [*self.ticks, event.tick]

    play = scenario(App("shop", Pulse, heartbeat=10))
    play.publish(Attempted(player_id="ada"))
    play.advance(seconds=25)
    play.publish(Attempted(player_id="bob"))

    happened = play.advance(seconds=5)

    assert happened == [Heartbeat(tick=3)]
    ada, bob = play.get(Pulse, "ada"), play.get(Pulse, "bob")
    assert ada is not None
    assert bob is not None
    assert (ada.ticks, bob.ticks) == ([1, 2, 3], [3])


def test_schedules_come_at_their_moments_in_virtual_time() -> None:
    scheduled = App("shop", Shop, Wallet, Watch, schedules=[cron("0 8 * * *", DailyBoard, tz="Europe/Berlin")])
    play = scenario(scheduled, start=datetime(2026, 3, 27, 12, tzinfo=UTC))

    play.advance(days=3)

    watch = play.get(Watch)
    assert watch is not None
    assert watch.missed == 0
    assert watch.days == [datetime(2026, 3, day, hour, tzinfo=UTC) for day, hour in ((28, 7), (29, 6), (30, 6))]


def test_timers_and_ticks_come_in_the_order_of_their_moments() -> None:
    class Reminded(Event):
        player_id: str

    class Pulse(Aggregate, key="player_id"):
        @on
        def start(self, event: Attempted) -> After[Reminded]:
            return After(Reminded(player_id=self.id), seconds=event.credits)

        @on
        def beat(self, event: Heartbeat) -> None: ...

    def happened(credits: int, play: Scenario) -> list[str]:
        play.publish(Attempted(credits=credits))
        return [type(event).__name__ for event in play.advance(seconds=21)]

    pulse = App("shop", Pulse, heartbeat=10)

    assert happened(9, scenario(pulse)) == ["Reminded", "Heartbeat", "Heartbeat"]
    assert happened(11, scenario(pulse)) == ["Heartbeat", "Reminded", "Heartbeat"]
    assert [happened(10, play) for play in both_orders(pulse)] == [
        ["Reminded", "Heartbeat", "Heartbeat"],
        ["Heartbeat", "Reminded", "Heartbeat"],
    ]


# ---------------------------------------------------------------- broadcasts


def test_a_broadcast_goes_to_every_live_instance() -> None:
    play = scenario(app)
    for id in ("ada", "bob"):
        play.publish(Attempted(player_id=id))

    play.publish(Announced(text="one"))
    play.publish(Refused(player_id="bob"))
    play.publish(Announced(text="two"))

    assert wallet(play, "ada").heard == ["one", "two"]
    assert play.get(Wallet, "bob") is None


def test_a_broadcast_makes_nobody_live() -> None:
    play = scenario(app)

    play.publish(Announced())
    play.publish(Attempted(player_id="ada"))

    assert wallet(play).heard == []


# ---------------------------------------------------------------- dead letters


def test_an_event_that_can_not_be_handled_is_a_dead_letter_with_who_and_why() -> None:
    play = scenario(app)

    play.publish(Attempted(credits=-1))

    (letter,) = play.dead_letters
    assert letter.event == Completed(player_id="ada", credits=-1)
    assert letter.address == "Wallet/ada"
    assert isinstance(letter.error, HandlerFailed)
    assert isinstance(letter.error.__cause__, ValueError)
    assert play.get(Wallet, "ada") is None, "the turn left no trace"


def test_after_a_dead_letter_an_instance_holds_its_later_events_and_others_go_on() -> None:
    play = scenario(app)
    play.publish(Attempted(player_id="ada", credits=5))
    play.publish(Attempted(player_id="ada", credits=-1))

    play.publish(Attempted(player_id="ada", credits=7))
    play.publish(Announced())
    play.publish(Attempted(player_id="bob", credits=7))

    assert (wallet(play, "ada").credits, wallet(play, "ada").heard) == (5, [])
    assert wallet(play, "bob").credits == 7
    assert len(play.dead_letters) == 1


def test_a_skipped_dead_letter_lets_the_held_events_go_in_order() -> None:
    play = scenario(app)
    play.publish(Attempted(credits=-1))
    play.publish(Attempted(credits=7))
    play.publish(Announced())

    play.skip(play.dead_letters[0])

    assert play.dead_letters == []
    assert (wallet(play).credits, wallet(play).heard) == (7, ["hello"])


def test_a_retried_dead_letter_that_fails_again_holds_again() -> None:
    play = scenario(app)
    play.publish(Attempted(credits=-1))
    play.publish(Attempted(credits=7))

    play.retry(play.dead_letters[0])

    assert len(play.dead_letters) == 1
    assert play.get(Wallet, "ada") is None
    play.skip(play.dead_letters[0])
    assert wallet(play).credits == 7


def test_a_dead_letter_can_be_retried_when_its_reason_is_gone() -> None:
    class Strict(Aggregate, key="player_id"):
        """Its handler is mended while the event waits."""

        total: int = 0

        @on
        def attempt(self, event: Attempted) -> None:
            if broken:
                raise ValueError("not yet")
            self.total += event.credits

    broken = True
    play = scenario(App("shop", Strict))
    play.publish(Attempted(credits=1))
    play.publish(Attempted(credits=2))

    broken = False
    play.retry(play.dead_letters[0])

    strict = play.get(Strict, "ada")
    assert strict is not None
    assert strict.total == 3


def test_a_dead_letter_is_decided_once() -> None:
    play = scenario(app)
    play.publish(Attempted(credits=-1))
    letter = play.dead_letters[0]
    play.skip(letter)

    with pytest.raises(TrunklineError, match="waits nowhere: Wallet/ada has gone on without it"):
        play.retry(letter)


def test_an_instance_whose_failures_are_skipped_goes_on() -> None:
    class Lenient(Aggregate, key="player_id", failures="skip"):
        total: int = 0

        @on
        def attempt(self, event: Attempted) -> None:
            self.total += 100 // event.credits

    play = scenario(App("shop", Lenient))
    play.publish(Attempted(credits=0))
    play.publish(Attempted(credits=10))

    lenient = play.get(Lenient, "ada")
    assert lenient is not None
    assert lenient.total == 10
    assert [letter.event for letter in play.dead_letters] == [Attempted(credits=0)]


def test_an_instance_whose_first_event_was_skipped_is_live() -> None:
    class Lenient(Aggregate, key="player_id", failures="skip"):
        heard: int = 0

        @on
        def attempt(self, event: Attempted) -> None:
            raise ValueError("no")

        @on
        def hear(self, event: Announced) -> None:
            self.heard += 1

    play = scenario(App("shop", Lenient))

    play.publish(Attempted())
    play.publish(Announced())

    lenient = play.get(Lenient, "ada")
    assert lenient is not None
    assert lenient.heard == 1


def test_a_cancel_that_was_held_when_its_timer_was_due_still_wins() -> None:
    class Reminded(Event):
        player_id: str

    class Careful(Aggregate, key="player_id"):
        reminded: bool = False

        @on
        def attempt(self, event: Attempted) -> After[Reminded]:
            return After(Reminded(player_id=self.id), minutes=100 // event.credits)

        @on
        def refuse(self, event: Refused) -> Cancel[Reminded]:
            return Cancel(Reminded)

        @on
        def remind(self, event: Reminded) -> None:
            self.reminded = True

    play = scenario(App("shop", Careful))
    play.publish(Attempted(credits=100))
    play.publish(Attempted(credits=0))
    play.publish(Refused())

    play.advance(hours=1)
    play.skip(play.dead_letters[0])

    assert play.timers == []
    assert not any(isinstance(event, Reminded) for event in play.events)


def test_a_timer_does_not_fire_while_its_instance_is_held() -> None:
    class Reminded(Event):
        player_id: str

    class Careful(Aggregate, key="player_id"):
        order: list[str] = []
        at: datetime | None = None

        @on
        def attempt(self, event: Attempted) -> After[Reminded]:
            self.order = [*self.order, f"{100 // event.credits}"]
            return After(Reminded(player_id=self.id), minutes=1, name="kept")

        @on
        def remind(self, event: Reminded) -> None:
            self.order = [*self.order, "reminded"]
            self.at = self.now

    play = scenario(App("shop", Careful))
    start = play.now
    play.publish(Attempted(credits=50))
    play.publish(Attempted(credits=0))

    play.advance(hours=1)
    held = play.get(Careful, "ada")
    play.skip(play.dead_letters[0])

    released = play.get(Careful, "ada")
    assert held is not None
    assert released is not None
    assert held.order == ["2"]
    assert released.order == ["2", "reminded"]
    assert released.at == start + timedelta(minutes=1), "the moment it was due"


# ---------------------------------------------------------------- loops


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


# ---------------------------------------------------------------- the same again


def test_a_turn_that_differs_when_it_is_run_again_fails() -> None:
    seen = []

    class Counting(Aggregate, key="player_id"):
        number: int = 0

        @on
        def attempt(self, event: Attempted) -> None:
            seen.append(event)
            self.number = len(seen)

    with pytest.raises(NotDeterministic, match="Counting/ada handled attempted twice"):
        scenario(App("shop", Counting)).publish(Attempted())


def test_both_orders_differ_in_what_comes_first_at_one_moment_and_in_nothing_else() -> None:
    plays = []
    for play in both_orders(app):
        play.publish(Attempted())
        play.advance(hours=1)
        play.publish(Attempted(player_id="bob"))
        plays.append(play)

    assert plays[0].events == plays[1].events
