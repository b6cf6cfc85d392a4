"""An answer is a compare-and-set: it counts if it follows what was committed, whoever sends it, or not at all."""

import pytest
from msgspec.structs import replace as changed

from runtime.core.cell import SPARE
from runtime.core.limits import Limits
from runtime.core.messages import Answer, Delivery, TurnFailed

from .rig import FAILURE, Rig, emission, plan, saves, timer


def delivered(rig: Rig, *addresses: str) -> tuple[int, list[Delivery]]:
    """Publish an event for each, in one batch with its host."""
    for address in addresses:
        rig.publish(address)
    rig.commit()
    return rig.deliveries_to("host-0")


def effect(d: Delivery) -> dict[str, object]:
    return saves(d) | {"emitted": (emission(),)}


def effects(rig: Rig) -> int:
    return rig.types.count("completed")


# ------------------------------------------------------------ answers that do not hold


def test_a_turn_under_another_activation_has_no_effect() -> None:
    rig = Rig()
    number, (d,) = delivered(rig, "Wallet/ada")

    rig.answer(number, [changed(rig.turn(d, effect(d)), activation=d.activation + 1)])
    rig.commit()

    assert effects(rig) == 0


@pytest.mark.parametrize("number_of_turn", [1, 5])
def test_a_turn_with_another_number_has_no_effect_and_its_instance_begins_anew(number_of_turn: int) -> None:
    rig = Rig()
    number, (d,) = delivered(rig, "Wallet/ada")

    rig.answer(number, [changed(rig.turn(d, effect(d)), turn=number_of_turn)])
    again = rig.work(effect)

    assert [x.at for x in again] == [d.at]
    assert again[0].activation > d.activation
    assert effects(rig) == 1


def test_a_turn_on_an_event_that_is_not_the_oldest_has_no_effect() -> None:
    rig = Rig()
    number, (first, second) = delivered(rig, "Wallet/ada", "Wallet/ada")

    rig.answer(number, [changed(rig.turn(second, effect(second)), turn=0)])
    handled = rig.work(effect)

    assert [d.at for d in handled] == [first.at, second.at]
    assert effects(rig) == 2


def test_a_turn_that_does_not_hold_takes_the_later_turns_of_its_instance_with_it_and_no_others() -> None:
    rig = Rig()
    number, (one, two, other) = delivered(rig, "Wallet/ada", "Wallet/ada", "Wallet/bob")
    turns = [rig.turn(d, effect(d)) for d in (one, two, other)]

    rig.answer(number, [changed(turns[0], at=other.at), turns[1], turns[2]])
    rig.commit()

    assert effects(rig) == 1
    assert rig.instances.keys() == {"Wallet/bob"}


def test_an_answer_to_a_batch_that_was_never_sent_has_no_effect() -> None:
    rig = Rig()
    number, (d,) = delivered(rig, "Wallet/ada")

    rig.answer(number + 7, [rig.turn(d, effect(d))])
    rig.commit()

    assert effects(rig) == 0


def test_an_answer_of_a_host_that_is_not_known_or_not_up_has_no_effect() -> None:
    rig = Rig()
    number, (d,) = delivered(rig, "Wallet/ada")

    rig.answer(number, [rig.turn(d, effect(d))], host="stranger")
    rig.answer(number, [changed(rig.turn(d, effect(d)), turn=0)], host=SPARE)
    rig.commit()

    assert effects(rig) == 0


def test_an_answer_that_comes_after_the_router_began_anew_has_no_effect() -> None:
    rig = Rig()
    number, (d,) = delivered(rig, "Wallet/ada")
    late = [rig.turn(d, effect(d))]

    rig.start()
    rig.answer(number, late)
    rig.commit()

    assert effects(rig) == 0
    assert len(rig.work(effect)) == 1


def test_answers_may_come_in_another_order_than_their_batches_and_the_later_one_waits_for_its_turn() -> None:
    rig = Rig(limits=Limits(batch_deliveries=1))
    rig.publish("Wallet/ada")
    rig.publish("Wallet/ada")
    rig.commit()
    (_, one), (_, two) = rig.core.take_deliveries()
    first, second = one.deliveries[0], two.deliveries[0]
    turns = [rig.turn(first, effect(first)), rig.turn(second, effect(second))]

    rig.answer(two.number, [turns[1]])
    rig.answer(one.number, [turns[0]])
    handled = rig.work(effect)

    assert [d.at for d in handled] == [first.at, second.at]
    assert effects(rig) == 2


def test_a_chain_on_a_turn_that_does_not_hold_has_no_effect() -> None:
    rig = Rig()
    rig.publish("Receipts/ada")
    rig.work()
    number, (d,) = delivered(rig, "Wallet/ada")
    void = changed(rig.turn(d, saves(d) | {"emitted": (emission("Receipts/ada"),)}), turn=3)
    receipts = changed(d, address="Receipts/ada", activation=1)
    followed = changed(rig.turn(receipts, effect(d)), at=0, link=(0, 0))

    rig.answer(number, [void, followed])
    rig.commit()

    assert effects(rig) == 0
    assert rig.core.stats()["rejected"] == 2


# ------------------------------------------------------------ what a turn writes


def test_state_cursor_emissions_and_timers_of_a_turn_stand_in_one_commit() -> None:
    rig = Rig()
    number, (d,) = delivered(rig, "Wallet/ada")

    rig.answer(number, [rig.turn(d, effect(d) | {"timers": (timer(10**9),)})])
    batch = rig.step()

    assert batch is not None
    assert batch.instances["Wallet/ada"].cursor == d.at
    assert [e.type for e in batch.entries] == ["completed"]
    assert list(batch.timers) == [("Wallet/ada", "reminded", "")]


def test_states_of_several_turns_are_written_once_in_a_batch() -> None:
    rig = Rig()
    number, deliveries = delivered(rig, *["Wallet/ada"] * 3)

    rig.answer(number, [rig.turn(d, {"changed": True, "state": f"{n}".encode()}) for n, d in enumerate(deliveries)])
    batch = rig.step()

    assert batch is not None
    assert [(row.cursor, row.state) for row in batch.instances.values()] == [(deliveries[-1].at, b"2")]


def test_a_turn_whose_state_comes_with_a_later_one_is_not_committed_without_it() -> None:
    """The host sends a large state once; the batch that is written holds both turns, or neither."""
    rig = Rig()
    number, (one, two) = delivered(rig, "Wallet/ada", "Wallet/ada")
    late = rig.turn(one, {"changed": True, "state": None})

    rig.answer(number, [late, rig.turn(two, {"changed": True, "state": b"both"})])
    rig.commit()

    assert rig.instances["Wallet/ada"].state == b"both"
    assert rig.instances["Wallet/ada"].cursor == two.at


# ------------------------------------------------------------ hosts that die


def dies_at(rig: Rig, killer: int, host: str = "host-0") -> list[int]:
    """Run until nothing is left: whichever process handles this event dies. Gives what was handled, in order."""
    handled: list[int] = []
    for _ in range(200):
        rig.commit()
        for name in rig.core.take_hosts():
            rig.core.host_up(name)
        batches = rig.core.take_deliveries()
        if not batches:
            return handled
        for name, batch in batches:
            if killer in [d.at for d in batch.deliveries]:
                rig.core.host_lost(name, rig.now)
                continue
            rig.answer(batch.number, [rig.turn(d, saves(d)) for d in batch.deliveries], name)
            handled += [d.at for d in batch.deliveries]
    raise AssertionError("it never comes to rest")


def test_the_event_that_kills_its_host_is_found_and_parked_and_everything_else_is_handled() -> None:
    rig = Rig()
    for address in ("Wallet/ada", "Wallet/bob", "Wallet/ada", "Wallet/ada", "Receipts/ada", "Wallet/bob"):
        rig.publish(address)
    rig.commit()
    killer = [e.at for e in rig.log.values() if e.type == "attempted"][2]

    handled = dies_at(rig, killer)

    assert rig.parked() == [(killer, "Wallet/ada")]
    # The killer's instance holds what came after it.
    assert len(handled) == 4
    assert rig.core.stats()["held"] == 1


def test_suspects_go_to_a_separate_host_one_at_a_time() -> None:
    rig = Rig()
    _, deliveries = delivered(rig, "Wallet/ada", "Wallet/bob", "Wallet/ada")

    rig.core.host_lost("host-0", rig.now)
    rig.core.host_up("host-0")
    rig.commit()
    wanted = rig.core.take_hosts()
    rig.core.host_up(SPARE)
    sent = rig.core.take_deliveries()

    assert set(wanted) == {"host-0", SPARE}
    assert [(name, len(batch.deliveries)) for name, batch in sent] == [(SPARE, 1)]
    assert sent[0][1].run_on is False
    assert len(deliveries) == 3


def test_the_next_suspect_is_sent_when_the_one_before_is_answered() -> None:
    rig = Rig()
    delivered(rig, "Wallet/ada", "Wallet/bob")
    rig.core.host_lost("host-0", rig.now)
    rig.core.host_up(SPARE)
    rig.commit()
    ((_, first),) = rig.core.take_deliveries()
    meanwhile = rig.core.take_deliveries()

    rig.answer(first.number, [rig.turn(d, saves(d)) for d in first.deliveries], SPARE)
    rig.commit()

    assert meanwhile == []
    assert [(name, len(batch.deliveries)) for name, batch in rig.core.take_deliveries()] == [(SPARE, 1)]


def test_an_instance_whose_suspects_are_all_handled_goes_back_to_its_own_host() -> None:
    rig = Rig()
    delivered(rig, "Wallet/ada")
    rig.core.host_lost("host-0", rig.now)
    rig.publish("Wallet/ada")
    rig.commit()
    for name in rig.core.take_hosts():
        rig.core.host_up(name)
    ((name, batch),) = rig.core.take_deliveries()
    rig.answer(batch.number, [rig.turn(d, saves(d)) for d in batch.deliveries], name)
    rig.commit()

    sent = {to: batch for to, batch in rig.core.take_deliveries() if batch.deliveries or batch.drops}

    assert name == SPARE
    assert [d.address for d in sent["host-0"].deliveries] == ["Wallet/ada"]
    assert sent[SPARE].drops == ("Wallet/ada",)


def test_a_host_that_dies_idle_puts_nothing_under_suspicion() -> None:
    rig = Rig()
    rig.publish("Wallet/ada")
    rig.work()

    rig.core.host_lost("host-0", rig.now)
    rig.core.host_up("host-0")
    rig.publish("Wallet/ada")
    rig.commit()

    assert [name for name, _ in rig.core.take_deliveries()] == ["host-0"]


def test_what_a_dead_host_had_answered_and_what_it_had_not_got_is_not_suspected() -> None:
    rig = Rig(limits=Limits(batch_deliveries=1, batches_in_flight=1))
    for address in ("Wallet/ada", "Wallet/bob"):
        rig.publish(address)
    assert [d.address for d in rig.deliveries_to("host-0")[1]] == ["Wallet/ada"]

    rig.core.host_lost("host-0", rig.now)
    rig.core.host_up("host-0")
    rig.core.host_up(SPARE)
    rig.commit()

    assert sorted((name, batch.deliveries[0].address) for name, batch in rig.core.take_deliveries()) == [
        ("host-0", "Wallet/bob"),
        (SPARE, "Wallet/ada"),
    ]


def test_a_spare_host_that_dies_once_parks_nothing() -> None:
    """Processes of a node that ends die one after the other: the first two deaths say nothing of the event."""
    rig = Rig()
    rig.publish("Wallet/ada")
    rig.deliveries_to("host-0")
    rig.core.host_lost("host-0", rig.now)
    rig.core.host_up(SPARE)
    rig.deliveries_to(SPARE)

    rig.core.host_lost(SPARE, rig.now)
    rig.commit()

    assert rig.core.stats()["held"] == 0
    rig.core.host_up(SPARE)
    number, deliveries = rig.deliveries_to(SPARE)
    rig.answer(number, [rig.turn(d, saves(d)) for d in deliveries], host=SPARE)
    rig.commit()
    assert rig.core.stats()["pending"] == 0


def test_a_suspect_that_raises_on_the_spare_host_is_retried_there_and_parked_like_any() -> None:
    rig = Rig(limits=Limits(retries=0))
    delivered(rig, "Wallet/ada")
    rig.core.host_lost("host-0", rig.now)
    rig.core.host_up(SPARE)
    rig.core.host_up("host-0")
    rig.commit()
    ((_, batch),) = rig.core.take_deliveries()

    rig.fail(batch.number, batch.deliveries[0], SPARE)
    rig.commit()

    assert len(rig.parked()) == 1


def test_a_class_that_skips_failures_skips_what_kills_its_host() -> None:
    rig = Rig(plan(failures="skip"))
    rig.publish("Wallet/ada")
    rig.publish("Wallet/ada")
    rig.commit()
    killer, follower = [e.at for e in rig.log.values()]

    handled = dies_at(rig, killer)

    assert handled == [follower]
    assert rig.parked() == []
    assert "trunkline.parked" in rig.types


def test_a_killer_that_is_retried_may_go_through() -> None:
    rig = Rig()
    rig.publish("Wallet/ada")
    rig.publish("Wallet/ada")
    rig.commit()
    killer, follower = [e.at for e in rig.log.values()]
    dies_at(rig, killer)

    assert rig.retry(killer, "Wallet/ada")

    assert dies_at(rig, -1) == [killer, follower]


def test_a_killer_that_is_retried_and_kills_again_is_parked_again() -> None:
    rig = Rig()
    rig.publish("Wallet/ada")
    rig.commit()
    (killer,) = [e.at for e in rig.log.values()]
    dies_at(rig, killer)
    rig.retry(killer, "Wallet/ada")

    dies_at(rig, killer)

    assert rig.parked() == [(killer, "Wallet/ada")]


def test_a_host_that_is_lost_twice_is_lost_once() -> None:
    rig = Rig()
    delivered(rig, "Wallet/ada")

    rig.core.host_lost("host-0", rig.now)
    rig.core.host_lost("host-0", rig.now)
    rig.core.host_lost("never heard of", rig.now)
    rig.commit()

    assert sorted(rig.core.take_hosts()) == ["host-0", SPARE]


def test_batches_to_a_host_that_came_back_are_numbered_from_one() -> None:
    rig = Rig()
    delivered(rig, "Wallet/ada")
    delivered(rig, "Wallet/bob")
    rig.core.host_lost("host-0", rig.now)

    rig.core.host_up("host-0")
    number, (d,) = delivered(rig, "Wallet/cyd")

    assert (number, d.address) == (1, "Wallet/cyd")


def test_a_host_that_is_gone_gets_nothing_and_its_answers_have_no_effect_until_it_is_back() -> None:
    rig = Rig()
    number, (d,) = delivered(rig, "Wallet/ada")
    rig.publish("Receipts/bob")
    rig.core.host_lost("host-0", rig.now)
    rig.publish("Receipts/ada")
    rig.commit()

    sent = rig.core.take_deliveries()
    rig.answer(number, [rig.turn(d, effect(d))])
    rig.commit()

    assert sent == []
    assert effects(rig) == 0


def test_a_host_that_connects_again_before_its_loss_was_noticed_is_empty() -> None:
    rig = Rig(limits=Limits(batches_in_flight=1))
    delivered(rig, "Wallet/ada")

    rig.core.host_up("host-0")
    number, (d,) = delivered(rig, "Receipts/ada")

    assert (number, d.address) == (1, "Receipts/ada")


def test_the_loss_of_one_host_is_nothing_to_the_instances_of_another() -> None:
    rig = Rig(limits=Limits(hosts=2))
    rig.publish("Wallet/ada")  # partition 0
    rig.publish("Wallet/cyd")  # partition 1
    rig.commit()
    sent = dict(rig.core.take_deliveries())

    rig.core.host_lost("host-1", rig.now)
    rig.answer(sent["host-0"].number, [rig.turn(d, effect(d)) for d in sent["host-0"].deliveries], "host-0")
    rig.commit()

    assert effects(rig) == 1
    assert rig.core.stats()["rejected"] == 0


def test_a_host_that_dies_leaves_the_killers_instance_nothing_to_suspect_when_it_is_skipped() -> None:
    rig = Rig()
    rig.publish("Wallet/ada")
    rig.publish("Wallet/ada")
    rig.commit()
    killer, _ = [e.at for e in rig.log.values()]
    dies_at(rig, killer)
    rig.skip(killer, "Wallet/ada")
    rig.publish("Wallet/ada")

    rig.commit()
    hosts = [name for name, _ in rig.core.take_deliveries()]

    # What was sent together with the killer is tried alone, too; what came later is not.
    assert hosts == [SPARE]


# ------------------------------------------------------------ failures


@pytest.mark.parametrize("field", ["activation", "at"])
def test_a_failure_that_is_not_of_the_turn_under_way_has_no_effect(field: str) -> None:
    rig = Rig(limits=Limits(retries=0))
    number, (d, _) = delivered(rig, "Wallet/ada", "Wallet/ada")

    rig.fail(number, changed(d, **{field: getattr(d, field) + 1}))
    rig.commit()

    assert rig.parked() == []
    assert rig.core.stats()["held"] == 0


def test_a_failure_of_an_instance_that_has_nothing_to_do_has_no_effect() -> None:
    rig = Rig(limits=Limits(retries=0))
    number, (d,) = delivered(rig, "Wallet/ada")
    failed = TurnFailed(d.address, d.activation, d.at, FAILURE)

    rig.core.answer("host-0", Answer(number, (rig.turn(d, effect(d)),), (failed,)), rig.now)
    rig.commit()

    assert rig.parked() == []
    assert effects(rig) == 1


def test_a_failure_of_an_instance_that_is_being_activated_anew_has_no_effect() -> None:
    rig = Rig(limits=Limits(retries=1))
    number, (d,) = delivered(rig, "Wallet/ada")
    rig.fail(number, d)
    other, _ = delivered(rig, "Receipts/ada")

    rig.fail(other, d)
    rig.pass_time(10**9)

    assert rig.parked() == []


# ------------------------------------------------------------ states and cursors together


def test_a_cursor_and_then_a_state_of_one_instance_are_one_row() -> None:
    rig = Rig()
    number, (one, two) = delivered(rig, "Wallet/ada", "Wallet/ada")

    rig.answer(number, [rig.turn(one, {}), rig.turn(two, {"changed": True, "state": b"new"})])
    batch = rig.step()
    rig.write(batch)

    assert batch is not None
    assert batch.cursors == {}
    assert rig.instances["Wallet/ada"][2:] == (two.at, True, b"new")


def test_a_state_and_then_a_cursor_of_one_instance_are_one_row() -> None:
    rig = Rig()
    number, (one, two) = delivered(rig, "Wallet/ada", "Wallet/ada")

    rig.answer(number, [rig.turn(one, {"changed": True, "state": b"new"}), rig.turn(two, {})])
    rig.commit()

    assert rig.instances["Wallet/ada"][2:] == (two.at, True, b"new")
