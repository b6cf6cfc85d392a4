"""Gateway calls: attempts, the three outcomes, what follows from each, and the bounds over the whole app."""

import json

import msgspec
import pytest

from runtime.core.calls import LOST
from runtime.core.limits import Limits
from runtime.core.messages import Call, CallDone, CallKind, Failure, Outcome
from runtime.core.rows import Status
from runtime.core.staging import Drained
from runtime.wire import decode_body

from .rig import FAILURE, SECOND, Rig, emission, plan


def called(rig: Rig, wait: int = 60 * SECOND) -> Call:
    """The one call that starts within this time."""
    rig.now += wait
    (call,) = rig.calls()
    return call


def begun(**handler: object) -> tuple[Rig, Call]:
    """A first call under way."""
    rig = Rig(plan(**handler))  # type: ignore[arg-type]
    rig.publish("Payments")
    return rig, called(rig, 0)


def status(rig: Rig) -> list[Status]:
    return [Status(row.status) for row in rig.deliveries.values()]


def is_over(rig: Rig) -> bool:
    """Neither open nor parked, for this router and the next."""
    before = rig.core.stats()["calls"], rig.core.stats()["pending"]
    rig.start()
    rig.now += 600 * SECOND
    return before == (0, 0) and rig.calls() == []


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


# ------------------------------------------------------------ an unknown outcome


def test_an_unknown_outcome_is_repeated_if_the_handler_is_idempotent_and_counts_as_a_try() -> None:
    rig, call = begun(retries=1, idempotent=True)

    rig.done(call, Outcome.UNKNOWN, failure=FAILURE)
    again = called(rig)
    rig.done(again, Outcome.UNKNOWN, failure=FAILURE)

    assert (again.kind, again.attempt) == (CallKind.CALL, 2)
    assert status(rig) == [Status.PARKED]


def test_an_unknown_outcome_of_an_idempotent_handler_is_not_reconciled() -> None:
    rig, call = begun(idempotent=True, reconcile=True)

    rig.done(call, Outcome.UNKNOWN)

    assert called(rig).kind == CallKind.CALL


def test_an_unknown_outcome_that_may_not_be_repeated_is_given_up_at_once() -> None:
    rig, call = begun(retries=5)

    rig.done(call, Outcome.UNKNOWN, failure=FAILURE)

    assert status(rig) == [Status.PARKED]


def test_an_unknown_outcome_that_is_given_up_becomes_the_handlers_own_event() -> None:
    rig, call = begun(retries=5, failed=True)

    rig.done(call, Outcome.UNKNOWN, failure=FAILURE)

    last = called(rig, 0)
    assert (last.kind, last.failure) == (CallKind.FAILED, FAILURE)


def test_a_reconcile_that_finds_the_answer_gives_it() -> None:
    rig, call = begun(reconcile=True)
    rig.done(call, Outcome.UNKNOWN)

    ask = called(rig, 0)
    rig.done(ask, Outcome.ANSWERED, emission())

    assert (ask.kind, ask.attempt) == (CallKind.RECONCILE, 2)
    assert rig.types == ["attempted", "completed"]
    assert is_over(rig)


def test_a_reconcile_that_says_not_done_has_the_call_made_again_as_after_a_failure() -> None:
    rig, call = begun(retries=1, reconcile=True)
    rig.done(call, Outcome.UNKNOWN, failure=FAILURE)

    rig.done(called(rig, 0), Outcome.NOT_DONE)
    early = rig.calls()
    again = called(rig, 100_000)
    rig.done(again, Outcome.FAILED, failure=FAILURE)

    assert early == []
    assert (again.kind, again.attempt) == (CallKind.CALL, 3)
    assert status(rig) == [Status.PARKED]


def test_a_reconcile_that_says_not_done_when_no_try_is_left_gives_up() -> None:
    rig, call = begun(retries=0, reconcile=True)
    rig.done(call, Outcome.UNKNOWN, failure=FAILURE)

    rig.done(called(rig, 0), Outcome.NOT_DONE)

    assert status(rig) == [Status.PARKED]


@pytest.mark.parametrize("outcome", [Outcome.UNKNOWN, Outcome.FAILED])
def test_a_reconcile_that_can_not_tell_is_asked_again_with_backoff_then_the_call_is_given_up(outcome: Outcome) -> None:
    rig, call = begun(retries=2, reconcile=True)
    rig.done(call, Outcome.UNKNOWN, failure=FAILURE)
    ask = called(rig, 0)
    for wait in (100_000, 200_000):
        rig.done(ask, outcome)
        assert rig.calls() == []
        ask = called(rig, wait)
        assert ask.kind == CallKind.RECONCILE

    rig.done(ask, outcome)

    assert status(rig) == [Status.PARKED]


def test_what_is_unknown_is_reconciled_and_not_called_by_the_next_router_as_well() -> None:
    rig, call = begun(reconcile=True)
    rig.done(call, Outcome.UNKNOWN)

    rig.start()

    assert called(rig).kind == CallKind.RECONCILE


def test_a_failure_is_not_reconciled() -> None:
    rig, call = begun(reconcile=True)

    rig.done(call, Outcome.FAILED, failure=FAILURE)

    assert called(rig).kind == CallKind.CALL


# ------------------------------------------------------------ processes that end


def test_what_ran_when_the_gateways_were_lost_has_an_unknown_outcome() -> None:
    rig, _ = begun(reconcile=True)

    rig.core.gateways_lost(rig.now)
    rig.core.gateways_up()

    assert called(rig, 0).kind == CallKind.RECONCILE


def test_what_ran_when_the_router_was_lost_has_an_unknown_outcome() -> None:
    rig, _ = begun(reconcile=True)

    rig.start()

    assert called(rig, 0).kind == CallKind.RECONCILE


def test_the_dead_letter_of_a_lost_call_says_that_nobody_knows() -> None:
    rig, _ = begun()

    rig.core.gateways_lost(rig.now)
    rig.commit()

    (row,) = rig.deliveries.values()
    assert row.status == Status.PARKED
    assert row.detail is not None
    assert msgspec.msgpack.decode(row.detail, type=Failure) == LOST


def test_a_reconcile_that_was_lost_is_asked_again() -> None:
    rig, call = begun(retries=1, reconcile=True)
    rig.done(call, Outcome.UNKNOWN)
    called(rig, 0)

    rig.core.gateways_lost(rig.now)
    rig.core.gateways_up()

    assert called(rig).kind == CallKind.RECONCILE


def test_no_call_starts_while_the_gateways_are_away() -> None:
    rig = Rig()
    rig.start(gateways=False)
    rig.publish("Payments")

    away = rig.calls()
    waits = rig.core.wake_at()
    rig.core.gateways_up()

    assert away == []
    assert status(rig) == []
    assert waits is None or waits > rig.now
    assert called(rig, 0).attempt == 1


def test_a_start_that_was_not_committed_was_not_sent() -> None:
    rig = Rig()
    rig.publish("Payments")
    rig.step()

    assert rig.core.take_calls() == []
    rig.start()
    rig.publish("Payments")
    assert called(rig, 0).attempt == 1


def test_an_outcome_of_an_earlier_attempt_has_no_effect() -> None:
    rig, first = begun(retries=3)
    rig.done(first, Outcome.FAILED, failure=FAILURE)
    called(rig)

    rig.done(first, Outcome.ANSWERED, emission())

    assert rig.types == ["attempted"]
    assert status(rig) == [Status.STARTED]


def test_an_outcome_of_another_kind_under_the_same_number_has_no_effect() -> None:
    rig, call = begun(reconcile=True)
    rig.done(call, Outcome.UNKNOWN)
    ask = called(rig, 0)

    rig.core.called(CallDone("Payments", CallKind.CALL, ask.attempt, call.at, Outcome.ANSWERED, (emission(),)), rig.now)
    rig.commit()

    assert rig.types == ["attempted"]


def test_an_outcome_between_two_attempts_has_no_effect() -> None:
    rig, call = begun(retries=3)
    rig.done(call, Outcome.FAILED, failure=FAILURE)

    rig.done(call, Outcome.ANSWERED, emission())

    assert rig.types == ["attempted"]
    assert called(rig).attempt == 2


# ------------------------------------------------------------ bounds


def test_no_more_than_concurrency_calls_run_at_once() -> None:
    rig = Rig(plan(concurrency=2))
    for _ in range(5):
        rig.publish("Payments")

    first = rig.calls()
    rig.done(first[0], Outcome.ANSWERED)
    then = rig.core.take_calls()

    assert len(first) == 2
    assert len(then) == 1


def test_a_call_that_waits_for_its_retry_leaves_its_place_to_another() -> None:
    rig = Rig(plan(concurrency=1, retries=3))
    rig.publish("Payments")
    rig.publish("Payments")
    (first,) = rig.calls()

    rig.done(first, Outcome.FAILED, failure=FAILURE)

    (second,) = rig.calls()
    assert second.at != first.at


def test_calls_start_at_the_rate_that_the_gateway_allows_also_after_a_rest() -> None:
    rig = Rig(plan(concurrency=100, per_second=4.0))
    rig.now += 3600 * SECOND
    for _ in range(10):
        rig.publish("Payments")
    starts = [len(rig.calls())]
    for _ in range(4):
        wake = rig.core.wake_at()
        assert wake is not None
        starts.append(wake - rig.now)
        rig.now = wake
        assert len(rig.calls()) == 1

    assert starts == [1, 250_000, 250_000, 250_000, 250_000]


def test_a_clock_that_runs_faster_lets_no_more_calls_start_in_a_second_of_real_time() -> None:
    rig = Rig(plan(concurrency=100, per_second=4.0), Limits().at_pace(60))
    rig.now += 3600 * SECOND
    rig.publish("Payments")
    rig.publish("Payments")

    rig.calls()

    wake = rig.core.wake_at()
    assert wake is not None
    assert wake - rig.now == 60 * 250_000


def test_a_router_that_is_a_little_late_keeps_the_rate() -> None:
    rig = Rig(plan(concurrency=1000, per_second=1000.0))
    rig.now += 3600 * SECOND
    for _ in range(100):
        rig.publish("Payments")
    rig.calls()

    counts = []
    for _ in range(5):
        rig.now += 10_000
        counts.append(len(rig.calls()))

    assert counts == [10] * 5


def test_the_next_routers_reconciles_keep_within_concurrency() -> None:
    rig = Rig(plan(concurrency=2, reconcile=True))
    for _ in range(4):
        rig.publish("Payments")
    rig.calls()

    rig.start()

    assert len(rig.calls()) == 2


def test_an_open_call_does_not_hold_the_watermark_back_for_ever() -> None:
    rig = Rig(plan(idempotent=True), Limits(spill_after=8, watermark_every=1))
    rig.publish("Payments", partition=0)
    (call,) = rig.calls()

    for _ in range(20):
        rig.publish(partition=0)
        rig.commit()
    rig.start()

    assert rig.watermarks[0] > 10
    again = called(rig)
    assert again.at == call.at
    rig.done(again, Outcome.ANSWERED)
    assert is_over(rig)
    assert rig.deliveries == {}


def test_rows_of_answered_calls_are_left_behind_by_the_watermark() -> None:
    rig = Rig(limits=Limits(watermark_every=1))
    for _ in range(5):
        rig.publish("Payments", partition=0)
        rig.done(called(rig, 0), Outcome.ANSWERED)
    rig.publish(partition=0)
    rig.commit()
    rig.publish(partition=0)
    rig.commit()

    assert rig.deliveries == {}


# ------------------------------------------------------------ calls that were not sent yet


def test_an_outcome_of_a_call_that_was_not_sent_yet_has_no_effect() -> None:
    rig = Rig()
    rig.publish("Payments")
    batch = rig.step()
    (at,) = [e.at for e in batch.entries] if batch is not None else []

    rig.core.called(CallDone("Payments", CallKind.CALL, 1, at, Outcome.ANSWERED, (emission(),)), rig.now)
    rig.write(batch)
    rig.core.committed()

    assert [c.attempt for c in rig.calls()] == [1]
    assert rig.types == ["attempted"]


def test_a_call_whose_start_was_being_committed_when_the_gateways_were_lost_was_not_made() -> None:
    rig = Rig(plan(reconcile=True))
    rig.publish("Payments")
    batch = rig.step()

    rig.core.gateways_lost(rig.now)
    rig.core.gateways_up()
    rig.write(batch)
    rig.core.committed()
    (call,) = rig.calls()

    assert (call.kind, call.attempt) == (CallKind.CALL, 1)
    rig.done(call, Outcome.ANSWERED, emission())
    assert rig.types == ["attempted", "completed"]


def test_a_call_that_was_declared_lost_is_not_sent_to_the_next_process() -> None:
    """Else it would be made while the outside world is asked whether it was."""
    rig, call = begun(reconcile=True)
    rig.core.gateways_lost(rig.now)

    rig.core.gateways_up()

    assert [(c.kind, c.attempt) for c in rig.calls()] == [(CallKind.RECONCILE, call.attempt + 1)]


def test_a_call_that_became_ready_to_be_sent_while_the_gateways_were_away_waits_for_them() -> None:
    rig = Rig()
    rig.publish("Payments")
    batch = rig.step()
    rig.core.gateways_lost(rig.now)
    rig.write(batch)
    rig.core.committed()

    away = rig.calls()
    rig.core.gateways_up()

    assert away == []
    assert [c.attempt for c in rig.calls()] == [1]
