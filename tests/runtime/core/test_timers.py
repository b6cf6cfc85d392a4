"""Timers: the last word counts, a due one waits for older events, then the log decides."""

from runtime.core.drains import Drains
from runtime.core.messages import CancelTimer
from runtime.core.timers import Timers

from .rig import SECOND, Rig, emission, saves, timer


def sets(rig: Rig, *timers: object, address: str = "Wallet/ada") -> None:
    """A turn of this instance that sets them, committed."""
    rig.publish(address)
    rig.work(lambda d: saves(d) | {"timers": tuple(timers)} if d.type == "attempted" else {})


def cancels(rig: Rig, *cancels: CancelTimer) -> None:
    rig.publish("Wallet/ada")
    rig.work(lambda d: {"cancels": cancels} if d.type == "attempted" else {})


def fired(rig: Rig) -> list[tuple[str, int]]:
    return [(e.type, e.time) for e in rig.log.values() if e.type not in ("attempted", "completed") and e.at == e.id]


def test_a_fired_event_carries_the_moment_at_which_it_was_due() -> None:
    rig = Rig()
    due = rig.now + SECOND
    sets(rig, timer(due, "Wallet/ada"))

    rig.pass_time(5 * SECOND)

    (event,) = [e for e in rig.log.values() if e.type == "reminded"]
    assert (event.time, event.recorded) == (due, rig.now)
    assert rig.timers == {}


def test_a_fired_event_is_caused_by_the_event_whose_turn_set_it() -> None:
    rig = Rig()
    sets(rig, timer(rig.now + SECOND, "Wallet/ada"))
    (origin,) = rig.log

    rig.pass_time(SECOND)

    (event,) = [e for e in rig.log.values() if e.type == "reminded"]
    assert (event.cause, event.root) == (origin, origin)


def test_setting_a_timer_again_replaces_it() -> None:
    rig = Rig()
    sets(rig, timer(rig.now + SECOND))
    later = rig.now + 3 * SECOND
    sets(rig, timer(later))

    rig.pass_time(10 * SECOND)

    assert fired(rig) == [("reminded", later)]


def test_a_timer_that_is_set_to_an_earlier_moment_fires_then_and_not_again() -> None:
    rig = Rig()
    sets(rig, timer(rig.now + 10 * SECOND))
    earlier = rig.now + SECOND
    sets(rig, timer(earlier))

    rig.pass_time(2 * SECOND)
    rig.pass_time(20 * SECOND)

    assert fired(rig) == [("reminded", earlier)]


def test_timers_of_another_name_type_or_instance_are_others() -> None:
    rig = Rig()
    due = rig.now + SECOND
    sets(rig, timer(due), timer(due, name="second"), timer(due, type="warned"))
    sets(rig, timer(due), address="Receipts/ada")

    assert len(rig.timers) == 4
    rig.pass_time(SECOND)

    assert sorted(t for t, _ in fired(rig)) == ["reminded", "reminded", "reminded", "warned"]


def test_a_cancelled_timer_does_not_fire() -> None:
    rig = Rig()
    sets(rig, timer(rig.now + SECOND), timer(rig.now + SECOND, name="kept"))

    cancels(rig, CancelTimer("reminded", ""))
    rig.pass_time(2 * SECOND)

    assert len(fired(rig)) == 1
    assert rig.timers == {}


def test_cancelling_a_timer_that_is_not_set_does_nothing() -> None:
    rig = Rig()

    cancels(rig, CancelTimer("reminded", "unheard of"))

    assert rig.timers == {}
    assert rig.core.stats()["pending"] == 0


def test_a_cancelled_timer_stays_cancelled_for_the_next_router() -> None:
    rig = Rig()
    sets(rig, timer(rig.now + SECOND))
    cancels(rig, CancelTimer("reminded", ""))

    rig.start()
    rig.pass_time(2 * SECOND)

    assert fired(rig) == []


def test_a_cancel_before_the_firing_wins_however_late_it_is_handled() -> None:
    rig = Rig()
    due = rig.now + SECOND
    sets(rig, timer(due))
    rig.publish("Wallet/ada")
    rig.commit()
    number, (d,) = rig.deliveries_to("host-0")

    rig.pass_time(60 * SECOND)
    rig.answer(number, [rig.turn(d, {"cancels": (CancelTimer("reminded", ""),)})])
    rig.commit()

    assert fired(rig) == []


def test_an_event_recorded_at_the_due_moment_does_not_hold_the_timer_back() -> None:
    rig = Rig()
    due = rig.now + SECOND
    sets(rig, timer(due))

    rig.now = due
    rig.publish("Wallet/ada")
    rig.commit()

    assert fired(rig) == [("reminded", due)]


def test_another_instances_events_hold_no_timer_back() -> None:
    rig = Rig()
    sets(rig, timer(rig.now + SECOND))
    rig.publish("Receipts/ada")
    rig.commit()

    rig.pass_time(2 * SECOND)

    assert len(fired(rig)) == 1


def test_a_due_timer_waits_for_older_events_in_a_router_that_starts_anew_as_well() -> None:
    rig = Rig()
    sets(rig, timer(rig.now + SECOND))
    rig.publish("Wallet/ada")
    rig.commit()

    rig.now += 10 * SECOND
    rig.start()
    rig.commit()
    before = fired(rig)
    rig.work()

    assert before == []
    assert len(fired(rig)) == 1


def test_a_due_timer_waits_for_older_events_also_behind_one_that_a_fast_clock_recorded_later() -> None:
    rig = Rig()
    sets(rig, timer(rig.now + 5 * SECOND))
    rig.now += 10 * SECOND
    rig.publish("Wallet/ada")
    rig.write(rig.core.next_batch())
    rig.now -= 10 * SECOND
    rig.start()
    rig.publish("Wallet/ada")
    rig.commit()

    rig.pass_time(6 * SECOND)
    before = fired(rig)
    rig.work()

    assert before == []
    assert len(fired(rig)) == 1


def test_what_follows_from_an_older_event_is_newer_and_does_not_hold_the_timer_back() -> None:
    rig = Rig()
    due = rig.now + SECOND
    sets(rig, timer(due))
    rig.publish("Wallet/ada")
    rig.commit()
    number, (d,) = rig.deliveries_to("host-0")

    rig.now += 10 * SECOND
    rig.answer(number, [rig.turn(d, {"emitted": (emission("Wallet/ada"),)})])
    rig.commit()

    assert fired(rig) == [("reminded", due)]


def test_timers_that_are_due_together_fire_in_the_order_of_their_moments() -> None:
    rig = Rig()
    sets(rig, timer(rig.now + 3, name="c"), timer(rig.now + 1, name="a"), timer(rig.now + 2, name="b"))

    rig.pass_time(SECOND)

    moments = [time for _, time in fired(rig)]
    assert moments == sorted(moments)
    assert len(moments) == 3


def test_a_firing_that_was_not_committed_happens_again_with_the_next_router() -> None:
    rig = Rig()
    sets(rig, timer(rig.now + SECOND))

    rig.now += SECOND
    batch = rig.step()
    rig.start()
    rig.commit()

    assert batch is not None
    assert [e.type for e in batch.entries] == ["reminded"]
    assert len(fired(rig)) == 1


def test_retiring_cancels_an_instances_timers() -> None:
    rig = Rig()
    sets(rig, timer(rig.now + SECOND), timer(rig.now + SECOND, name="second"))
    sets(rig, timer(rig.now + SECOND), address="Receipts/ada")

    rig.publish("Wallet/ada")
    rig.work(lambda d: {"changed": True, "retired": True} if d.type == "attempted" else {})
    rig.pass_time(2 * SECOND)

    assert len(fired(rig)) == 1


def test_the_timers_of_an_instance_that_retired_are_gone_for_the_next_router_as_well() -> None:
    rig = Rig()
    sets(rig, timer(rig.now + SECOND))
    rig.publish("Wallet/ada")
    rig.work(lambda d: {"retired": True})

    rig.start()
    rig.pass_time(2 * SECOND)

    assert rig.timers == {}
    assert fired(rig) == []


def test_a_turn_that_retires_may_set_a_timer_all_the_same() -> None:
    rig = Rig()
    sets(rig, timer(rig.now + SECOND))

    rig.publish("Wallet/ada")
    due = rig.now + 5 * SECOND
    rig.work(lambda d: {"retired": True, "timers": (timer(due, name="last"),)} if d.type == "attempted" else {})
    rig.pass_time(10 * SECOND)

    assert fired(rig) == [("reminded", due)]


def test_the_router_says_when_its_next_timer_is_due() -> None:
    rig = Rig()
    sets(rig, timer(rig.now + 2 * SECOND), timer(rig.now + SECOND, name="first"))
    first = rig.core.wake_at()

    cancels(rig, CancelTimer("reminded", "first"))

    assert first == rig.now + SECOND
    assert rig.core.wake_at() == rig.now + 2 * SECOND


def test_a_timer_that_waits_for_older_events_does_not_wake_the_router_again_and_again() -> None:
    rig = Rig()
    sets(rig, timer(rig.now + SECOND))
    rig.publish("Wallet/ada")
    rig.commit()
    rig.deliveries_to("host-0")

    rig.pass_time(2 * SECOND)

    wake = rig.core.wake_at()
    assert wake is None or wake > rig.now


# ------------------------------------------------------------ the heap alone


def test_a_moment_that_was_replaced_is_not_due() -> None:
    rig = Rig()
    sets(rig, timer(rig.now + SECOND))
    (row,) = rig.timers.values()
    timers = Timers(Drains())
    timers.set(row)

    timers.set(row._replace(due=row.due + SECOND))

    assert list(timers.due(row.due)) == []
    assert timers.next() == row.due + SECOND
    assert len(timers) == 1


def test_a_cleared_timer_is_no_longer_there_to_be_cleared() -> None:
    timers = Timers(Drains())

    assert timers.clear(("Wallet/ada", "reminded", "")) is False
    assert timers.of("Wallet/ada") == []
    assert timers.next() is None
