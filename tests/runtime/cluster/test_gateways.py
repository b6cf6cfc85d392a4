"""What becomes of a gateway's calls: answered, failed, unknown; over retries, and over the death of their process."""

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime import RequestTimeout, Runtime

from .market import (
    STATED,
    Books,
    Carried,
    Declined,
    Delivered,
    Mailed,
    Ordered,
    Paid,
    Sent,
    Wired,
    market,
)
from .outside import Answers, Asked, Outside, outside_world


@pytest.fixture(scope="module")
def world() -> Iterator[Outside]:
    with outside_world() as outside:
        yield outside


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("journal") / "market.db"


@pytest.fixture(scope="module")
def rt(ray_cluster: Path, world: Outside, journal: Path) -> Iterator[Runtime]:
    with Runtime.start(market(world.path), journal=journal) as rt:
        yield rt


@pytest.fixture
def outside(rt: Runtime, world: Outside) -> Outside:
    """The world, as it is before a test tells it what to say; nothing of an earlier test is left to decide."""
    for letter in rt.dead_letters.list():
        rt.dead_letters.skip(letter)
    world.answers = lambda asked: "yes"
    while not world.arrived.empty():
        world.arrived.get()
    return world


def one_after_the_other(*answers: str) -> Answers:
    """Say these, and then yes."""
    left = list(answers)
    return lambda asked: left.pop(0) if left else "yes"


class Held:
    """Answers that wait until they are let go."""

    def __init__(self) -> None:
        self._go = threading.Event()

    def __call__(self, asked: Asked) -> str:
        self._go.wait()
        return "yes"

    def let_go(self) -> None:
        self._go.set()


def books(rt: Runtime, who: str) -> Books:
    rt.drain()
    found = rt.get(Books, who)
    assert found is not None
    return found


def kill_gateways(rt: Runtime) -> None:
    os.kill(rt.processes()["market:Gateways"], signal.SIGKILL)


# ------------------------------------------------------------ answered, failed


def test_an_answer_is_committed_once_and_the_key_names_the_event(rt: Runtime, outside: Outside) -> None:
    id = rt.publish(Ordered(who="ada"), idempotency_key="1")
    rt.publish(Ordered(who="ada"), idempotency_key="1")

    (asked,) = (outside.next(),)
    assert asked.key.endswith(f"-{id}-Payments")
    assert books(rt, "ada") == Books(paid=1)
    assert outside.of("ada") == [asked]
    assert [r.source for r in rt.chain(id)] == ["client", "Payments"]


def test_an_answer_happens_when_the_handler_says_so(rt: Runtime, outside: Outside) -> None:
    outside.answers = one_after_the_other("at noon")

    id = rt.publish(Ordered(who="noon"))
    rt.drain()

    assert [r.time for r in rt.chain(id) if r.type == "paid"] == [STATED]


def test_a_failure_is_repeated_with_the_same_key(rt: Runtime, outside: Outside) -> None:
    outside.answers = one_after_the_other("refused", "refused")

    reply = rt.request(Ordered(who="again"), Paid, Declined)

    first, *others = outside.of("again")
    assert reply == Paid(who="again", key=first.key)
    assert others == [first, first]


def test_after_the_last_retry_it_is_given_up_by_an_event_that_says_why(rt: Runtime, outside: Outside) -> None:
    outside.answers = lambda asked: "refused"

    reply = rt.request(Ordered(who="never"), Paid, Declined)

    assert reply == Declined(who="never", reason="RuntimeError: never was refused")
    assert len(outside.of("never")) == 3
    assert books(rt, "never") == Books(declined=1)


# ------------------------------------------------------------ unknown


def test_an_unknown_outcome_is_asked_for_and_not_repeated(rt: Runtime, outside: Outside) -> None:
    outside.answers = one_after_the_other("")

    reply = rt.request(Ordered(who="lost"), Paid, Declined)

    charge, find = outside.of("lost")
    assert (charge.what, find.what) == ("charge", "find")
    assert reply == Paid(who="lost", key=charge.key)
    assert find.key == charge.key


def test_an_answer_that_the_hint_does_not_name_is_asked_about_and_not_repeated(rt: Runtime, outside: Outside) -> None:
    outside.answers = one_after_the_other("nonsense")

    reply = rt.request(Ordered(who="wrong"), Paid, Declined)

    assert isinstance(reply, Paid)
    assert [asked.what for asked in outside.of("wrong")] == ["charge", "find"]
    assert books(rt, "wrong") == Books(paid=1)


def test_what_is_found_not_done_is_done_again(rt: Runtime, outside: Outside) -> None:
    outside.answers = one_after_the_other("", "not done")

    rt.request(Ordered(who="undone"), Paid, Declined)

    assert [asked.what for asked in outside.of("undone")] == ["charge", "find", "charge"]
    assert books(rt, "undone") == Books(paid=1)


def test_what_can_not_be_found_out_is_given_up(rt: Runtime, outside: Outside) -> None:
    outside.answers = lambda asked: ""

    reply = rt.request(Ordered(who="silent"), Paid, Declined)

    assert reply == Declined(who="silent", reason="Unknown: the line broke")
    assert [asked.what for asked in outside.of("silent")] == ["charge", "find", "find", "find"]


def test_past_its_timeout_an_idempotent_call_is_repeated(rt: Runtime, outside: Outside) -> None:
    held = Held()
    outside.answers = lambda asked: held(asked) if len(outside.of("slow")) == 1 else "yes"

    reply = rt.request(Mailed(who="slow"), Sent)

    held.let_go()
    first, second = outside.of("slow")
    assert reply == Sent(who="slow")
    assert first == second
    assert books(rt, "slow") == Books(sent=1)


def test_past_its_timeout_one_that_is_not_is_a_dead_letter_until_somebody_decides(
    rt: Runtime, outside: Outside
) -> None:
    held = Held()
    outside.answers = held
    id = rt.publish(Wired(who="bank"))
    rt.drain()
    (letter,) = rt.dead_letters.list()
    asked_then = outside.of("bank")
    held.let_go()
    outside.answers = lambda asked: "yes"

    retried = rt.dead_letters.retry(letter)
    rt.drain()

    assert retried
    assert (letter.recorded.id, letter.address, letter.error) == (id, "Bank", "TimeoutError")
    assert "Bank.wire took longer than its timeout, 0.3 s: nobody knows its outcome" in letter.message
    assert letter.where.startswith("Bank.wire ")
    assert "market.py:" in letter.where
    assert len(asked_then) == 1
    assert outside.of("bank") == asked_then * 2
    assert books(rt, "bank") == Books(arrived=1)


def test_a_skipped_call_is_never_made_again(rt: Runtime, outside: Outside) -> None:
    outside.answers = lambda asked: ""
    rt.publish(Wired(who="skipped"))
    rt.drain()
    (letter,) = rt.dead_letters.list()

    rt.dead_letters.skip(letter)
    rt.drain()

    assert letter.message == "the line broke"
    assert rt.dead_letters.list() == []
    assert len(outside.of("skipped")) == 1
    assert rt.get(Books, "skipped") is None


# ------------------------------------------------------------ the death of their process


def test_what_runs_when_the_process_dies_is_unknown_and_treated_so(rt: Runtime, outside: Outside) -> None:
    held = Held()
    outside.answers = lambda asked: held(asked) if asked.what in ("charge", "wire") else "yes"
    rt.publish([Ordered(who="dies"), Wired(who="dies")])
    asked = {outside.next().what, outside.next().what}

    kill_gateways(rt)
    rt.drain()

    held.let_go()
    assert asked == {"charge", "wire"}
    assert books(rt, "dies") == Books(paid=1)
    charge, find = (a for a in outside.of("dies") if a.what != "wire")
    assert (charge.key, find.what) == (find.key, "find")
    (letter,) = rt.dead_letters.list()
    assert letter.address == "Bank"
    assert "nobody knows whether it took effect" in letter.message


def test_at_most_so_many_calls_run_at_once(rt: Runtime, outside: Outside) -> None:
    running, most, lock = [0], [0], threading.Lock()
    two = threading.Barrier(2)

    def answer(asked: Asked) -> str:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        two.wait(timeout=60)
        with lock:
            running[0] -= 1
        two.wait(timeout=60)
        return "yes"

    outside.answers = answer
    rt.publish([Carried(who="two") for _ in range(10)])
    rt.drain()

    assert most == [2]
    assert len([r for r in rt.tail(Delivered) if r.event == Delivered(who="two")]) == 10


def test_a_request_that_times_out_leaves_its_call_alone(rt: Runtime, outside: Outside) -> None:
    held = Held()
    outside.answers = held

    with pytest.raises(RequestTimeout):
        rt.request(Ordered(who="late"), Paid, timeout=0.2)

    held.let_go()
    assert books(rt, "late") == Books(paid=1)


def test_the_key_is_the_same_after_the_next_start(rt: Runtime, outside: Outside, journal: Path) -> None:
    held = Held()
    outside.answers = lambda asked: held(asked) if asked.what in ("send", "charge") else "yes"
    rt.publish([Mailed(who="restart"), Ordered(who="restart")])
    before = {outside.next(), outside.next()}

    rt.close()
    outside.answers = lambda asked: "yes"
    with Runtime.start(market(outside.path), journal=journal) as again:
        found = books(again, "restart")

    held.let_go()
    assert found == Books(paid=1, sent=1)
    assert {asked.key for asked in outside.of("restart")} == {asked.key for asked in before}
    assert [a.what for a in outside.of("restart") if a.what != "send"] == ["charge", "find"]
