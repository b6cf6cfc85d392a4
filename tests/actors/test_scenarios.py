"""`scenario`: a whole app in process and in virtual time, in the order of one log."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from actors import After, Aggregate, App, Event, Heartbeat, TrunklineError, cron, on
from actors.errors import EventRejected
from actors.testing import NotDeterministic, Scenario, both_orders, scenario
from tests.actors.shop import (
    Announced,
    Attempted,
    Completed,
    DailyBoard,
    Granted,
    Refused,
    Shop,
    Wallet,
    Watch,
    app,
    wallet,
)

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
