"""A turn that fails is tried again with backoff; then its event is parked and its instance held, or it goes on."""

import json

import msgspec

from runtime.core.limits import Limits
from runtime.core.messages import Answer, Failure, TurnFailed
from runtime.wire import decode_body

from .parked import AT_ONCE, notes, parked_rig
from .rig import FAILURE, SECOND, Rig, emission, plan, saves

# ------------------------------------------------------------ retries


def test_a_failed_turn_is_tried_again_after_a_backoff_that_doubles() -> None:
    rig = Rig(limits=Limits(retries=3, backoff_us=100, backoff_max_us=250))
    rig.publish("Wallet/ada")
    rig.commit()
    waits = []
    for _ in range(3):
        number, (d,) = rig.deliveries_to("host-0")
        rig.fail(number, d)
        rig.commit()
        assert rig.deliveries_to("host-0") == (0, [])
        wake = rig.core.wake_at()
        assert wake is not None
        waits.append(wake - rig.now)
        rig.now = wake
        rig.commit()

    assert waits == [100, 200, 250]
    assert rig.parked() == []


def test_a_failed_turn_leaves_no_trace() -> None:
    rig = Rig()
    rig.publish("Wallet/ada")
    rig.commit()
    number, (d,) = rig.deliveries_to("host-0")
    before = dict(rig.log), dict(rig.instances)

    rig.fail(number, d)
    rig.commit()

    assert (dict(rig.log), dict(rig.instances)) == before


def test_a_failed_turns_instance_is_sent_its_last_good_state() -> None:
    rig = Rig()
    rig.publish("Wallet/ada")
    rig.work(lambda d: {"changed": True, "state": b"good"})
    rig.publish("Wallet/ada")
    rig.commit()
    number, (d,) = rig.deliveries_to("host-0")

    rig.fail(number, d)
    rig.pass_time(SECOND)
    batch = rig.take()

    assert batch is not None
    assert [(a.address, a.state) for a in batch.activations] == [("Wallet/ada", b"good")]


def test_a_turn_that_goes_through_makes_the_next_event_start_its_tries_anew() -> None:
    rig = Rig(limits=Limits(retries=1))
    for _ in range(2):
        rig.publish("Wallet/ada")
        rig.commit()
        number, (d,) = rig.deliveries_to("host-0")
        rig.fail(number, d)
        rig.pass_time(SECOND)
        rig.work()

    assert rig.parked() == []


def test_what_waits_behind_a_failing_event_is_not_handled_before_it() -> None:
    rig = Rig()
    rig.publish("Wallet/ada")
    rig.publish("Wallet/ada")
    rig.commit()
    number, (first, second) = rig.deliveries_to("host-0")

    rig.fail(number, first)
    rig.commit()
    rig.pass_time(SECOND)

    assert [d.at for d in rig.work()] == [first.at, second.at]


def test_turns_on_what_follows_a_failed_event_in_the_same_answer_do_not_count() -> None:
    """A zombie's answer: the host left out the failed one and went on."""
    rig = Rig()
    rig.publish("Wallet/ada")
    rig.publish("Wallet/ada")
    rig.commit()
    number, (_, second) = rig.deliveries_to("host-0")

    rig.answer(number, [rig.turn(second, saves(second) | {"emitted": (emission(),)})])
    rig.commit()

    assert "completed" not in rig.types
    assert rig.core.stats()["rejected"] == 1


# ------------------------------------------------------------ parked


def test_a_dead_letter_keeps_what_went_wrong_for_people() -> None:
    rig, d = parked_rig()

    row = rig.deliveries[d.at, "Wallet/ada"]

    assert row.detail is not None
    assert msgspec.msgpack.decode(row.detail, type=Failure) == FAILURE


def test_parking_is_noted_in_the_log_and_caused_by_the_event_it_is_about() -> None:
    rig, d = parked_rig()

    (note,) = notes(rig)

    assert (note.type, note.cause, note.root) == ("trunkline.parked", d.id, d.root)
    assert decode_body(note.body).source == "Wallet/ada"
    assert json.loads(decode_body(note.body).data) == {"address": "Wallet/ada", "error": "ValueError"}


def test_the_instance_holds_its_later_events_and_others_go_on() -> None:
    rig, _ = parked_rig()

    rig.publish("Wallet/ada")
    rig.publish("Wallet/bob")
    rig.publish("Receipts/ada")

    assert sorted(d.address for d in rig.work()) == ["Receipts/ada", "Wallet/bob"]
    assert rig.core.stats()["held"] == 1


def test_a_held_instance_is_held_by_the_next_router_as_well() -> None:
    rig, d = parked_rig()
    rig.publish("Wallet/ada")
    rig.commit()

    rig.start()

    assert rig.work() == []
    assert rig.parked() == [(d.at, "Wallet/ada")]
    assert rig.core.stats()["held"] == 1
    assert rig.core.stats()["pending"] == 0


def test_an_events_other_listeners_handle_it() -> None:
    rig = Rig(limits=AT_ONCE)
    rig.publish("Wallet/ada", "Receipts/ada")
    rig.commit()
    number, deliveries = rig.deliveries_to("host-0")
    wallet = next(d for d in deliveries if d.address == "Wallet/ada")
    rig.fail(number, wallet)

    rig.start()
    handled = rig.work()

    assert "Receipts/ada" in [d.address for d in handled]


def test_a_dead_letter_does_not_hold_the_watermark_back() -> None:
    rig = Rig(limits=Limits(retries=0, watermark_every=1))
    d = rig.park("Wallet/ada")

    for _ in range(5):
        rig.publish("Wallet/bob")
        rig.work()

    assert rig.watermarks[d.at >> 40] > d.at & ((1 << 40) - 1)
    rig.start()
    assert rig.core.stats()["held"] == 1


# ------------------------------------------------------------ failures="skip"


def test_a_class_that_skips_failures_goes_on_and_says_so_in_the_log() -> None:
    rig, d = parked_rig(failures="skip")
    rig.publish("Wallet/ada")

    handled = rig.work()

    assert d.at not in [x.at for x in handled]
    assert len(handled) == 1
    assert rig.parked() == []
    assert [n.type for n in notes(rig)] == ["trunkline.parked"]
    assert rig.core.stats() | {"turns": 0} == rig.core.stats() | {"turns": 0, "held": 0, "pending": 0}


def test_what_was_skipped_by_itself_is_not_tried_by_the_next_router() -> None:
    rig, d = parked_rig(failures="skip")

    rig.start()

    assert rig.work() == []
    assert rig.instances["Wallet/ada"].cursor == d.at


def test_a_class_that_skips_failures_still_tries_again_first() -> None:
    rig = Rig(plan(failures="skip"), Limits(retries=1))
    rig.publish("Wallet/ada")
    rig.commit()
    number, (d,) = rig.deliveries_to("host-0")

    rig.fail(number, d)
    rig.pass_time(SECOND)

    assert [x.at for x in rig.work()] == [d.at]
    assert notes(rig) == []


def test_an_instance_whose_first_event_was_skipped_by_itself_is_live() -> None:
    rig, _ = parked_rig(failures="skip")

    assert rig.instances["Wallet/ada"].live


def test_a_broadcast_that_was_skipped_by_itself_brings_nobody_to_life() -> None:
    rig = Rig(plan(failures="skip"), AT_ONCE)
    rig.publish("Wallet/ada")
    rig.work()
    rig.publish("Wallet/ada")
    rig.publish("Wallet/*", type="announced", partition=0)
    rig.commit()
    number, (leave, announced) = rig.deliveries_to("host-0")
    rig.core.answer(
        "host-0",
        Answer(
            number,
            (rig.turn(leave, {"changed": True, "retired": True}),),
            (TurnFailed(announced.address, announced.activation, announced.at, FAILURE),),
        ),
        rig.now,
    )
    rig.commit()

    assert rig.instances["Wallet/ada"].live is False


# ------------------------------------------------------------ what is counted


def test_what_is_held_counts_again_when_it_is_released() -> None:
    rig, d = parked_rig()
    rig.publish("Wallet/ada")
    rig.commit()
    held = rig.core.stats()
    rig.retry(d.at, "Wallet/ada")
    released = rig.core.stats()

    rig.work()

    assert (held["pending"], held["held"]) == (0, 1)
    assert (released["pending"], released["held"]) == (2, 0)
    assert rig.core.stats()["pending"] == 0
    assert rig.has_settled()
