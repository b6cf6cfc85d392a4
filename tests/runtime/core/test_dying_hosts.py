"""A host that dies of an event: the event is found and parked, and everything else is handled."""

from runtime.core.cell import SPARE
from runtime.core.limits import Limits

from .rig import Rig, plan, saves
from .turns import delivered, effect, effects


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
