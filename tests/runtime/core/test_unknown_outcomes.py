"""Gateway calls of which nobody knows whether they took effect: repeated, reconciled or given up."""

import msgspec
import pytest

from runtime.core.calls import LOST
from runtime.core.messages import CallDone, CallKind, Failure, Outcome
from runtime.core.rows import Status

from .calls import begun, called, is_over, status
from .rig import FAILURE, Rig, emission, plan

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
