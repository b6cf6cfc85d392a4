"""How many gateway calls run at once, how many start in a second, and how far the watermark gets meanwhile."""

from runtime.core.limits import Limits
from runtime.core.messages import Outcome

from .calls import called, is_over
from .rig import FAILURE, SECOND, Rig, plan


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
