"""An answer is a compare-and-set: it counts if it follows what was committed, whoever sends it, or not at all."""

import pytest
from msgspec.structs import replace as changed

from runtime.core.cell import SPARE
from runtime.core.limits import Limits
from runtime.core.messages import Answer, TurnFailed

from .rig import FAILURE, Rig, emission, saves, timer
from .turns import delivered, effect, effects

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
