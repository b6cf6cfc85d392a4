"""Broadcasts to instances at rest, whose rows are read page by page."""

from runtime.core.messages import Answer, Delivery, TurnFailed
from runtime.core.staging import Drained

from .rig import FAILURE, PARTITIONS, Rig, emission, nothing, saves, to
from .spreads import ADA, announce, heard, here, living

# ------------------------------------------------------------ order and pages


def test_keyed_and_broadcast_events_are_handled_in_log_order() -> None:
    rig = living("ada")
    rig.publish("Wallet/ada")
    announce(rig)
    rig.publish("Wallet/ada")
    announce(rig)

    handled = [d for d in rig.work(saves) if d.address == "Wallet/ada"]

    assert [d.type for d in handled] == ["attempted", "announced", "attempted", "announced"]
    assert [d.at for d in handled] == sorted(d.at for d in handled)


def test_an_instance_that_is_loaded_by_a_keyed_event_first_gets_the_broadcast_it_has_missed() -> None:
    rig = living(*here(8), page=1)
    last = here(8)[-1]
    announce(rig)
    rig.core.advance(rig.now)

    rig.publish(f"Wallet/{last}")
    handled = [d for d in rig.work(saves) if d.address == f"Wallet/{last}"]

    assert [d.type for d in handled] == ["announced", "attempted"]


def test_instances_are_read_page_by_page_and_each_gets_it_once() -> None:
    keys = here(7)
    rig = living(*keys, page=2)

    announce(rig)
    handled = rig.work(nothing)

    assert heard(handled) == [f"Wallet/{key}" for key in keys]
    assert [rows for rows in rig.pages if rows] == [2, 2, 2, 1]


def test_a_further_page_is_read_only_when_little_of_the_last_one_is_open() -> None:
    rig = living(*here(20), page=4)
    announce(rig)

    rig.commit()

    assert sum(rig.pages) == 4


def test_two_broadcasts_reach_each_instance_in_order() -> None:
    keys = here(6)
    rig = living(*keys, page=2)
    announce(rig)
    announce(rig)

    handled = rig.work(saves)

    for key in keys:
        ats = [d.at for d in handled if d.address == f"Wallet/{key}"]
        assert len(ats) == 2
        assert ats == sorted(ats)


def test_a_broadcast_under_way_goes_on_with_the_next_router() -> None:
    keys = here(6)
    rig = living(*keys, page=2)
    announce(rig)
    rig.commit()
    number, deliveries = rig.deliveries_to("host-0")
    rig.answer(number, [rig.turn(d, saves(d)) for d in deliveries])
    rig.commit()
    first = heard(deliveries)

    rig.start()

    assert sorted([*first, *heard(rig.work(saves))]) == [f"Wallet/{key}" for key in keys]


def test_a_broadcast_under_way_for_long_does_not_hold_the_watermark_back() -> None:
    rig = living(*here(3), page=1, spill_after=8, watermark_every=1)
    announce(rig)
    rig.commit()
    before = rig.watermarks.get(ADA, 0)

    for _ in range(20):
        rig.publish(partition=ADA)
        rig.commit()
    reached = rig.watermarks[ADA]
    rig.start()

    assert reached > before + 10
    assert heard(rig.work(nothing)) == [f"Wallet/{key}" for key in here(3)]
    assert rig.deliveries == {}


def test_a_drain_waits_for_the_instances_at_rest_as_well() -> None:
    rig = living(*here(3), page=1)
    announce(rig)
    rig.core.drain(9, timers=False)
    rig.commit()
    early = rig.replies_to(9)

    rig.work(nothing)

    assert early == []
    assert rig.replies_to(9) == [Drained()]


def test_a_broadcast_without_a_live_instance_is_done_at_once() -> None:
    rig = Rig()
    rig.core.drain(8, timers=False)

    announce(rig)
    rig.core.drain(9, timers=False)
    rig.commit()

    assert rig.replies_to(9) == [Drained()]
    assert rig.core.stats()["pending"] == 0


def test_an_emitted_broadcast_reaches_every_partition() -> None:
    rig = living("ada", "cyd", "dan", "eve")
    rig.publish("Receipts/ada")

    def shout(d: Delivery) -> dict[str, object]:
        return {"emitted": (emission("Wallet/*", type="announced"),)} if d.address == "Receipts/ada" else {}

    assert sorted(heard(rig.work(shout))) == ["Wallet/ada", "Wallet/cyd", "Wallet/dan", "Wallet/eve"]
    assert {to(f"Wallet/{key}")[0] for key in ("ada", "cyd", "dan", "eve")} == set(range(PARTITIONS))


# ------------------------------------------------------------ while an instance's row is being read


def test_an_instance_whose_row_is_being_read_gets_a_broadcast_once_it_is_known() -> None:
    rig = living("ada", "bob")
    rig.publish("Wallet/ada")
    loads = rig.core.take_loads()
    announce(rig)
    rig.core.drain(9, timers=False)

    others = rig.work(nothing)
    early = rig.replies_to(9)
    rig.core.loaded(loads, rig.journal.instances(loads))
    handled = rig.work(nothing)

    assert [d.address for d in others] == ["Wallet/bob"]
    assert early == []
    assert [(d.address, d.type) for d in handled] == [("Wallet/ada", "attempted"), ("Wallet/ada", "announced")]
    assert rig.replies_to(9) == [Drained()]
    assert rig.has_settled()


def test_a_broadcast_is_over_when_an_instance_whose_row_was_being_read_turns_out_to_be_gone() -> None:
    rig = Rig()
    rig.publish("Wallet/ada")
    rig.work(lambda d: {"retired": True})
    rig.core.host_lost("host-0", rig.now)
    rig.core.host_up("host-0")
    loads = rig.core.take_loads()
    announce(rig)
    rig.core.drain(9, timers=False)
    rig.commit()
    early = rig.replies_to(9)

    rig.core.loaded(loads, rig.journal.instances(loads))

    assert loads == ["Wallet/ada"]
    assert early == []
    assert rig.work(nothing) == []
    assert rig.replies_to(9) == [Drained()]
    assert rig.has_settled()


def test_a_broadcast_in_the_queue_of_an_instance_that_has_retired_meanwhile_is_left_out() -> None:
    rig = Rig()
    rig.publish("Wallet/ada")
    rig.work()
    rig.publish("Wallet/ada")
    announce(rig)
    rig.core.drain(9, timers=False)
    rig.commit()
    number, (leave, _) = rig.deliveries_to("host-0")
    rig.answer(number, [rig.turn(leave, {"changed": True, "retired": True})])
    rig.commit()

    rig.core.host_lost("host-0", rig.now)
    rig.commit()
    for host in rig.core.take_hosts():
        rig.core.host_up(host)

    assert rig.work(nothing) == []
    assert rig.replies_to(9) == [Drained()]
    assert rig.has_settled()


def test_nothing_is_left_open_when_all_have_handled_a_broadcast() -> None:
    rig = living(*here(5), page=2)
    announce(rig)
    announce(rig)

    rig.work(nothing)

    assert rig.has_settled()


def test_instances_that_are_held_keep_no_others_from_a_broadcast() -> None:
    keys = here(6)
    rig = living(*keys, page=2, retries=0)
    rig.publish(*(f"Wallet/{key}" for key in keys[:2]))
    announce(rig)
    rig.commit()
    number, deliveries = rig.deliveries_to("host-0")
    keyed = [d for d in deliveries if d.type == "attempted"]
    rig.core.answer(
        "host-0",
        Answer(number, (), tuple(TurnFailed(d.address, d.activation, d.at, FAILURE) for d in keyed)),
        rig.now,
    )

    reached = rig.work(nothing)
    for at, address in rig.parked():
        rig.skip(at, address)
    then = rig.work(nothing)

    assert heard(reached) == [f"Wallet/{key}" for key in keys[2:]]
    assert sorted(heard(then)) == [f"Wallet/{key}" for key in keys[:2]]
    assert rig.has_settled()
