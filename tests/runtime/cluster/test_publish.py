"""What a user publishes: durable, in order, once for each key, from any thread."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from uuid import UUID

import pytest

from actors import Event
from runtime import BadKey, EventRejected, KeyReused, Runtime, TrunklineError

from .store import Board, Bought, Gifted, Granted, Noticed, Pinged, Table, Tabled, Wallet, app


@pytest.fixture(scope="module")
def rt(ray_cluster: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    with Runtime.start(app, journal=tmp_path_factory.mktemp("journal") / "store.db") as rt:
        yield rt


def credits(rt: Runtime, player: str) -> int:
    rt.drain()
    wallet = rt.get(Wallet, player)
    assert wallet is not None
    return wallet.credits


# ------------------------------------------------------------ durable, with an id


def test_a_published_event_stands_in_the_log_under_its_id_when_publish_returns(rt: Runtime) -> None:
    id = rt.publish(Bought(player_id="log", credits=3))

    recorded = rt.chain(id)[0]
    assert (recorded.id, recorded.event) == (id, Bought(player_id="log", credits=3))
    assert (recorded.source, recorded.subject, recorded.cause, recorded.correlation) == ("client", "log", None, id)


def test_events_of_an_iterable_get_ids_in_order_and_are_handled_in_order(rt: Runtime) -> None:
    table = UUID(int=7)

    ids = rt.publish(Tabled(table=table, seat=seat) for seat in range(5_000))
    rt.drain()

    positions = [int(id.partition("-")[2]) for id in ids]
    assert len({id.partition("-")[0] for id in ids}) == 1, "one key, one log"
    assert positions == sorted(set(positions))
    assert rt.get(Table, table) == rt.get(Table, str(table))
    found = rt.get(Table, table)
    assert found is not None
    assert found.seats == list(range(5_000))


def test_an_iterable_that_raises_leaves_published_what_it_had_given(rt: Runtime) -> None:
    def events() -> Iterator[Event]:
        yield Bought(player_id="half", credits=1)
        yield Bought(player_id="half", credits=2)
        raise EventRejected("no more", hint="none")

    with pytest.raises(EventRejected) as raised:
        rt.publish(events())

    assert "The 2 events before it were handed in" in "".join(raised.value.__notes__)
    assert credits(rt, "half") == 3


def test_of_a_list_nothing_is_published_if_something_is_wrong_with_one(rt: Runtime) -> None:
    events = [Bought(player_id="whole", credits=1)] * 5_000

    for wrong in ([*events, Bought(player_id="", credits=1)], (*events, "no event")):
        with pytest.raises((BadKey, EventRejected)):
            rt.publish(wrong)  # type: ignore[call-overload]

    rt.drain()
    assert rt.get(Wallet, "whole") is None


def test_no_events_have_no_ids(rt: Runtime) -> None:
    assert rt.publish([]) == []
    assert rt.publish(iter(()), wait=False).result() == []


def test_without_waiting_there_are_futures(rt: Runtime) -> None:
    futures = [rt.publish(Bought(player_id="later", credits=1), wait=False) for _ in range(100)]
    many = rt.publish([Bought(player_id="later", credits=1)] * 100, wait=False)

    ids = [future.result() for future in futures] + many.result()

    assert len(set(ids)) == 200
    assert credits(rt, "later") == 200


def test_publishes_of_many_threads_are_all_taken(rt: Runtime) -> None:
    with ThreadPoolExecutor(32) as threads:
        ids = list(threads.map(lambda n: rt.publish(Bought(player_id=f"thread-{n % 4}")), range(800)))

    assert len(set(ids)) == 800
    assert [credits(rt, f"thread-{n}") for n in range(4)] == [200] * 4


# ------------------------------------------------------------ where, and when


def test_an_event_whose_listeners_agree_on_no_key_reaches_each_of_them(rt: Runtime) -> None:
    id = rt.publish(Gifted(giver="from", taker="to", credits=5))

    assert (credits(rt, "from"), credits(rt, "to")) == (-5, 5)
    assert rt.chain(id)[0].subject == ""


def test_one_that_nobody_listens_to_by_key_goes_to_the_singleton(rt: Runtime) -> None:
    rt.publish([Noticed(text="a"), Noticed(text="b")])
    rt.drain()

    board = rt.get(Board)
    assert board is not None
    assert set(board.texts) == {"a", "b"}


def test_time_is_what_was_given_in_any_zone_else_the_moment_it_was_taken(rt: Runtime) -> None:
    noon = datetime(2001, 2, 3, 12, tzinfo=UTC)
    before = datetime.now(UTC)

    given = rt.publish(Bought(player_id="then"), time=noon.astimezone(timezone(timedelta(hours=9))))
    rt.drain()
    then = rt.get(Wallet, "then")
    taken = rt.publish(Bought(player_id="now"))

    assert then is not None
    assert then.at == noon
    assert rt.chain(given)[0].time == noon
    assert rt.chain(given)[0].recorded >= before - timedelta(seconds=1)
    assert before - timedelta(seconds=1) <= rt.chain(taken)[0].time <= datetime.now(UTC) + timedelta(seconds=1)


# ------------------------------------------------------------ idempotency keys


def test_a_repeated_key_gives_the_first_id_and_changes_nothing(rt: Runtime) -> None:
    event = Bought(player_id="once", credits=4)

    first = rt.publish(event, idempotency_key="order-1")
    again = [rt.publish(event, idempotency_key="order-1") for _ in range(3)]
    at_once = [rt.publish(event, idempotency_key="order-1", wait=False) for _ in range(20)]

    assert {first, *again, *(future.result() for future in at_once)} == {first}
    assert credits(rt, "once") == 4


def test_a_key_with_another_payload_is_refused_and_names_the_first(rt: Runtime) -> None:
    first = rt.publish(Bought(player_id="reuse", credits=4), idempotency_key="order-1")

    with pytest.raises(KeyReused, match=first) as raised:
        rt.publish(Bought(player_id="reuse", credits=5), idempotency_key="order-1")

    assert "another key" in raised.value.hint
    assert credits(rt, "reuse") == 4


def test_a_key_is_one_event_types_and_one_routing_keys(rt: Runtime) -> None:
    ids = {
        rt.publish(Bought(player_id="scope-a"), idempotency_key="k"),
        rt.publish(Bought(player_id="scope-b"), idempotency_key="k"),
        rt.publish(Pinged(player_id="scope-a"), idempotency_key="k"),
        rt.publish(Noticed(text="scope"), idempotency_key="k"),
    }

    assert len(ids) == 4
    assert rt.has(Bought, "k", "scope-a")
    assert rt.has("bought", "k", "scope-b")
    assert rt.has("Bought", "k", "scope-b")
    assert rt.has(Pinged, "k", "scope-a")
    assert rt.has(Noticed, "k", Board.__name__)
    assert rt.has(Noticed, "k")
    assert not rt.has(Bought, "k", "scope-c")
    assert not rt.has(Bought, "other", "scope-a")


def test_a_key_is_known_as_soon_as_publish_returns_whoever_asks(rt: Runtime) -> None:
    def known(n: int) -> bool:
        rt.publish(Bought(player_id="asked"), idempotency_key=f"asked-{n}")
        return rt.has(Bought, f"asked-{n}", "asked")

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(known, range(200)))


# ------------------------------------------------------------ what can't be published


class Strange(Event, origin=True):
    player_id: str


WRONG = {
    "owned by a handler": (Granted(player_id="ada", balance=1), EventRejected, "Wallet emits it"),
    "of no app": (Strange(player_id="ada"), EventRejected, "is no event of this app"),
    "unchecked": (Bought.model_construct(player_id="ada", credits="many"), EventRejected, "credits"),
    "incomplete": (Bought.model_construct(credits=1), EventRejected, "player_id"),
    "too large": (Noticed(text="x" * (1 << 20)), EventRejected, "an event may have 1,048,576"),
    "no key": (Bought(player_id=""), BadKey, "can't route Bought to a Wallet"),
    "a key with a control character": (Bought(player_id="a\nb"), BadKey, "can't route Bought to a Wallet"),
    "a class": (Bought, EventRejected, "Bought is a class, and no event"),
    "a dict": ({"player_id": "ada"}, EventRejected, "is no event"),
    "a text": ("bought", EventRejected, "is no event"),
    "nothing": (None, EventRejected, "is no event"),
    "a number": (7, EventRejected, "is no event"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_with_an_event_is_said_to_whoever_publishes_it(rt: Runtime, what: str) -> None:
    event, error, said = WRONG[what]

    with pytest.raises(error, match=said) as raised:
        rt.publish(event)

    assert isinstance(raised.value, TrunklineError)
    assert raised.value.hint


@pytest.mark.parametrize(
    "options",
    [
        {"time": datetime(2001, 1, 1)},
        {"time": "noon"},
        {"idempotency_key": ""},
        {"idempotency_key": "a\nb"},
        {"idempotency_key": "x" * 2_000},
        {"idempotency_key": 7},
        {"timeout": -1.0},
    ],
    ids=str,
)
def test_so_is_what_is_wrong_with_the_options(rt: Runtime, options: dict[str, object]) -> None:
    with pytest.raises(TrunklineError) as raised:
        rt.publish(Bought(player_id="ada"), **options)  # type: ignore[call-overload]

    assert raised.value.hint


def test_a_key_is_not_for_several_events(rt: Runtime) -> None:
    with pytest.raises(TrunklineError, match="one event's") as raised:
        rt.publish([Bought(player_id="ada")], idempotency_key="k")  # type: ignore[call-overload]

    assert "one by one" in raised.value.hint
