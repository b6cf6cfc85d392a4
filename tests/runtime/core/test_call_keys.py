"""The idempotency key that a gateway gives to the outside: one for all attempts at a call, and for no other call."""

from collections.abc import Callable

import pytest

from runtime.core.messages import Call, Outcome, id_text

from .rig import FAILURE, SECOND, Rig, plan


def first_call(journal: str = "a", **fields: object) -> Call:
    """Of the first event in a journal."""
    rig = Rig(plan(retries=3, reconcile=True)._replace(journal=journal))
    rig.publish("Payments", partition=0, **fields)
    (call,) = rig.calls()
    return call


def failed(rig: Rig, call: Call) -> None:
    rig.done(call, Outcome.FAILED, failure=FAILURE)


def unknown(rig: Rig, call: Call) -> None:
    rig.done(call, Outcome.UNKNOWN)


def another_router(rig: Rig, call: Call) -> None:
    rig.start()


@pytest.mark.parametrize("what_ended_it", [failed, unknown, another_router])
def test_every_attempt_has_the_same_key(what_ended_it: Callable[[Rig, Call], None]) -> None:
    rig = Rig(plan(retries=3, reconcile=True)._replace(journal="a"))
    rig.publish("Payments")
    (first,) = rig.calls()

    what_ended_it(rig, first)
    rig.now += 60 * SECOND
    (second,) = rig.calls()

    assert (first.attempt, second.attempt) == (1, 2)
    assert second.key == first.key


def test_a_key_names_event_and_gateway_and_fits_into_what_providers_take() -> None:
    call = first_call()

    assert call.key.endswith(f"-{id_text(call.id)}-{call.gateway}")
    assert len(call.key) - len(call.gateway) <= 16 + len("-63-1000000000-")
    assert " " not in call.key


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(lambda: first_call(journal="b"), id="in another journal"),
        pytest.param(lambda: first_call(time=2), id="at another time"),
        pytest.param(lambda: first_call(body=b"other"), id="with another content"),
    ],
)
def test_another_event_in_the_same_place_has_another_key(other: Callable[[], Call]) -> None:
    one, another = first_call(), other()

    assert another.id == one.id
    assert another.key != one.key


def test_the_same_journal_restored_makes_the_same_call_under_the_same_key() -> None:
    assert first_call(time=1).key == first_call(time=1).key
