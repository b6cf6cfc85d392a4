"""Broadcasts: every live instance gets each once, in log order with its keyed events."""

from runtime.core.messages import CancelTimer

from .rig import PARTITIONS, SECOND, Effect, Rig, emission, nothing, saves, timer
from .spreads import ADA, announce, heard, here, living


def test_instances_at_rest_get_a_broadcast() -> None:
    rig = living("ada", "bob", "cyd")

    announce(rig)

    assert sorted(heard(rig.work(nothing))) == ["Wallet/ada", "Wallet/bob", "Wallet/cyd"]


def test_instances_in_memory_get_a_broadcast_once() -> None:
    rig = Rig()
    rig.publish("Wallet/ada")
    rig.work()

    announce(rig)

    assert heard(rig.work(nothing)) == ["Wallet/ada"]
    assert heard(rig.work(nothing)) == []


def test_a_broadcast_goes_to_the_listening_group_only() -> None:
    rig = Rig()
    rig.publish("Wallet/ada", "Receipts/ada")
    rig.work()

    announce(rig)

    assert heard(rig.work(nothing)) == ["Wallet/ada"]


def test_a_broadcast_stands_in_every_partitions_log_under_one_id() -> None:
    rig = living()

    announce(rig)
    rig.commit()

    entries = list(rig.log.values())
    assert [e.at >> 40 for e in entries] == list(range(PARTITIONS))
    assert {e.id >> 40 for e in entries} == {ADA}
    assert len({e.id for e in entries}) == 1


def test_an_instance_begins_to_live_with_its_first_keyed_event() -> None:
    rig = Rig()
    announce(rig)
    rig.publish("Wallet/ada")
    announce(rig)

    handled = rig.work(nothing)

    assert [d.type for d in handled if d.address == "Wallet/ada"] == ["attempted", "announced"]


def test_a_broadcast_before_the_first_keyed_event_is_not_for_it_also_if_it_is_still_under_way() -> None:
    rig = living(*here(3), page=1)
    announce(rig)
    rig.core.advance(rig.now)

    rig.publish("Wallet/ada")

    assert "Wallet/ada" not in heard(rig.work(nothing))


def test_a_retired_instance_hears_nothing_more() -> None:
    rig = Rig()
    rig.publish("Wallet/ada")
    rig.work(lambda d: {"retired": True})

    announce(rig)
    in_memory = heard(rig.work(nothing))
    rig.start()
    announce(rig)

    assert in_memory == []
    assert heard(rig.work(nothing)) == []


def test_a_broadcast_that_waits_behind_the_event_by_which_its_instance_retires_is_not_for_it() -> None:
    rig = Rig()
    rig.publish("Wallet/ada")
    rig.work()
    rig.publish("Wallet/ada")
    announce(rig)
    rig.commit()
    number, (leave, late) = rig.deliveries_to("host-0")

    # The host answers the broadcast with a turn without effect: the instance it held is gone.
    rig.answer(number, [rig.turn(leave, {"changed": True, "retired": True}), rig.turn(late, {})])
    rig.commit()

    assert rig.instances["Wallet/ada"].live is False
    assert rig.core.stats()["pending"] == 0


def test_a_keyed_event_brings_a_retired_instance_back_to_life_and_broadcasts_with_it() -> None:
    rig = Rig()
    rig.publish("Wallet/ada")
    rig.work(lambda d: {"retired": True})
    rig.publish("Wallet/ada")
    rig.work()

    announce(rig)

    assert heard(rig.work(nothing)) == ["Wallet/ada"]
    assert rig.instances["Wallet/ada"].live


def test_an_instance_may_retire_on_a_broadcast() -> None:
    rig = living("ada")
    announce(rig)
    rig.work(lambda d: {"changed": True, "retired": True})

    announce(rig)

    assert heard(rig.work(nothing)) == []
    assert rig.instances["Wallet/ada"].live is False


# ------------------------------------------------------------ what is written


def test_a_broadcast_turn_that_changes_nothing_writes_nothing() -> None:
    rig = living("ada")
    before = rig.instances["Wallet/ada"]
    announce(rig)
    rig.commit()
    entries = len(rig.log)
    number, deliveries = rig.deliveries_to("host-0")

    rig.answer(number, [rig.turn(d, {}) for d in deliveries])
    batch = rig.step()

    assert batch is None or not (batch.instances or batch.cursors or batch.entries)
    assert rig.instances["Wallet/ada"] == before
    assert len(rig.log) == entries


def test_a_broadcast_turn_that_changes_or_emits_moves_the_cursor() -> None:
    effects: list[Effect] = [saves, lambda d: {"emitted": (emission(),)}, lambda d: {"timers": (timer(10**9),)}]
    for effect in effects:
        rig = living("ada")
        before = rig.instances["Wallet/ada"].cursor
        announce(rig)

        rig.work(lambda d, effect=effect: effect(d) if d.type == "announced" else {})

        assert rig.instances["Wallet/ada"].cursor > before


def test_a_keyed_turn_that_changes_nothing_moves_the_cursor_and_keeps_the_state() -> None:
    rig = living("ada")
    state, before = rig.instances["Wallet/ada"].state, rig.instances["Wallet/ada"].cursor

    rig.publish("Wallet/ada")
    rig.work(nothing)

    assert rig.instances["Wallet/ada"].cursor > before
    assert rig.instances["Wallet/ada"].state == state


def test_a_broadcast_that_changed_something_is_not_handled_again_by_the_next_router() -> None:
    rig = living("ada", "bob")
    announce(rig)
    rig.commit()
    number, deliveries = rig.deliveries_to("host-0")
    first, *_ = deliveries
    rig.answer(number, [rig.turn(first, saves(first))])
    rig.commit()

    rig.start()

    assert first.address not in heard(rig.work(nothing))


# ------------------------------------------------------------ and timers


def test_a_due_timer_waits_for_an_older_broadcast_that_its_instance_at_rest_has_not_got_yet() -> None:
    rig = Rig()
    rig.publish("Wallet/ada")
    rig.work(lambda d: saves(d) | {"timers": (timer(rig.now + SECOND),)})
    rig.start()
    announce(rig)

    rig.now += 10 * SECOND
    rig.work(lambda d: {"cancels": (CancelTimer("reminded", ""),)})

    assert "reminded" not in rig.types


def test_a_due_timer_of_an_instance_that_has_retired_waits_for_no_broadcast_for_ever() -> None:
    rig = Rig()
    rig.publish("Wallet/ada")
    rig.work(lambda d: {"retired": True, "timers": (timer(rig.now + SECOND),)})
    rig.start()
    announce(rig)

    rig.now += 10 * SECOND
    rig.work(nothing)

    assert "reminded" in rig.types


def test_a_due_timer_waits_while_the_row_of_its_instance_is_being_read_for_an_older_broadcast() -> None:
    rig = Rig()
    rig.publish("Wallet/ada")
    rig.work(lambda d: saves(d) | {"timers": (timer(rig.now + SECOND),)})
    rig.core.host_lost("host-0", rig.now)
    rig.core.host_up("host-0")
    loads = rig.core.take_loads()
    announce(rig)
    rig.commit()

    rig.pass_time(10 * SECOND)
    rig.core.loaded(loads, rig.journal.instances(loads))
    rig.work(lambda d: {"cancels": (CancelTimer("reminded", ""),)})

    assert "reminded" not in rig.types


def test_a_due_timer_waits_no_longer_when_the_broadcast_turns_out_not_to_be_for_its_instance() -> None:
    rig = Rig()
    rig.publish("Wallet/ada")
    rig.work(lambda d: {"retired": True, "timers": (timer(rig.now + SECOND),)})
    rig.core.host_lost("host-0", rig.now)
    rig.core.host_up("host-0")
    loads = rig.core.take_loads()
    announce(rig)
    rig.commit()

    rig.pass_time(10 * SECOND)
    before = list(rig.types)
    rig.core.loaded(loads, rig.journal.instances(loads))
    rig.commit()

    assert "reminded" not in before
    assert "reminded" in rig.types


def test_a_due_timer_waits_for_no_broadcast_that_was_recorded_at_its_moment_or_later() -> None:
    rig = Rig()
    rig.publish("Wallet/ada")
    due = rig.now + SECOND
    rig.work(lambda d: saves(d) | {"timers": (timer(due),)})
    rig.start()

    rig.now = due
    announce(rig)
    rig.core.advance(rig.now)
    batch = rig.core.next_batch()

    assert batch is not None
    assert "reminded" in [e.type for e in batch.entries]
