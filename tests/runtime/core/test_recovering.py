"""A router that starts anew knows what the journal has, each kind of row, and nothing of what was not committed."""

from collections.abc import Callable

import pytest

from runtime.core.limits import Limits
from runtime.core.messages import CancelTimer, Outcome, Taken
from runtime.core.partition import partition_of
from runtime.core.rows import Status

from .rig import FAILURE, PARTITIONS, SECOND, Rig, emission, nothing, plan, saves, timer

ADA = partition_of("ada", PARTITIONS)
SHORT = Limits(retries=0, watermark_every=1, spill_after=8)


def test_nothing_is_left_of_what_was_not_committed() -> None:
    rig = Rig()
    rig.publish("Wallet/ada", "Payments")
    rig.step()

    rig.start()

    assert rig.work() == []
    assert rig.calls() == []
    assert rig.core.stats() == dict.fromkeys(rig.core.stats(), 0)


def test_an_unhandled_event_is_delivered() -> None:
    rig = Rig()
    rig.publish("Wallet/ada")
    rig.publish("Wallet/ada")
    rig.commit()

    rig.start()

    assert [d.at for d in rig.work()] == list(rig.log)


def test_a_handled_event_is_not_delivered_again() -> None:
    rig = Rig()
    rig.publish("Wallet/ada")
    rig.work()

    rig.start()

    assert rig.work() == []


def test_only_the_listeners_that_have_not_handled_it_get_an_event() -> None:
    rig = Rig()
    rig.publish("Wallet/ada", "Receipts/ada", "Board/ada")
    rig.commit()
    number, (first, *_) = rig.deliveries_to("host-0")
    rig.answer(number, [rig.turn(first, saves(first))])
    rig.commit()

    rig.start()

    assert {d.address for d in rig.work()} == {"Wallet/ada", "Receipts/ada", "Board/ada"} - {first.address}


def test_an_instance_goes_on_with_the_state_that_was_committed() -> None:
    rig = Rig()
    rig.publish("Wallet/ada")
    rig.work(lambda d: {"changed": True, "state": b"kept"})
    rig.publish("Wallet/ada")
    rig.commit()

    rig.start()
    batch = rig.take()

    assert batch is not None
    assert [a.state for a in batch.activations] == [b"kept"]


def test_a_cursor_that_moved_without_a_change_is_known() -> None:
    rig = Rig()
    rig.publish("Wallet/ada")
    rig.work()
    rig.publish("Wallet/ada")
    rig.work(nothing)

    rig.start()

    assert rig.work() == []
    assert rig.instances["Wallet/ada"].state == b"{}"


def test_a_copy_is_delivered_where_it_stands_and_nowhere_else() -> None:
    rig = Rig()
    rig.publish("Wallet/ada", partition=(ADA + 1) % PARTITIONS)
    rig.commit()

    rig.start()

    assert [d.at >> 40 for d in rig.work()] == [ADA]


def test_positions_go_on_where_they_ended() -> None:
    rig = Rig()
    rig.publish(partition=ADA)
    rig.commit()

    rig.start()
    rig.publish(partition=ADA)
    rig.commit()

    assert [at & ((1 << 40) - 1) for at in rig.log] == [1, 2]


# ------------------------------------------------------------ timers


def test_a_pending_timer_fires_and_a_fired_or_cancelled_one_does_not() -> None:
    rig = Rig()
    rig.publish("Wallet/ada")
    due = rig.now + SECOND
    rig.work(lambda d: {"timers": tuple(timer(due + n, name=f"{n}") for n in range(3))})
    rig.publish("Wallet/ada")
    rig.work(lambda d: {"cancels": (CancelTimer("reminded", "1"),)})
    rig.pass_time(SECOND)

    rig.start()
    rig.pass_time(SECOND)

    assert [e.time - due for e in rig.log.values() if e.type == "reminded"] == [0, 2]


def test_a_pending_timer_that_a_gateway_hears_is_called_with_the_next_router() -> None:
    rig = Rig()
    rig.publish("Wallet/ada")
    due = rig.now + SECOND
    rig.work(lambda d: {"timers": (timer(due, "Payments", type="attempted"),)})

    rig.start()
    rig.pass_time(SECOND)

    assert [call.gateway for call in rig.calls()] == ["Payments"]


# ------------------------------------------------------------ rows behind the watermark


def spilled(rig: Rig) -> None:
    """Let the log grow until what is open behind it has rows of its own."""
    for _ in range(20):
        rig.publish(partition=ADA)
        rig.commit()
    assert rig.watermarks[ADA] > 8


def test_an_event_that_waited_for_long_is_delivered_and_its_row_goes() -> None:
    rig = Rig(limits=SHORT)
    rig.publish("Wallet/ada")
    rig.commit()
    spilled(rig)
    rows = list(rig.deliveries.values())

    rig.start()
    handled = rig.work()

    assert [(row.status, row.address) for row in rows] == [(Status.WAITING, "Wallet/ada")]
    assert [d.address for d in handled] == ["Wallet/ada"]
    assert rig.deliveries == {}


def test_a_dead_letter_behind_the_watermark_holds_what_stands_before_it() -> None:
    rig = Rig(limits=SHORT)
    d = rig.park("Wallet/ada")
    rig.publish("Wallet/ada")
    spilled(rig)

    rig.start()
    held = rig.work()
    rig.skip(d.at, "Wallet/ada")

    assert held == []
    assert len(rig.work()) == 1


def test_a_waiting_and_a_started_call_behind_the_watermark_are_known() -> None:
    rig = Rig(plan(concurrency=1, idempotent=True, retries=3), SHORT)
    rig.publish("Payments", partition=ADA)
    rig.publish("Payments", partition=ADA)
    (first,) = rig.calls()
    spilled(rig)

    rig.start()
    rig.now += 60 * SECOND
    (waiting,) = rig.calls()
    rig.done(waiting, Outcome.ANSWERED)
    again = rig.core.take_calls()

    assert sorted([waiting.at, again[0].at])[0] == first.at
    rig.done(again[0], Outcome.ANSWERED)
    assert rig.core.stats()["calls"] == 0


def test_a_parked_call_behind_the_watermark_can_be_retried() -> None:
    rig = Rig(plan(retries=0), SHORT)
    rig.publish("Payments", partition=ADA)
    (call,) = rig.calls()
    rig.done(call, Outcome.FAILED, failure=FAILURE)
    spilled(rig)

    rig.start()

    assert rig.calls() == []
    assert rig.retry(call.at, "Payments")
    assert [c.at for c in rig.calls() or rig.core.take_calls()] == [call.at]


def test_an_answered_call_before_the_watermark_is_not_made_again() -> None:
    rig = Rig(limits=Limits(watermark_every=1000))
    rig.publish("Wallet/ada")
    rig.publish("Payments", partition=ADA)
    (call,) = rig.calls()
    rig.done(call, Outcome.ANSWERED)

    rig.start()

    assert [row.status for row in rig.deliveries.values()] == [Status.DONE]
    assert rig.calls() == []


def test_a_broadcast_behind_the_watermark_goes_on_to_those_that_have_not_had_it() -> None:
    rig = Rig(limits=SHORT)
    rig.publish("Wallet/ada")
    rig.publish("Wallet/bob")
    rig.work()
    rig.publish("Wallet/*", type="announced", partition=ADA)
    rig.commit()
    number, deliveries = rig.deliveries_to("host-0")
    ada = next(d for d in deliveries if d.address == "Wallet/ada")
    rig.answer(number, [rig.turn(ada, saves(ada))])
    spilled(rig)

    rig.start()

    assert [d.address for d in rig.work()] == ["Wallet/bob"]


def test_a_closing_router_leaves_the_next_one_nothing_to_read() -> None:
    rig = Rig()
    for _ in range(5):
        rig.publish("Wallet/ada")
    rig.work()

    batch = rig.core.next_batch(closing=True)
    rig.write(batch)
    rig.core.committed()
    recovery = rig.journal.recover(ADA, rig.store.epochs[ADA])

    assert recovery.entries == []
    assert recovery.watermark == 5


# ------------------------------------------------------------ origins


def test_a_clients_numbers_are_known() -> None:
    rig = Rig()
    item = rig.item("Wallet/ada")
    rig.send(item, ticket=1)
    rig.commit()

    rig.start()
    rig.send(item, ticket=2, again=True)
    rig.commit()

    assert len(rig.log) == 1
    assert rig.replies_to(1) == rig.replies_to(2)
    assert rig.replies_to(2)[0].results[0][0] == Taken.NEW  # type: ignore[union-attr]


# ------------------------------------------------------------ twice over


def new_router(rig: Rig) -> None:
    rig.start()


def dead_host(rig: Rig) -> None:
    rig.core.host_lost("host-0", rig.now)
    rig.core.host_up("host-0")


def dead_gateways(rig: Rig) -> None:
    rig.core.gateways_lost(rig.now)
    rig.core.gateways_up()


@pytest.mark.parametrize("breaks", [new_router, dead_host, dead_gateways])
@pytest.mark.parametrize("after", range(12))
def test_the_result_is_the_same_wherever_a_process_breaks(breaks: Callable[[Rig], None], after: int) -> None:
    """A chain with a call, a broadcast, a timer and a second partition, broken once after so many steps."""

    def effect(d: object) -> dict[str, object]:
        kind = d.type  # type: ignore[attr-defined]
        if kind == "attempted":
            return {"emitted": (emission("Receipts/ada", "Wallet/cyd"),), "timers": (timer(2_000, "Board/ada"),)}
        if kind == "completed":
            return {"emitted": (emission("Wallet/*", type="announced"),)}
        return saves(d)  # type: ignore[arg-type]

    def run(breaks: Callable[[Rig], None] | None) -> tuple[list[str], dict[str, tuple[bool, bytes | None]]]:
        rig = Rig(plan(idempotent=True, retries=5))
        rig.publish("Wallet/ada", "Payments")
        rig.commit()
        for step in range(200):
            rig.now += 20_000
            rig.commit()
            for name in rig.core.take_hosts():
                rig.core.host_up(name)
            batches, calls = rig.core.take_deliveries(), rig.core.take_calls()
            if step == after and breaks is not None:
                # What was sent to it is lost with it.
                batches = [] if breaks in (dead_host, new_router) else batches
                calls = [] if breaks in (dead_gateways, new_router) else calls
                breaks(rig)
            for name, batch in batches:
                rig.answer(batch.number, [rig.turn(d, effect(d)) for d in batch.deliveries], name)
            for call in calls:
                rig.done(call, Outcome.ANSWERED, emission(type="paid"))
        rows = {address: (row.live, row.state) for address, row in rig.instances.items()}
        assert rig.core.stats()["pending"] == 0
        return sorted(rig.types), rows

    assert run(breaks) == run(None)
