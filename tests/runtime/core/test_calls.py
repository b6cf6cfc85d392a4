"""Gateway calls: attempts, answers and failures, and what follows from each."""

import json

import msgspec
import pytest

from runtime.core.messages import CallDone, CallKind, Failure, Outcome
from runtime.core.rows import Status
from runtime.core.staging import Drained
from runtime.wire import decode_body

from .calls import begun, called, is_over, status
from .rig import FAILURE, Rig, emission, plan

# ------------------------------------------------------------ an answer


def test_an_answer_is_committed_once_with_what_it_emits() -> None:
    rig, call = begun()

    rig.done(call, Outcome.ANSWERED, emission(time=55), emission(type="noted"))

    assert rig.types == ["attempted", "completed", "noted"]
    (completed,) = [e for e in rig.log.values() if e.type == "completed"]
    assert (completed.cause, completed.root, completed.time) == (call.id, call.id, 55)
    assert is_over(rig)


def test_an_answer_without_an_event_ends_the_call_as_well() -> None:
    rig, call = begun()

    rig.done(call, Outcome.ANSWERED)

    assert is_over(rig)


def test_an_answer_given_twice_has_one_effect() -> None:
    rig, call = begun()

    rig.done(call, Outcome.ANSWERED, emission())
    rig.done(call, Outcome.ANSWERED, emission())

    assert rig.types == ["attempted", "completed"]


def test_an_answer_that_was_not_committed_is_no_answer() -> None:
    rig, call = begun(idempotent=True)
    rig.core.called(CallDone("Payments", 0, 1, call.at, Outcome.ANSWERED, (emission(),)), rig.now)
    rig.step()

    rig.start()

    assert called(rig).attempt == 2
    assert rig.types == ["attempted"]


def test_calls_are_unordered() -> None:
    rig = Rig()
    rig.publish("Payments")
    rig.publish("Payments")
    first, second = rig.calls()

    rig.done(second, Outcome.ANSWERED, emission(type="second"))
    rig.done(first, Outcome.ANSWERED, emission(type="first"))

    assert rig.types == ["attempted", "attempted", "second", "first"]


def test_a_call_answered_out_of_order_is_not_made_again_by_the_next_router() -> None:
    rig = Rig(plan(idempotent=True))
    rig.publish("Payments")
    rig.publish("Payments")
    first, second = rig.calls()
    rig.done(second, Outcome.ANSWERED)

    rig.start()

    assert called(rig).at == first.at


# ------------------------------------------------------------ a failure


def test_a_failed_call_is_repeated_after_a_backoff_from_a_tenth_of_a_second() -> None:
    rig, call = begun(retries=5)
    waits = []
    for attempt in range(2, 5):
        rig.done(call, Outcome.FAILED, failure=FAILURE)
        assert rig.calls() == []
        wake = rig.core.wake_at()
        assert wake is not None
        waits.append(wake - rig.now)
        call = called(rig, waits[-1])
        assert (call.kind, call.attempt) == (CallKind.CALL, attempt)

    assert waits == [100_000, 200_000, 400_000]


def test_calls_that_failed_at_one_moment_are_repeated_in_their_order() -> None:
    rig = Rig(plan(retries=1))
    rig.publish("Payments")
    rig.publish("Payments")
    calls = rig.calls()
    for call in calls:
        rig.core.called(CallDone("Payments", 0, 1, call.at, Outcome.FAILED, failure=FAILURE), rig.now)
    rig.commit()

    rig.now += 100_000

    assert [call.at for call in rig.calls()] == [call.at for call in calls]


def test_a_failed_call_is_given_up_after_its_retries() -> None:
    for retries in (0, 1, 3):
        rig, call = begun(retries=retries)
        for _ in range(retries):
            rig.done(call, Outcome.FAILED, failure=FAILURE)
            call = called(rig)

        rig.done(call, Outcome.FAILED, failure=FAILURE)

        assert call.attempt == retries + 1
        assert status(rig) == [Status.PARKED]


def test_a_call_that_waits_for_its_retry_waits_for_it_with_the_next_router() -> None:
    rig, call = begun(retries=1)
    rig.done(call, Outcome.FAILED, failure=FAILURE)

    rig.start()
    early = rig.calls()
    again = called(rig, 100_000)
    rig.done(again, Outcome.FAILED, failure=FAILURE)

    assert early == []
    assert again.attempt == 2
    assert status(rig) == [Status.PARKED]


def test_a_given_up_call_becomes_the_handlers_own_event() -> None:
    rig, call = begun(retries=0, failed=True)

    rig.done(call, Outcome.FAILED, failure=FAILURE)
    last = called(rig, 0)
    rig.done(last, Outcome.ANSWERED, emission(type="declined"))

    assert (last.kind, last.failure) == (CallKind.FAILED, FAILURE)
    assert rig.types == ["attempted", "declined"]
    assert is_over(rig)


@pytest.mark.parametrize("restarted", [False, True])
def test_a_handler_of_failures_whose_process_ended_is_called_again_with_what_went_wrong(restarted: bool) -> None:
    rig, call = begun(retries=0, failed=True)
    rig.done(call, Outcome.FAILED, failure=FAILURE)
    called(rig, 0)

    if restarted:
        rig.start()
    else:
        rig.core.gateways_lost(rig.now)
        rig.core.gateways_up()
    again = called(rig)
    rig.done(again, Outcome.ANSWERED, emission(type="declined"))

    assert (again.kind, again.failure) == (CallKind.FAILED, FAILURE)
    assert rig.types == ["attempted", "declined"]


def test_what_went_wrong_is_kept_over_a_restart_while_it_is_reconciled() -> None:
    rig, call = begun(retries=0, reconcile=True, failed=True)
    rig.done(call, Outcome.UNKNOWN, failure=FAILURE)
    rig.start()

    rig.done(called(rig), Outcome.NOT_DONE)

    last = called(rig)
    assert (last.kind, last.failure) == (CallKind.FAILED, FAILURE)


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.UNKNOWN])
def test_a_handler_of_failures_that_fails_itself_is_tried_again_then_its_event_is_a_dead_letter(
    outcome: Outcome,
) -> None:
    rig, call = begun(retries=0, failed=True)
    rig.done(call, Outcome.FAILED, failure=FAILURE)
    other = Failure("KeyError", "oops", "", "")
    tries = 0
    while not rig.parked():
        rig.done(called(rig), outcome, failure=other)
        tries += 1

    (row,) = rig.deliveries.values()
    assert tries == rig.limits.retries + 1
    assert row.detail is not None
    assert msgspec.msgpack.decode(row.detail, type=Failure) == other


def test_a_dead_letter_of_a_gateway_is_noted_with_its_error() -> None:
    rig, call = begun(retries=0)

    rig.done(call, Outcome.FAILED, failure=FAILURE)

    (note,) = [e for e in rig.log.values() if e.type == "trunkline.parked"]
    assert note.cause == call.id
    assert json.loads(decode_body(note.body).data) == {"address": "Payments", "error": "ValueError"}


def test_a_parked_call_holds_nothing_back() -> None:
    rig, call = begun(retries=0)
    rig.done(call, Outcome.FAILED, failure=FAILURE)

    rig.publish("Payments")

    assert [c.at for c in rig.calls()] != [call.at]
    assert rig.core.stats()["pending"] == 1


@pytest.mark.parametrize("restarted", [False, True])
def test_a_parked_call_that_is_retried_begins_anew(restarted: bool) -> None:
    rig, call = begun(retries=1)
    rig.done(call, Outcome.FAILED, failure=FAILURE)
    rig.done(called(rig), Outcome.FAILED, failure=FAILURE)
    if restarted:
        rig.start()

    retried = rig.retry(call.at, "Payments")
    third = called(rig, 0)
    rig.done(third, Outcome.FAILED, failure=FAILURE)
    fourth = called(rig)
    rig.done(fourth, Outcome.ANSWERED, emission())

    assert retried
    assert (third.attempt, third.failure) == (3, None)
    assert fourth.attempt == 4
    assert "completed" in rig.types
    assert is_over(rig)


def test_a_drain_ends_when_a_call_is_parked_and_waits_for_one_that_is_retried() -> None:
    rig = Rig(plan(retries=0))
    rig.publish("Payments")
    (call,) = rig.calls()
    rig.core.drain(7, timers=False)
    rig.done(call, Outcome.FAILED, failure=FAILURE)
    parked = rig.replies_to(7), rig.core.stats()["pending"]
    rig.retry(call.at, "Payments")
    rig.core.drain(8, timers=False)
    rig.commit()
    retried = rig.replies_to(8), rig.core.stats()["pending"]

    rig.done(called(rig, 0), Outcome.ANSWERED)

    assert parked == ([Drained()], 0)
    assert retried == ([], 1)
    assert rig.replies_to(8) == [Drained()]
    assert rig.types == ["attempted", "trunkline.parked", "trunkline.retried"]


def test_a_retried_call_that_was_not_made_yet_is_made_by_the_next_router() -> None:
    rig, call = begun(retries=0)
    rig.done(call, Outcome.FAILED, failure=FAILURE)
    rig.core.gateways_lost(rig.now)
    rig.retry(call.at, "Payments")

    rig.start()

    assert [c.at for c in rig.calls()] == [call.at]


@pytest.mark.parametrize("restarted", [False, True])
def test_a_parked_call_that_is_skipped_is_over(restarted: bool) -> None:
    rig, call = begun(retries=0)
    rig.done(call, Outcome.FAILED, failure=FAILURE)
    if restarted:
        rig.start()

    assert rig.skip(call.at, "Payments")

    assert rig.types == ["attempted", "trunkline.parked", "trunkline.skipped"]
    assert is_over(rig)


def test_a_call_that_is_no_dead_letter_can_be_neither_retried_nor_skipped() -> None:
    rig, call = begun()

    assert not rig.retry(call.at, "Payments")
    assert not rig.skip(call.at, "Payments")
