"""Mailboxes: bounded, loaded when something comes, passivated when idle, and with one host each."""

import pytest

from runtime.core.limits import Limits
from runtime.core.messages import Activate, DeliverBatch

from .rig import PARTITIONS, SECOND, Rig, emission, nothing, plan, saves, turn

HOUR = 3600 * SECOND


def batches(rig: Rig) -> dict[str, DeliverBatch]:
    """What every host gets now."""
    rig.commit()
    return dict(rig.core.take_deliveries())


def activations(batch: DeliverBatch) -> list[tuple[str, bytes | None]]:
    return [(a.address, a.state) for a in batch.activations if isinstance(a, Activate)]


# ------------------------------------------------------------ activation


def test_an_instance_is_sent_with_its_first_delivery_only() -> None:
    rig = Rig()
    rig.publish("Wallet/ada")
    first = rig.take()
    rig.publish("Wallet/ada")
    second = rig.take()

    assert first is not None
    assert second is not None
    assert activations(first) == [("Wallet/ada", None)]
    assert activations(second) == []
    assert first.deliveries[0].activation == second.deliveries[0].activation


def test_an_instance_is_sent_as_it_was_committed_and_not_as_it_is_staged() -> None:
    rig = Rig()
    rig.publish("Wallet/ada")
    rig.work(lambda d: {"changed": True, "state": b"old"})
    rig.publish("Wallet/ada")
    rig.commit()
    number, (d,) = rig.deliveries_to("host-0")
    rig.answer(number, [rig.turn(d, {"changed": True, "state": b"new"})])
    batch = rig.step()
    rig.core.host_lost("host-0", rig.now)
    rig.core.host_up("host-0")
    rig.publish("Wallet/ada")
    early = rig.take()

    rig.write(batch)
    rig.core.committed()
    rig.commit()
    late = rig.take()

    assert early is None
    assert late is not None
    assert activations(late) == [("Wallet/ada", b"new")]


def test_activations_never_repeat_in_a_routers_life() -> None:
    rig = Rig(limits=Limits(retries=100))
    seen = []
    rig.publish("Wallet/ada")
    for _ in range(4):
        rig.commit()
        number, (d,) = rig.deliveries_to("host-0")
        seen.append(d.activation)
        rig.fail(number, d)
        rig.pass_time(60 * SECOND)

    assert len(set(seen)) == 4


def test_deliveries_go_out_in_batches_of_a_bounded_number() -> None:
    rig = Rig(limits=Limits(batch_deliveries=3, batches_in_flight=2))
    for _ in range(10):
        rig.publish("Wallet/ada")
    rig.commit()

    sent = rig.core.take_deliveries()

    assert [len(batch.deliveries) for _, batch in sent] == [3, 3]
    assert rig.core.take_deliveries() == []


def test_an_answered_batch_makes_room_for_the_next() -> None:
    rig = Rig(limits=Limits(batch_deliveries=3, batches_in_flight=1))
    for _ in range(5):
        rig.publish("Wallet/ada")
    rig.commit()
    ((_, first),) = rig.core.take_deliveries()

    rig.answer(first.number, [rig.turn(d, saves(d)) for d in first.deliveries])

    ((_, second),) = rig.core.take_deliveries()
    assert [d.at for d in (*first.deliveries, *second.deliveries)] == list(rig.log)


def test_a_host_that_is_not_up_gets_nothing() -> None:
    rig = Rig()
    rig.start("another")
    rig.publish("Wallet/ada")

    assert batches(rig) == {}


def test_a_batch_is_bounded_in_bytes_as_well() -> None:
    rig = Rig()
    for _ in range(6):
        rig.publish("Wallet/ada", body=b"x" * (1 << 20))
    rig.commit()

    sizes = [sum(len(d.body) for d in batch.deliveries) for _, batch in rig.core.take_deliveries()]

    assert max(sizes) <= 5 << 20
    assert len(sizes) == 2


# ------------------------------------------------------------ bounds


def test_past_its_bound_a_mailbox_keeps_positions_only_and_order_all_the_same() -> None:
    rig = Rig(limits=Limits(mailbox_bodies_max=3, batch_deliveries=4))
    for _ in range(50):
        rig.publish("Wallet/ada")
    rig.commit()

    handled = rig.work()

    assert [d.at for d in handled] == list(rig.log)
    assert {d.body for d in handled} == {b"body"}


def test_bodies_of_a_long_mailbox_are_read_again_from_the_journal_a_few_at_a_time() -> None:
    rig = Rig(limits=Limits(mailbox_bodies_max=3, batch_deliveries=100, batches_in_flight=1))
    for _ in range(20):
        rig.publish("Wallet/ada")
    rig.commit()

    ((_, batch),) = rig.core.take_deliveries()
    fetches = rig.core.take_fetches()

    assert len(batch.deliveries) == 3
    assert fetches == list(rig.log)[3:6]


def test_a_body_that_is_not_durable_yet_is_read_after_the_commit() -> None:
    rig = Rig(limits=Limits(mailbox_bodies_max=1))
    rig.publish("Wallet/ada")
    rig.publish("Wallet/ada")
    batch = rig.step()
    early = [len(b.deliveries) for _, b in rig.core.take_deliveries()]
    rig.read()

    rig.write(batch)
    rig.core.committed()
    rig.commit()

    assert early == [1]
    assert [len(b.deliveries) for _, b in rig.core.take_deliveries()] == [1]


def test_internal_events_are_taken_however_full_the_router_is() -> None:
    rig = Rig(limits=Limits(pending_max=0, mailbox_bodies_max=1))
    rig.publish("Wallet/ada")
    rig.commit()
    number, (d,) = rig.deliveries_to("host-0")

    rig.answer(number, [rig.turn(d, {"emitted": (emission("Receipts/ada"),) * 30})])
    handled = rig.work(nothing)

    assert len(handled) == 30


# ------------------------------------------------------------ passivation


def test_an_idle_instance_is_dropped_here_and_at_its_host_and_its_row_stays() -> None:
    rig = Rig()
    rig.publish("Wallet/ada")
    rig.work(lambda d: {"changed": True, "state": b"kept"})

    rig.pass_time(HOUR)
    batch = rig.take()

    assert batch is not None
    assert batch.drops == ("Wallet/ada",)
    assert rig.core.stats()["instances"] == 0
    assert rig.instances["Wallet/ada"].state == b"kept"


def test_a_passivated_instance_is_activated_by_its_next_event() -> None:
    rig = Rig()
    rig.publish("Wallet/ada")
    rig.work(lambda d: {"changed": True, "state": b"kept"})
    rig.pass_time(HOUR)

    rig.publish("Wallet/ada")
    batch = rig.take()

    assert batch is not None
    assert batch.drops == ("Wallet/ada",)
    assert activations(batch) == [("Wallet/ada", b"kept")]


def test_an_instance_with_something_in_flight_is_not_passivated() -> None:
    rig = Rig()
    rig.publish("Wallet/ada")
    rig.commit()
    number, (d,) = rig.deliveries_to("host-0")

    rig.pass_time(HOUR)
    rig.pass_time(HOUR)
    rig.answer(number, [rig.turn(d, saves(d))])
    rig.commit()

    assert rig.instances["Wallet/ada"].cursor == d.at
    assert rig.core.stats()["rejected"] == 0


def test_a_held_instance_is_not_passivated() -> None:
    rig = Rig(limits=Limits(retries=0))
    d = rig.park("Wallet/ada")

    rig.pass_time(HOUR)
    rig.pass_time(HOUR)

    assert rig.retry(d.at, "Wallet/ada")


def test_an_instance_that_is_used_now_and_then_stays() -> None:
    rig = Rig(limits=Limits(idle_us=100 * SECOND, sweep_us=30 * SECOND))
    for _ in range(10):
        rig.publish("Wallet/ada")
        rig.work()
        rig.pass_time(60 * SECOND)

    assert rig.core.stats()["instances"] == 1


def test_an_instance_whose_row_is_not_durable_yet_is_not_passivated() -> None:
    rig = Rig()
    rig.publish("Wallet/ada")
    rig.commit()
    number, (d,) = rig.deliveries_to("host-0")
    rig.answer(number, [rig.turn(d, {"changed": True, "state": b"new"})])
    batch = rig.step()

    rig.now += HOUR
    rig.core.advance(rig.now)
    rig.publish("Wallet/ada")
    rig.write(batch)
    rig.core.committed()

    handled = rig.work(nothing)
    assert [x.activation for x in handled] == [d.activation]


def test_the_router_asks_to_be_woken_for_passivation_only_while_somebody_is_there() -> None:
    rig = Rig()
    empty = rig.core.wake_at()
    rig.publish("Wallet/ada")
    rig.work()

    assert empty is None
    assert rig.core.wake_at() == 1_000 + rig.limits.sweep_us


def test_an_instance_that_was_passivated_hears_broadcasts() -> None:
    rig = Rig()
    rig.publish("Wallet/ada")
    rig.publish("Wallet/*", type="announced", partition=0)
    rig.work()
    rig.pass_time(HOUR)

    rig.publish("Wallet/*", type="announced", partition=0)

    assert [d.address for d in rig.work()] == ["Wallet/ada"]


# ------------------------------------------------------------ placement


def test_a_sharded_instances_host_is_its_partitions() -> None:
    rig = Rig(limits=Limits(hosts=2))
    for key in ("ada", "cyd", "dan", "eve"):
        rig.publish(f"Wallet/{key}", f"Receipts/{key}")

    sent = batches(rig)

    assert sorted(sent) == ["host-0", "host-1"]
    for name, batch in sent.items():
        assert {(d.at >> 40) % 2 for d in batch.deliveries} == {int(name[-1])}


def test_a_dedicated_instance_shares_a_host_until_its_own_is_up() -> None:
    rig = Rig(plan("dedicated"))
    rig.publish("Wallet/ada")
    rig.publish("Wallet/bob")
    rig.commit()
    wanted = rig.core.take_hosts()
    number, shared = rig.deliveries_to("host-0")

    rig.core.host_up("Wallet/bob")
    # What the shared host has done of it meanwhile does not count, if it was not told before.
    rig.answer(number, [turn(d, state=b"1") for d in shared])
    rig.commit()
    sent = dict(rig.core.take_deliveries())

    assert wanted == ["host-0", "Wallet/ada", "Wallet/bob"]
    assert [d.address for d in shared] == ["Wallet/ada", "Wallet/bob"]
    assert [(name, [d.address for d in batch.deliveries]) for name, batch in sent.items()] == [
        ("host-0", []),
        ("Wallet/bob", ["Wallet/bob"]),
    ]
    assert sent["host-0"].drops == ("Wallet/bob",)
    assert rig.instances["Wallet/ada"].state == b"1"
    assert "Wallet/bob" not in rig.instances


def test_a_dedicated_instance_goes_to_its_own_host_with_its_state() -> None:
    rig = Rig(plan("dedicated"))
    rig.publish("Wallet/ada")
    rig.commit()
    number, shared = rig.deliveries_to("host-0")
    rig.answer(number, [turn(d, state=b"1") for d in shared])
    rig.publish("Wallet/ada")

    rig.core.host_up("Wallet/ada")
    rig.commit()

    (activation,) = dict(rig.core.take_deliveries())["Wallet/ada"].activations
    assert activation.state == b"1"


def test_a_dedicated_instance_whose_host_is_gone_shares_one_until_that_is_back() -> None:
    rig = Rig(plan("dedicated"))
    rig.core.host_up("Wallet/ada")
    rig.publish("Wallet/ada")
    rig.commit()
    number, deliveries = rig.deliveries_to("Wallet/ada")
    rig.answer(number, [turn(d) for d in deliveries], host="Wallet/ada")
    rig.commit()
    rig.core.take_hosts()

    rig.core.host_lost("Wallet/ada", rig.now)
    rig.publish("Wallet/ada")
    rig.commit()
    meanwhile = rig.deliveries_to("host-0")[1]
    rig.core.host_up("Wallet/ada")
    rig.commit()

    assert rig.core.take_hosts() == ["Wallet/ada"]
    assert [d.address for d in meanwhile] == ["Wallet/ada"]
    assert [d.at for d in rig.deliveries_to("Wallet/ada")[1]] == [d.at for d in meanwhile]


@pytest.mark.parametrize("limit", [0, 1, 3])
def test_above_their_limit_dedicated_instances_share(limit: int) -> None:
    rig = Rig(plan("dedicated"), Limits(dedicated_max=limit))
    for number in range(6):
        rig.publish(f"Wallet/k{number}")
    rig.commit()

    own = [name for name in rig.core.take_hosts() if "/" in name]
    for name in own:
        rig.core.host_up(name)
    rig.commit()
    sent = dict(rig.core.take_deliveries())

    assert len(own) == limit
    assert len(sent["host-0"].deliveries) == 6 - limit


def test_the_host_of_an_instance_that_rests_is_released_for_another() -> None:
    rig = Rig(plan("dedicated"), Limits(dedicated_max=1, idle_us=10 * SECOND, sweep_us=SECOND))
    rig.publish("Wallet/ada")
    rig.commit()
    rig.core.take_hosts()
    rig.core.host_up("Wallet/ada")
    number, deliveries = rig.deliveries_to("Wallet/ada")
    rig.answer(number, [turn(d) for d in deliveries], host="Wallet/ada")
    rig.commit()
    busy = rig.core.take_releases()

    rig.now += 20 * SECOND
    rig.commit()

    assert busy == []
    assert rig.core.take_releases() == ["Wallet/ada"]
    rig.publish("Wallet/bob")
    rig.commit()
    assert rig.core.take_hosts() == ["Wallet/bob"]


def test_a_host_is_missing_until_it_is_there_and_when_it_is_gone() -> None:
    rig = Rig(plan("dedicated"))
    rig.publish("Wallet/ada")
    rig.commit()
    at_first = rig.core.missing_hosts()

    rig.core.host_up("Wallet/ada")
    there = rig.core.missing_hosts()
    rig.core.host_lost("Wallet/ada", rig.now)

    assert at_first == ["Wallet/ada"]
    assert there == []
    assert rig.core.missing_hosts() == ["Wallet/ada"]


def test_a_host_whose_instance_rests_is_not_missed_when_it_has_come_once_more_before_its_end() -> None:
    rig = Rig(plan("dedicated"))
    rig.core.host_up("Wallet/ada")

    rig.core.host_lost("Wallet/ada", rig.now)

    assert rig.core.missing_hosts() == []


def test_where_an_instance_is_can_be_asked() -> None:
    rig = Rig(plan("dedicated"), Limits(dedicated_max=1))
    rig.publish("Wallet/ada")
    rig.publish("Wallet/bob")
    rig.core.host_up("Wallet/ada")
    rig.commit()

    assert rig.core.where() == {"Wallet/ada": ["Wallet/ada"], "host-0": ["Wallet/bob"]}


def test_the_positions_of_a_log_have_no_gaps_whatever_its_writers() -> None:
    rig = Rig()
    for partition in range(PARTITIONS):
        rig.publish("Wallet/ada", "Wallet/cyd", "Payments", "Wallet/*", partition=partition)
    rig.work(lambda d: {"emitted": (emission("Receipts/eve"),)} if d.type == "attempted" else {})

    for partition, log in rig.store.log.items():
        assert [e.at for e in log] == [partition << 40 | n for n in range(1, len(log) + 1)]
