"""The spare host stands in for one that is gone, until that is back; and still tries each suspect alone."""

from runtime.core.cell import SPARE
from runtime.core.limits import Limits

from .rig import PARTITIONS, Rig, partition_of, saves, turn

TWO_HOSTS = Limits(hosts=2)


def handled_once(rig: Rig, *addresses: str) -> None:
    """These instances are in memory, on their host."""
    for address in addresses:
        rig.publish(address)
    rig.work()


def test_what_a_dead_host_did_not_have_in_hand_goes_to_the_spare_host_at_once() -> None:
    rig = Rig()
    rig.core.host_up(SPARE)
    handled_once(rig, "Wallet/ada", "Wallet/bob")

    rig.core.host_lost("host-0", rig.now)
    rig.publish("Wallet/ada")
    rig.publish("Wallet/bob")
    rig.publish("Wallet/new")
    rig.commit()

    ((name, batch),) = rig.core.take_deliveries()
    assert name == SPARE
    assert sorted(d.address for d in batch.deliveries) == ["Wallet/ada", "Wallet/bob", "Wallet/new"]
    assert batch.run_on is False


def test_it_goes_back_when_the_host_is_back() -> None:
    rig = Rig()
    rig.core.host_up(SPARE)
    rig.core.host_lost("host-0", rig.now)
    rig.publish("Wallet/ada")
    number, deliveries = rig.deliveries_to(SPARE)
    rig.answer(number, [turn(d, state=b"1") for d in deliveries], host=SPARE)
    rig.commit()

    rig.core.host_up("host-0")
    rig.publish("Wallet/ada")
    rig.commit()
    sent = dict(rig.core.take_deliveries())

    assert [(a.address, a.state) for a in sent["host-0"].activations] == [("Wallet/ada", b"1")]
    assert sent[SPARE].drops == ("Wallet/ada",)


def test_it_stands_in_when_it_comes_up_itself_and_the_other_is_still_gone() -> None:
    rig = Rig()
    rig.core.host_lost("host-0", rig.now)
    rig.publish("Wallet/ada")
    rig.commit()
    before = rig.core.take_deliveries()

    rig.core.host_up(SPARE)

    assert before == []
    assert [d.address for d in rig.deliveries_to(SPARE)[1]] == ["Wallet/ada"]


def test_it_takes_nothing_from_a_host_that_is_up() -> None:
    rig = Rig(limits=TWO_HOSTS)
    rig.core.host_up(SPARE)
    of = {partition_of(key, PARTITIONS) % 2: f"Wallet/{key}" for key in ("ada", "bob", "cyd", "dan")}
    handled_once(rig, of[0], of[1])

    rig.core.host_lost("host-0", rig.now)
    rig.publish(of[0])
    rig.publish(of[1])
    rig.commit()
    sent = {name: [d.address for d in batch.deliveries] for name, batch in rig.core.take_deliveries()}

    assert sent == {SPARE: [of[0]], "host-1": [of[1]]}


def test_a_suspect_is_alone_there_whoever_else_waits() -> None:
    rig = Rig(limits=Limits(batches_in_flight=1))
    rig.core.host_up(SPARE)
    rig.publish("Wallet/ada")
    rig.deliveries_to("host-0")
    rig.publish("Wallet/bob")
    rig.publish("Wallet/cyd")

    rig.core.host_lost("host-0", rig.now)
    batches = []
    while batch := rig.take(SPARE):
        batches.append([d.address for d in batch.deliveries])
        rig.answer(batch.number, [rig.turn(d, saves(d)) for d in batch.deliveries], host=SPARE)
        rig.commit()

    assert sorted(map(sorted, batches)) == [["Wallet/ada"], ["Wallet/bob", "Wallet/cyd"]]


def test_what_it_dies_of_while_it_stands_in_is_under_suspicion_and_not_yet_convicted() -> None:
    rig = Rig()
    rig.core.host_up(SPARE)
    rig.core.host_lost("host-0", rig.now)
    for _ in range(2):
        rig.publish("Wallet/ada")
        rig.publish("Wallet/bob")
    together = rig.deliveries_to(SPARE)[1]

    rig.core.host_lost(SPARE, rig.now)
    rig.core.host_up("host-0")
    rig.core.host_up(SPARE)
    rig.commit()
    sent = {name: [d.address for d in batch.deliveries] for name, batch in rig.core.take_deliveries()}

    assert len(together) == 4
    assert list(sent) == [SPARE]
    assert len(sent[SPARE]) == 1
    assert rig.parked() == []


def test_a_suspect_that_was_handled_by_the_one_that_stands_in_stays_until_its_host_is_back() -> None:
    rig = Rig()
    rig.core.host_up(SPARE)
    rig.publish("Wallet/ada")
    rig.deliveries_to("host-0")
    rig.core.host_lost("host-0", rig.now)
    number, deliveries = rig.deliveries_to(SPARE)
    rig.answer(number, [rig.turn(d, saves(d)) for d in deliveries], host=SPARE)
    rig.publish("Wallet/ada")
    rig.commit()

    batch = rig.take(SPARE)

    assert batch is not None
    assert batch.activations == ()
    assert [d.address for d in batch.deliveries] == ["Wallet/ada"]
