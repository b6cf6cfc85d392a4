"""Nothing that tells the outside world of an effect leaves before that is durable; one commit at a time."""

from runtime.core.messages import PublishReply

from .rig import Rig, emission, saves


def test_one_commit_is_under_way_at_a_time_and_what_comes_meanwhile_gathers() -> None:
    rig = Rig()
    rig.publish("Wallet/ada")
    first = rig.step()
    for _ in range(3):
        rig.publish("Wallet/ada")
    meanwhile = rig.step()

    rig.write(first)
    rig.core.committed()
    second = rig.step()

    assert meanwhile is None
    assert first is not None
    assert second is not None
    assert [len(first.entries), len(second.entries)] == [1, 3]


def test_what_was_told_meanwhile_waits_for_its_own_commit() -> None:
    rig = Rig()
    rig.publish("Wallet/ada", ticket=1)
    first = rig.step()
    rig.publish("Wallet/ada", ticket=2)
    rig.write(first)

    rig.core.committed()

    assert [ticket for ticket, _ in rig.core.take_replies()] == [1]


def test_a_router_with_nothing_to_write_commits_nothing() -> None:
    rig = Rig()

    assert rig.step() is None
    assert rig.core.take_replies() == []


def test_a_reply_is_given_once() -> None:
    rig = Rig()
    rig.publish("Wallet/ada")
    rig.write(rig.step())
    rig.core.committed()

    assert [type(reply) for _, reply in rig.core.take_replies()] == [PublishReply]
    assert rig.core.take_replies() == []


def test_a_commit_names_the_epoch_of_each_partition_that_it_writes_and_of_no_other() -> None:
    rig = Rig()
    rig.publish("Wallet/ada", partition=0)
    rig.publish("Wallet/cyd", partition=0)

    batch = rig.step()

    assert batch is not None
    assert batch.epochs.keys() == {e.at >> 40 for e in batch.entries}
    assert set(batch.epochs.values()) == {1}


def test_an_answer_to_what_is_being_committed_is_written_after_it() -> None:
    rig = Rig()
    rig.publish("Wallet/ada")
    first = rig.step()
    number, (d,) = rig.deliveries_to("host-0")
    rig.answer(number, [rig.turn(d, saves(d) | {"emitted": (emission(),)})])
    rig.write(first)
    rig.core.committed()

    second = rig.step()

    assert second is not None
    assert [e.type for e in second.entries] == ["completed"]
    assert list(second.instances) == ["Wallet/ada"]
