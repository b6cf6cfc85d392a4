"""What a user sees of a running app: states, events, chains, dead letters; and waits for: replies, drains."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from uuid import UUID

import pytest

from actors import Aggregate, Event, TrunklineError
from runtime import (
    BadKey,
    DeadLetter,
    DrainTimeout,
    EventRejected,
    Recorded,
    RequestTimeout,
    Runtime,
)
from runtime.tree import causal_tree

from .store import (
    Announced,
    Board,
    Bought,
    Broken,
    Closed,
    Diary,
    Forget,
    Granted,
    Noticed,
    Pinged,
    Printed,
    Receipts,
    RemindMe,
    Table,
    Tabled,
    Total,
    Wallet,
    app,
)


@pytest.fixture(scope="module")
def rt(ray_cluster: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    with Runtime.start(app, journal=tmp_path_factory.mktemp("journal") / "store.db") as rt:
        yield rt


# ------------------------------------------------------------ get and instances


def test_there_is_nothing_to_get_before_the_first_keyed_event(rt: Runtime) -> None:
    rt.publish(Announced(text="nobody hears it"))
    rt.drain()

    assert rt.get(Wallet, "nobody") is None
    assert rt.get(Diary, "nobody") is None


def test_an_instance_that_was_asked_for_nothing_is_there_and_empty(rt: Runtime) -> None:
    rt.publish(Pinged(player_id="pinged"))
    rt.drain()

    assert rt.get(Wallet, "pinged") == Wallet()


def test_what_is_got_is_a_copy(rt: Runtime) -> None:
    rt.publish(Bought(player_id="copy", credits=3))
    rt.drain()

    first = rt.get(Wallet, "copy")
    assert first is not None
    first.credits = 100

    second = rt.get(Wallet, "copy")
    assert second is not None
    assert second.credits == 3


def test_a_retired_instance_is_gone_and_its_next_keyed_event_begins_it_anew(rt: Runtime) -> None:
    rt.publish([Bought(player_id="retired", credits=3), Closed(player_id="retired")])
    rt.drain()
    gone = rt.get(Wallet, "retired")

    rt.publish(Bought(player_id="retired", credits=1))
    rt.drain()

    assert gone is None
    again = rt.get(Wallet, "retired")
    assert again is not None
    assert again.credits == 1


def test_both_classes_see_a_shared_instance(rt: Runtime) -> None:
    rt.publish([Bought(player_id="shared", credits=3), Bought(player_id="shared", credits=4)])
    rt.drain()

    wallet, total = rt.get(Wallet, "shared"), rt.get(Total, "shared")
    assert wallet is not None
    assert total is not None
    assert (wallet.credits, total.credits, total.bought) == (7, 7, 2)
    assert "shared" in set(rt.instances(Total)) & set(rt.instances(Wallet))


def test_instances_are_the_live_ones_in_order_however_many(rt: Runtime) -> None:
    many = [UUID(int=n) for n in range(1_200)]
    rt.publish(Tabled(table=table, seat=1) for table in many)
    rt.drain()

    assert list(rt.instances(Table)) == sorted(map(str, many))


class Foreign(Aggregate, key="player_id"):
    pass


@pytest.mark.parametrize(
    ("look", "error", "said"),
    [
        (lambda rt: rt.get(Wallet), TrunklineError, "which Wallet?"),
        (lambda rt: rt.get(Wallet, 1.5), BadKey, "1.5 is no key of a Wallet"),
        (lambda rt: rt.get(Wallet, ""), BadKey, "'' is no key of a Wallet"),
        (lambda rt: rt.get(Board, "ada"), TrunklineError, "Board is a singleton"),
        (lambda rt: rt.get(Foreign, "ada"), TrunklineError, "Foreign is no aggregate of app 'store'"),
        (lambda rt: rt.get("Wallet", "ada"), TrunklineError, "'Wallet' is no aggregate"),
        (lambda rt: list(rt.instances(Foreign)), TrunklineError, "Foreign is no aggregate"),
        (lambda rt: rt.chain("0-999999"), EventRejected, "there is no event '0-999999'"),
        (lambda rt: rt.chain("first"), EventRejected, "'first' is no event id"),
        (lambda rt: list(rt.tail("bougt")), EventRejected, "bougt is no event of app 'store'"),
        (lambda rt: list(rt.tail(since="x")), EventRejected, "'x' is no event id"),
        (lambda rt: list(rt.tail(since=datetime(2001, 1, 1))), EventRejected, "has no zone"),
        (lambda rt: rt.has(Bought, "", "ada"), EventRejected, "can't be an idempotency key"),
        (lambda rt: rt.has(Bought, "k", 1.5), BadKey, "is no key"),
        (lambda rt: rt.request(Bought(player_id="ada")), TrunklineError, "needs a reply"),
        (lambda rt: rt.request(Bought(player_id="ada"), Noticed), EventRejected, "no handler emits it"),
        (lambda rt: rt.drain(timeout=-1), TrunklineError, "timeout=-1 has no meaning"),
        (lambda rt: rt.request(Granted(player_id="ada", balance=1), Printed), EventRejected, "no origin"),
    ],
)
def test_who_asks_wrongly_is_told_how_to_ask(
    rt: Runtime, look: Callable[[Runtime], object], error: type[TrunklineError], said: str
) -> None:
    with pytest.raises(error, match=said) as raised:
        look(rt)

    assert raised.value.hint


# ------------------------------------------------------------ chain and tail


def test_a_chain_is_what_an_event_led_to_causes_first(rt: Runtime) -> None:
    id = rt.publish(Bought(player_id="chain", credits=3))
    rt.drain()

    chain = rt.chain(id)

    assert [r.type for r in chain] == ["bought", "granted", "printed"]
    assert [r.cause for r in chain] == [None, *(r.id for r in chain[:2])]
    assert {r.correlation for r in chain} == {id}
    assert [r.source for r in chain] == ["client", "Wallet/chain", "Receipts/chain"]
    assert [r.time for r in chain] == [chain[0].time] * 3
    assert str(causal_tree(chain).label).startswith("bought")


def test_tail_gives_what_was_recorded_oldest_first_of_the_types_that_are_asked_for(rt: Runtime) -> None:
    first = rt.publish(Bought(player_id="tail", credits=1))
    rt.publish(Noticed(text="tail"))
    rt.publish(Bought(player_id="tail", credits=2))
    rt.drain()

    all_of_it = list(rt.tail(since=first))
    some = [r.event for r in rt.tail(Bought, "noticed", since=first)]

    chain = ["bought", "granted", "printed"]
    assert sorted(r.type for r in all_of_it) == sorted([*chain[1:], "noticed", *chain])
    assert [r.recorded for r in all_of_it] == sorted(r.recorded for r in all_of_it)
    assert some == [Noticed(text="tail"), Bought(player_id="tail", credits=2)]
    assert {r.type for r in rt.tail(Event, since=first)} == {r.type for r in rt.tail(since=first)}


def test_tail_begins_at_a_moment(rt: Runtime) -> None:
    id = rt.publish(Noticed(text="before"))
    rt.publish(Noticed(text="at"))
    before = rt.chain(id)[0].recorded

    since = list(rt.tail(Noticed, since=before + timedelta(microseconds=1)))
    everything = list(rt.tail(Noticed))

    assert Noticed(text="before") not in [r.event for r in since]
    assert Noticed(text="at") in [r.event for r in since]
    assert Noticed(text="before") in [r.event for r in everything]
    assert list(rt.tail(since=datetime.now(UTC) + timedelta(days=1))) == []


def test_tail_goes_on_with_what_is_recorded_later(rt: Runtime) -> None:
    first = rt.publish(Noticed(text="0"))

    followed = rt.tail(Noticed, since=first, follow=True)
    found: list[Recorded] = []
    follower = threading.Thread(target=lambda: found.extend(islice(followed, 20)))
    follower.start()
    for n in range(20):
        rt.publish(Noticed(text=f"followed {n}"))
    follower.join()

    assert [r.event for r in found] == [Noticed(text=f"followed {n}") for n in range(20)]


# ------------------------------------------------------------ request


def test_a_request_gives_the_first_such_event_that_it_leads_to(rt: Runtime) -> None:
    granted = rt.request(Bought(player_id="asks", credits=2), Granted)
    printed = rt.request(Bought(player_id="asks", credits=3), Printed)
    either = rt.request(Bought(player_id="asks", credits=4), Printed, Granted)

    assert granted == Granted(player_id="asks", balance=2)
    assert printed == Printed(player_id="asks")
    assert either == Granted(player_id="asks", balance=9)


def test_requests_of_many_threads_get_each_its_own_reply(rt: Runtime) -> None:
    with ThreadPoolExecutor(16) as threads:
        replies = list(
            threads.map(lambda n: rt.request(Bought(player_id=f"asks-{n}", credits=n), Granted), range(1, 100))
        )

    assert replies == [Granted(player_id=f"asks-{n}", balance=n) for n in range(1, 100)]


def test_a_request_without_a_reply_says_what_was_taken_and_leaves_it_so(rt: Runtime) -> None:
    with pytest.raises(RequestTimeout, match=r"noticed was .*, and no printed came of it within 0\.2 s") as raised:
        rt.request(Noticed(text="no reply"), Printed, timeout=0.2)

    assert "it may still come" in raised.value.hint
    assert Noticed(text="no reply") in [r.event for r in rt.tail(Noticed)]


# ------------------------------------------------------------ dead letters


@pytest.fixture
def letter(rt: Runtime, tmp_path: Path) -> Iterator[tuple[DeadLetter, Path]]:
    """Ada's receipts can't be printed as long as a file is not there; two purchases are held behind that."""
    mended = tmp_path / "mended"
    rt.publish(Bought(player_id=tmp_path.name, credits=1))
    # What her wallet emits of it comes from another sender than what follows.
    rt.drain()
    rt.publish(Broken(player_id=tmp_path.name, until=str(mended)))
    rt.publish([Bought(player_id=tmp_path.name, credits=n) for n in (2, 3)])
    rt.drain()
    yield rt.dead_letters.list()[0], mended
    for left in rt.dead_letters.list():
        rt.dead_letters.skip(left)
    rt.drain()


def balances(rt: Runtime, player: str) -> list[int]:
    rt.drain()
    receipts = rt.get(Receipts, player)
    assert receipts is not None
    return receipts.balances


def test_a_failing_turn_becomes_a_dead_letter_that_says_all(
    rt: Runtime, letter: tuple[DeadLetter, Path], tmp_path: Path
) -> None:
    dead, mended = letter

    assert dead.recorded.event == Broken(player_id=tmp_path.name, until=str(mended))
    assert dead.address == f"Receipts/{tmp_path.name}"
    assert (dead.error, dead.causes) == ("RuntimeError", ())
    assert f"Receipts.fail raised RuntimeError: no {mended} while Receipts/{tmp_path.name} handled" in dead.message
    assert "fix: mend the handler and retry the dead letter, or skip it." in dead.message
    assert 'raise RuntimeError(f"no {event.until}")' in dead.traceback
    assert "Receipts.fail" in dead.where
    assert "store.py:" in dead.where
    assert str(dead) == f"{dead.recorded.id} broken for {dead.address}: RuntimeError: {dead.message}"


def test_the_instance_holds_what_comes_later_and_others_go_on(
    rt: Runtime, letter: tuple[DeadLetter, Path], tmp_path: Path
) -> None:
    wallet = rt.get(Wallet, tmp_path.name)

    assert balances(rt, tmp_path.name) == [1]
    assert wallet is not None
    assert wallet.credits == 6
    assert rt.status()["held"] == 1
    notes = list(rt.tail("trunkline.parked", since=letter[0].recorded.id))
    assert rt.chain(letter[0].recorded.id) == [letter[0].recorded, *notes]


def test_a_retried_letter_is_handled_first_and_then_what_was_held(
    rt: Runtime, letter: tuple[DeadLetter, Path], tmp_path: Path
) -> None:
    dead, mended = letter
    mended.touch()

    retried = rt.dead_letters.retry(dead)

    assert retried
    assert balances(rt, tmp_path.name) == [1, -1, 3, 6]
    assert rt.dead_letters.list() == []
    assert not rt.dead_letters.retry(dead), "it is none any longer"
    assert not rt.dead_letters.skip(dead)
    assert [r.type for r in rt.chain(dead.recorded.id)] == [
        "broken",
        "trunkline.parked",
        "trunkline.retried",
        "printed",
    ]


def test_one_that_fails_again_is_a_dead_letter_again(
    rt: Runtime, letter: tuple[DeadLetter, Path], tmp_path: Path
) -> None:
    rt.dead_letters.retry(letter[0])
    rt.drain()

    (again,) = rt.dead_letters.list()
    assert again.recorded == letter[0].recorded
    assert balances(rt, tmp_path.name) == [1]


def test_a_skipped_letter_is_gone_and_what_was_held_goes_on(
    rt: Runtime, letter: tuple[DeadLetter, Path], tmp_path: Path
) -> None:
    assert rt.dead_letters.skip(letter[0])

    assert balances(rt, tmp_path.name) == [1, 3, 6]
    assert rt.dead_letters.list() == []


# ------------------------------------------------------------ drain


def test_a_drain_without_patience_still_looks_whether_all_is_handled(rt: Runtime) -> None:
    rt.drain()

    rt.drain(timeout=0)


def test_a_drain_that_takes_too_long_says_what_is_pending(rt: Runtime) -> None:
    rt.publish(RemindMe(player_id="drain", hours=1, text="tea"))

    with pytest.raises(DrainTimeout, match=r"after 0\.2 s 0 deliveries and 1 timers are pending") as raised:
        rt.drain(timeout=0.2, timers=True)

    assert "timeout=" in raised.value.hint
    rt.drain()
    rt.publish(Forget(player_id="drain"))
    rt.drain(timers=True)
    diary = rt.get(Diary, "drain")
    assert diary is not None
    assert diary.lines == []


def test_a_drain_waits_for_what_other_clients_have_published(rt: Runtime) -> None:
    with Runtime.attach(app) as other:
        other.publish(Bought(player_id="other", credits=1) for _ in range(3_000))
        rt.drain()
        wallet = rt.get(Wallet, "other")

    assert wallet is not None
    assert wallet.credits == 3_000
    assert len(balances(rt, "other")) == 3_000


# ------------------------------------------------------------ processes and status


def test_the_app_says_which_processes_it_has_and_what_they_hold(rt: Runtime) -> None:
    rt.publish(Bought(player_id="held", credits=1))
    rt.drain()

    processes, status = rt.processes(), rt.status()

    assert {"store:Supervisor", "store:Router", "store:host-0"} <= set(processes)
    assert all(Path(f"/proc/{pid}").exists() for pid in processes.values())
    assert status["pid"] == processes["store:Router"]
    assert status["hosts"][0] == "host-0"
    assert any(address.startswith("Wallet/") for address in status["where"]["host-0"])
