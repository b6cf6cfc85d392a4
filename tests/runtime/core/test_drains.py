"""Drains wait for what was published before, and for all that followed from it, and for nothing else."""

from runtime.core.messages import CancelTimer, Outcome
from runtime.core.rows import SUPERVISOR
from runtime.core.staging import Drained

from .rig import SECOND, Rig, emission, nothing, plan, saves, timer

WAITER = 7


def drained(rig: Rig) -> bool:
    return rig.replies_to(WAITER) == [Drained()]


def test_a_drain_of_an_idle_runtime_ends_at_once() -> None:
    rig = Rig()

    rig.core.drain(WAITER, timers=False)
    rig.commit()

    assert drained(rig)


def test_a_drain_waits_for_what_was_published_before_by_anyone() -> None:
    rig = Rig()
    rig.send(rig.item("Wallet/ada"), client="another")
    rig.core.drain(WAITER, timers=False)
    rig.commit()
    before = drained(rig)

    rig.work()

    assert not before
    assert drained(rig)


def test_a_drain_waits_for_the_whole_chain_that_follows() -> None:
    rig = Rig()
    rig.publish("Wallet/ada")
    rig.core.drain(WAITER, timers=False)
    chain = {"attempted": "Receipts/ada", "completed": "Board/ada"}
    seen = []
    for type, following in chain.items():
        rig.commit()
        seen.append(drained(rig))
        number, (d,) = rig.deliveries_to("host-0")
        next_type = "completed" if type == "attempted" else "posted"
        rig.answer(number, [rig.turn(d, {"emitted": (emission(following, type=next_type),)})])
        rig.commit()
    seen.append(drained(rig))

    rig.work()

    assert seen == [False, False, False]
    assert drained(rig)


def test_a_drain_waits_for_no_later_event() -> None:
    rig = Rig()
    rig.publish("Wallet/ada")
    rig.core.drain(WAITER, timers=False)
    rig.commit()
    number, (d,) = rig.deliveries_to("host-0")

    rig.publish("Wallet/bob")
    rig.answer(number, [rig.turn(d, saves(d))])
    rig.commit()

    assert drained(rig)
    assert rig.core.stats()["pending"] == 1


def test_two_drains_each_wait_for_their_own() -> None:
    rig = Rig()
    rig.publish("Wallet/ada")
    rig.core.drain(WAITER, timers=False)
    rig.publish("Receipts/ada")
    rig.core.drain(8, timers=False)
    rig.commit()
    number, deliveries = rig.deliveries_to("host-0")
    second = next(d for d in deliveries if d.address == "Receipts/ada")
    rig.answer(number, [rig.turn(second, saves(second))])
    rig.commit()

    assert not drained(rig)
    assert rig.replies_to(8) == []


def test_the_end_of_a_drain_is_told_when_the_last_effect_is_durable() -> None:
    rig = Rig()
    rig.publish("Wallet/ada")
    rig.core.drain(WAITER, timers=False)
    rig.commit()
    number, (d,) = rig.deliveries_to("host-0")

    rig.answer(number, [rig.turn(d, saves(d))])
    batch = rig.step()
    early = rig.core.take_replies()
    rig.write(batch)
    rig.core.committed()

    assert early == []
    assert rig.core.take_replies() == [(WAITER, Drained())]


def test_a_drain_waits_for_a_call_and_for_its_answers_listeners() -> None:
    rig = Rig()
    rig.publish("Payments")
    rig.core.drain(WAITER, timers=False)
    (call,) = rig.calls()
    before = drained(rig)
    rig.done(call, Outcome.ANSWERED, emission("Wallet/ada"))
    between = drained(rig)

    rig.work()

    assert not before
    assert not between
    assert drained(rig)


def test_ticks_do_not_count_nor_what_follows_from_them() -> None:
    rig = Rig()
    epoch = rig.journal.claim([SUPERVISOR])[SUPERVISOR]
    rig.tick("Wallet/ada", fence=epoch, moment=1)
    rig.core.drain(WAITER, timers=False)
    rig.commit()

    assert drained(rig)
    assert rig.core.stats()["pending"] == 1


def test_a_drain_ends_though_timers_are_pending() -> None:
    rig = Rig()
    rig.publish("Wallet/ada")
    rig.work(lambda d: {"timers": (timer(rig.now + SECOND),)})

    rig.core.drain(WAITER, timers=False)
    rig.commit()

    assert drained(rig)


def test_a_timer_without_delay_belongs_to_its_chain_and_a_drain_waits_for_what_it_leads_to() -> None:
    rig = Rig()
    rig.publish("Wallet/ada")
    rig.core.drain(WAITER, timers=False)
    rig.commit()
    number, (d,) = rig.deliveries_to("host-0")

    rig.answer(number, [rig.turn(d, {"timers": (timer(d.time, "Receipts/ada"),)})])
    rig.commit()
    fired = drained(rig)
    rig.work(nothing)

    assert not fired
    assert drained(rig)


def test_a_timer_without_delay_that_is_replaced_or_cancelled_at_once_keeps_no_drain_waiting() -> None:
    last_words = ({"cancels": (CancelTimer("reminded", ""),)}, {"timers": (timer(10**9, "Receipts/ada"),)})
    for fields in last_words:
        rig = Rig()
        rig.publish("Wallet/ada")
        rig.publish("Wallet/ada")
        rig.core.drain(WAITER, timers=False)
        rig.commit()
        number, (first, second) = rig.deliveries_to("host-0")

        at_once = {"timers": (timer(first.time, "Receipts/ada"),)}
        rig.answer(number, [rig.turn(first, at_once), rig.turn(second, fields)])
        rig.commit()

        assert drained(rig)
        assert "reminded" not in rig.types


def test_a_drain_asked_of_the_next_router_waits_for_timers_that_were_due_before() -> None:
    rig = Rig()
    rig.publish("Wallet/ada")
    rig.work(lambda d: {"timers": (timer(rig.now + SECOND, "Receipts/ada"),)})
    rig.now += 2 * SECOND
    rig.start()

    rig.core.drain(WAITER, timers=False)
    rig.commit()
    before = drained(rig)
    rig.work(nothing)

    assert not before
    assert drained(rig)


def test_a_drain_with_timers_waits_until_none_is_pending_and_what_they_led_to_is_handled() -> None:
    rig = Rig()
    rig.publish("Wallet/ada")
    rig.work(lambda d: {"timers": (timer(rig.now + SECOND, "Wallet/ada"),)})
    rig.core.drain(WAITER, timers=True)
    rig.commit()
    before = drained(rig)
    rig.pass_time(SECOND)
    fired = drained(rig)

    rig.work(nothing)

    assert not before
    assert not fired
    assert drained(rig)


def test_a_drain_with_timers_ends_when_the_last_one_is_cancelled() -> None:
    rig = Rig()
    rig.publish("Wallet/ada")
    rig.work(lambda d: {"timers": (timer(rig.now + SECOND),)})
    rig.core.drain(WAITER, timers=True)
    rig.publish("Wallet/ada")

    rig.work(lambda d: {"cancels": (CancelTimer("reminded", ""),)})

    assert drained(rig)


def test_a_drain_that_was_cancelled_is_not_answered() -> None:
    rig = Rig()
    rig.publish("Wallet/ada")
    rig.core.drain(WAITER, timers=False)

    rig.core.cancel(WAITER)
    rig.work()

    assert rig.replies_to(WAITER) == []


def test_a_drain_asked_of_the_next_router_waits_for_what_that_found_open() -> None:
    for address in ("Wallet/ada", "Wallet/*", "Payments"):
        rig = Rig(plan(idempotent=True))
        rig.publish("Wallet/bob")
        rig.work()
        rig.publish(address, partition=0)
        rig.commit()
        rig.start()
        rig.core.drain(WAITER, timers=False)
        rig.commit()
        before = drained(rig)

        rig.pass_time(SECOND)
        rig.work(nothing)
        for call in rig.calls():
            rig.done(call, Outcome.ANSWERED)
        rig.commit()

        assert not before
        assert drained(rig)
