"""The router's promises, one step at a time."""

from runtime.core.limits import Limits
from runtime.core.messages import (
    CallDone,
    Delivery,
    Emission,
    Outcome,
    PublishReply,
    SetTimer,
    TurnDone,
)
from runtime.core.rows import Status
from runtime.core.staging import Drained

from .rig import Rig, emission, plan, turn


def test_a_publisher_is_answered_only_when_its_event_is_durable() -> None:
    rig = Rig()

    rig.publish("Wallet/ada")
    batch = rig.step()
    before = rig.core.take_replies()
    rig.write(batch)
    rig.core.committed()
    after = rig.core.take_replies()

    assert before == []
    assert len(after) == 1
    assert isinstance(after[0][1], PublishReply)


def test_a_host_gets_an_event_while_it_is_being_committed() -> None:
    rig = Rig()

    rig.publish("Wallet/ada")
    rig.step()

    assert [d.address for d in rig.deliveries_to("host-0")[1]] == ["Wallet/ada"]


def test_an_answer_given_twice_has_one_effect() -> None:
    rig = Rig()
    rig.publish("Wallet/ada")
    rig.commit()
    number, (d,) = rig.deliveries_to("host-0")

    rig.answer(number, [turn(d, 0, emission())])
    rig.answer(number, [turn(d, 0, emission())])
    rig.commit()

    assert [e.type for e in rig.log.values()] == ["attempted", "completed"]


def test_an_answer_of_a_host_that_was_replaced_has_no_effect() -> None:
    rig = Rig()
    rig.publish("Wallet/ada")
    rig.commit()
    number, (d,) = rig.deliveries_to("host-0")

    rig.core.host_lost("host-0", rig.now)
    rig.core.host_up("host-0")
    rig.answer(number, [turn(d, 0, emission())])
    rig.commit()

    assert [e.type for e in rig.log.values()] == ["attempted"]
    assert rig.core.stats()["pending"] == 1


def test_an_unanswered_event_is_delivered_again_after_a_restart() -> None:
    rig = Rig()
    rig.publish("Wallet/ada")
    rig.commit()
    rig.deliveries_to("host-0")

    rig.start()

    assert [d.address for d in rig.deliveries_to("host-0")[1]] == ["Wallet/ada"]


def test_a_committed_turn_is_not_delivered_again_after_a_restart() -> None:
    rig = Rig()
    rig.publish("Wallet/ada", "Receipts/ada")
    rig.commit()
    number, both = rig.deliveries_to("host-0")
    rig.answer(number, [turn(both[0])])
    rig.commit()

    rig.start()

    assert [d.address for d in rig.deliveries_to("host-0")[1]] == ["Receipts/ada"]


def test_a_listener_in_another_partition_gets_a_copy_under_the_same_id() -> None:
    rig = Rig()

    rig.publish("Wallet/ada", partition=(partition := (partition_of_ada() + 1) % 4))
    rig.commit()

    home, copy = sorted(rig.log.values(), key=lambda e: e.at != e.id)
    assert home.at >> 40 == partition
    assert copy.id == home.id
    assert copy.at >> 40 == partition_of_ada()
    assert [d.id for d in rig.deliveries_to("host-0")[1]] == [home.id]


def test_a_chain_that_was_run_on_is_committed_with_the_turn_it_follows() -> None:
    rig = Rig()
    warm(rig, "Receipts/ada", "Wallet/ada")
    rig.publish("Wallet/ada")
    rig.commit()
    number, (d,) = rig.deliveries_to("host-0")
    receipts = rig.core._cell.mailboxes["Receipts/ada"]

    ran_on = TurnDone("Receipts/ada", receipts.activation, receipts.turn, 0, (0, 0), (emission(type="sent"),), (), ())
    rig.answer(number, [turn(d, 1, emission("Receipts/ada")), ran_on])
    rig.commit()

    assert [e.type for e in rig.log.values()][-3:] == ["attempted", "completed", "sent"]
    assert rig.core.stats()["pending"] == 0
    assert rig.core.stats()["rejected"] == 0


def test_a_chain_is_not_run_on_past_an_event_that_came_first() -> None:
    rig = Rig()
    warm(rig, "Receipts/ada", "Wallet/ada")
    rig.publish("Wallet/ada")
    rig.commit()
    number, (d,) = rig.deliveries_to("host-0")
    receipts = rig.core._cell.mailboxes["Receipts/ada"]
    rig.publish("Receipts/ada")
    rig.commit()

    ran_on = TurnDone("Receipts/ada", receipts.activation, receipts.turn, 0, (0, 0), (emission(type="sent"),), (), ())
    rig.answer(number, [turn(d, 1, emission("Receipts/ada")), ran_on])
    rig.commit()

    assert "sent" not in [e.type for e in rig.log.values()]
    _, again = rig.deliveries_to("host-0")
    assert [(d.address, d.type) for d in again] == [("Receipts/ada", "attempted"), ("Receipts/ada", "completed")]


def test_a_failing_turn_is_retried_then_parked_and_its_instance_holds_what_follows() -> None:
    rig = Rig(limits=Limits(retries=1))
    rig.publish("Wallet/ada")
    rig.publish("Wallet/ada")
    rig.commit()
    for _ in range(2):
        number, deliveries = rig.deliveries_to("host-0")
        d = deliveries[0]
        rig.fail(number, d)
        rig.now += 60_000_000
        rig.commit()

    parked = [r for r in rig.deliveries.values() if r.status == Status.PARKED]
    assert [(r.at, r.address) for r in parked] == [(d.at, "Wallet/ada")]
    assert rig.deliveries_to("host-0") == (0, [])
    assert "trunkline.parked" in [e.type for e in rig.log.values()]


def parked() -> tuple[Rig, list[Delivery]]:
    """Two events of one instance, of which the first is parked."""
    rig = Rig(limits=Limits(retries=0))
    rig.publish("Wallet/ada")
    rig.publish("Wallet/ada")
    rig.commit()
    number, deliveries = rig.deliveries_to("host-0")
    rig.fail(number, deliveries[0])
    rig.commit()
    return rig, deliveries


def test_a_parked_event_can_be_retried_and_its_followers_go_on_in_order() -> None:
    rig, deliveries = parked()
    rig.start()

    rig.retry(deliveries[0].at, "Wallet/ada")

    assert [x.at for x in rig.deliveries_to("host-0")[1]] == [x.at for x in deliveries]


def test_a_skipped_event_is_left_out_for_good() -> None:
    rig, deliveries = parked()

    rig.skip(deliveries[0].at, "Wallet/ada")
    rig.start()

    assert [x.at for x in rig.deliveries_to("host-0")[1]] == [deliveries[1].at]
    assert rig.deliveries == {}


def test_a_timer_fires_once_and_not_before_its_moment() -> None:
    rig = Rig()
    rig.publish("Wallet/ada")
    rig.commit()
    number, (d,) = rig.deliveries_to("host-0")
    due = SetTimer("", Emission("reminded", (), b"", rig.now + 500))
    rig.answer(number, [TurnDone(d.address, d.activation, 0, d.at, None, (), (due,))])
    rig.commit()

    rig.now += 499
    rig.commit()
    before = [e.type for e in rig.log.values()]
    rig.now += 1
    rig.commit()
    rig.start()
    rig.commit()

    assert "reminded" not in before
    assert [e.type for e in rig.log.values()].count("reminded") == 1


def test_a_due_timer_waits_for_its_instances_older_events() -> None:
    rig = Rig()
    rig.publish("Wallet/ada")
    rig.commit()
    number, (d,) = rig.deliveries_to("host-0")
    due = SetTimer("", Emission("reminded", (), b"", rig.now + 500))
    rig.answer(number, [TurnDone(d.address, d.activation, 0, d.at, None, (), (due,))])
    rig.publish("Wallet/ada")
    rig.commit()
    number, (d,) = rig.deliveries_to("host-0")

    rig.now += 1_000
    rig.commit()
    before = [e.type for e in rig.log.values()]
    rig.answer(number, [turn(d, 1)])
    rig.commit()

    assert "reminded" not in before
    assert [e.type for e in rig.log.values()][-1] == "reminded"


def test_a_gateway_is_called_only_after_the_start_of_its_attempt_is_durable() -> None:
    rig = Rig()

    rig.publish("Payments")
    batch = rig.step()
    early = rig.core.take_calls()
    rig.write(batch)
    rig.core.committed()

    assert early == []
    assert [c.attempt for c in rig.core.take_calls()] == [1]
    assert [r.status for r in rig.deliveries.values()] == [Status.STARTED]


def test_a_call_with_an_unknown_outcome_is_not_repeated_unless_it_is_idempotent() -> None:
    for idempotent, expected in ((False, Status.PARKED), (True, Status.STARTED)):
        rig = Rig(plan(idempotent=idempotent))
        rig.publish("Payments")
        rig.commit()
        rig.start()
        rig.commit()
        rig.now += 60_000_000
        rig.commit()

        assert [r.status for r in rig.deliveries.values()] == [expected]


def test_an_unknown_outcome_is_reconciled() -> None:
    rig = Rig(plan(reconcile=True))
    rig.publish("Payments")
    rig.commit()
    (call,) = rig.core.take_calls()

    rig.core.gateways_lost(rig.now)
    rig.core.gateways_up()
    rig.commit()
    (reconcile,) = rig.core.take_calls()
    rig.core.called(
        CallDone("Payments", reconcile.kind, reconcile.attempt, call.at, Outcome.ANSWERED, (emission(),)), rig.now
    )
    rig.commit()

    assert reconcile.kind == 1
    assert [e.type for e in rig.log.values()] == ["attempted", "completed"]
    assert rig.core.stats()["calls"] == 0


def test_a_late_outcome_of_an_attempt_that_was_given_up_has_no_effect() -> None:
    rig = Rig(plan(idempotent=True))
    rig.publish("Payments")
    rig.commit()
    (call,) = rig.core.take_calls()

    rig.core.gateways_lost(rig.now)
    rig.core.gateways_up()
    rig.now += 60_000_000
    rig.commit()
    rig.core.called(CallDone("Payments", 0, call.attempt, call.at, Outcome.ANSWERED, (emission(),)), rig.now)
    rig.commit()

    assert [e.type for e in rig.log.values()] == ["attempted"]


def test_a_drain_ends_when_all_that_followed_is_handled() -> None:
    rig = Rig()
    rig.publish("Wallet/ada")
    rig.core.drain(7, timers=False)
    rig.commit()
    number, (d,) = rig.deliveries_to("host-0")
    rig.answer(number, [turn(d, 0, emission("Receipts/ada"))])
    rig.commit()
    before = [r for t, r in rig.replies if t == 7]

    number, (d,) = rig.deliveries_to("host-0")
    rig.answer(number, [turn(d)])
    rig.commit()

    assert before == []
    assert [r for t, r in rig.replies if t == 7] == [Drained()]


def test_a_full_router_refuses_origins_and_only_them() -> None:
    rig = Rig(limits=Limits(pending_max=0))
    rig.publish("Wallet/ada")
    rig.publish("Wallet/ada", ticket=2)
    rig.commit()
    number, (d,) = rig.deliveries_to("host-0")

    rig.answer(number, [turn(d, 0, emission("Receipts/ada"))])
    rig.commit()

    assert [r.refused for _, r in rig.replies if isinstance(r, PublishReply)] == [False, True]
    assert [e.type for e in rig.log.values()] == ["attempted", "completed"]


def test_an_open_delivery_does_not_hold_the_watermark_back_for_ever() -> None:
    rig = Rig(limits=Limits(spill_after=8, watermark_every=1))
    rig.publish("Wallet/ada")
    rig.commit()
    rig.deliveries_to("host-0")
    partition = partition_of_ada()

    for _ in range(20):
        rig.publish(partition=partition)
        rig.commit()
    rig.start()

    assert rig.watermarks[partition] > 10
    assert [d.address for d in rig.deliveries_to("host-0")[1]] == ["Wallet/ada"]


def partition_of_ada() -> int:
    from runtime.core.partition import partition_of

    return partition_of("ada", 4)


def warm(rig: Rig, *addresses: str) -> None:
    for address in addresses:
        rig.publish(address)
        rig.commit()
        number, (d,) = rig.deliveries_to("host-0")
        rig.answer(number, [turn(d)])
        rig.commit()
