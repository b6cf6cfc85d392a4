"""Events from outside any turn are taken once each, whole batch by whole batch, from the newest supervisor only."""

import pytest

from runtime.core.limits import Limits
from runtime.core.messages import PublishBatch, PublishReply, Taken
from runtime.core.staging import RequestReply
from runtime.errors import Fenced

from .rig import Rig, emission, saves


def results(rig: Rig, ticket: int) -> list[tuple[int, int]]:
    (reply,) = rig.replies_to(ticket)
    assert isinstance(reply, PublishReply)
    assert not reply.refused
    return list(reply.results)


# ------------------------------------------------------------ idempotency keys


def test_a_repeat_of_a_key_gives_the_first_id_and_writes_nothing() -> None:
    rig = Rig()
    rig.publish("Wallet/ada", ticket=1, key=b"k")
    rig.commit()

    rig.publish("Wallet/ada", ticket=2, key=b"k")
    rig.commit()

    ((_, first),) = results(rig, 1)
    assert results(rig, 2) == [(Taken.REPEATED, first)]
    assert len(rig.log) == 1


def test_a_key_that_is_not_durable_yet_is_known_all_the_same() -> None:
    rig = Rig()
    rig.publish("Wallet/ada", ticket=1, key=b"k")

    rig.publish("Wallet/ada", ticket=2, key=b"k")
    batch = rig.step()
    rig.publish("Wallet/ada", ticket=3, key=b"k")
    rig.write(batch)
    rig.core.committed()
    rig.commit()

    assert [results(rig, ticket)[0][0] for ticket in (1, 2, 3)] == [Taken.NEW, Taken.REPEATED, Taken.REPEATED]
    assert len(rig.log) == 1


def test_a_repeat_within_one_batch_is_taken_once() -> None:
    rig = Rig()

    rig.send(rig.item("Wallet/ada", key=b"k"), rig.item("Wallet/ada", key=b"k"))
    rig.commit()

    (new, first), (repeated, same) = results(rig, 1)
    assert (new, repeated) == (Taken.NEW, Taken.REPEATED)
    assert first == same


def test_a_repeated_key_is_answered_only_when_its_first_event_is_durable() -> None:
    rig = Rig()
    rig.publish("Wallet/ada", ticket=1, key=b"k")
    batch = rig.step()

    rig.publish("Wallet/ada", ticket=2, key=b"k")
    assert rig.step() is None
    before = rig.core.take_replies()
    rig.write(batch)
    rig.core.committed()
    rig.commit()

    assert before == []
    assert [ticket for ticket, _ in rig.replies] == [1, 2]


def test_a_key_with_another_payload_is_told_to_be_reused_and_given_the_first_id() -> None:
    rig = Rig()
    rig.publish("Wallet/ada", ticket=1, key=b"k", digest=b"one")
    rig.commit()

    rig.publish("Wallet/ada", ticket=2, key=b"k", digest=b"other")
    rig.commit()

    ((_, first),) = results(rig, 1)
    assert results(rig, 2) == [(Taken.KEY_REUSED, first)]
    assert len(rig.log) == 1


def test_a_key_outlives_the_router() -> None:
    rig = Rig()
    rig.publish("Wallet/ada", ticket=1, key=b"k")
    rig.commit()
    rig.start()

    rig.publish("Wallet/ada", ticket=2, key=b"k")
    rig.commit()

    assert results(rig, 2)[0][0] == Taken.REPEATED


def test_a_commit_that_failed_leaves_its_keys_free() -> None:
    rig = Rig()
    rig.publish("Wallet/ada", ticket=1, key=b"k")
    rig.step()
    rig.start()

    rig.publish("Wallet/ada", ticket=2, key=b"k")
    rig.commit()

    assert results(rig, 2)[0][0] == Taken.NEW


# ------------------------------------------------------------ resends


def test_what_a_client_sends_again_over_a_new_router_is_taken_once() -> None:
    rig = Rig()
    one, two, three = (rig.item("Wallet/ada") for _ in range(3))
    rig.send(one, two, ticket=1)
    rig.commit()
    first = [event_id for _, event_id in results(rig, 1)]
    rig.start()

    rig.send(one, two, three, ticket=2, again=True)
    rig.commit()

    again = results(rig, 2)
    assert [event_id for _, event_id in again[:2]] == first
    assert [taken for taken, _ in again] == [Taken.NEW] * 3
    assert len(rig.log) == 3


def test_a_resend_before_the_commit_is_answered_with_the_same_id() -> None:
    rig = Rig()
    item = rig.item("Wallet/ada")
    rig.send(item, ticket=1)
    batch = rig.step()

    rig.send(item, ticket=2)
    rig.write(batch)
    rig.core.committed()
    rig.commit()

    assert results(rig, 1) == results(rig, 2)
    assert len(rig.log) == 1


def test_two_clients_may_use_the_same_numbers() -> None:
    rig = Rig()
    item = rig.item("Wallet/ada")

    rig.send(item, ticket=1, client="one")
    rig.send(item, ticket=2, client="other")
    rig.commit()

    assert len(rig.log) == 2


def test_numbers_are_taken_for_each_partition_by_itself() -> None:
    rig = Rig()
    later = rig.item("Wallet/ada", partition=1, seq=7)
    earlier = rig.item("Wallet/ada", partition=2, seq=3)

    rig.send(later, ticket=1)
    rig.send(earlier, ticket=2)
    rig.commit()

    assert [taken for ticket in (1, 2) for taken, _ in results(rig, ticket)] == [Taken.NEW, Taken.NEW]


def test_a_number_that_was_passed_over_is_judged_anew() -> None:
    rig = Rig()
    rig.send(rig.item("Wallet/ada", key=b"k", partition=0, seq=1), ticket=1)
    repeated = rig.item("Wallet/ada", key=b"k", partition=0, seq=2)
    rig.send(repeated, rig.item("Wallet/ada", partition=0, seq=3), ticket=2)
    rig.commit()
    rig.start()

    rig.send(repeated, ticket=3, again=True)
    rig.commit()

    assert results(rig, 3) == [(Taken.REPEATED, results(rig, 1)[0][1])]
    assert len([e for e in rig.log.values() if e.at == e.id]) == 2


def test_only_keys_that_are_not_known_here_are_looked_up() -> None:
    rig = Rig()
    rig.publish("Wallet/ada", key=b"staged")
    batch = PublishBatch("client", (rig.item(key=b"staged"), rig.item(key=b"new"), rig.item()))

    assert rig.core.wants_keys(batch) == [b"new"]


# ------------------------------------------------------------ backpressure


def test_a_full_router_refuses_a_batch_whole_and_writes_nothing_of_it() -> None:
    rig = Rig(limits=Limits(pending_max=1))
    rig.send(rig.item("Wallet/ada"), rig.item("Wallet/ada"), ticket=1)
    rig.commit()

    rig.send(rig.item("Wallet/ada"), rig.item("Wallet/bob"), ticket=2)
    rig.commit()

    assert rig.replies_to(2) == [PublishReply(True)]
    assert len(rig.log) == 2


def test_after_a_refusal_nothing_of_that_client_is_taken_until_it_says_again() -> None:
    rig = Rig(limits=Limits(pending_max=0))
    rig.publish("Wallet/ada", ticket=1)
    rig.commit()
    refused = rig.item("Wallet/ada")
    behind = rig.item("Wallet/ada")
    rig.send(refused, ticket=2)
    rig.work()

    rig.send(behind, ticket=3)
    rig.commit()
    rig.send(refused, behind, ticket=4, again=True)
    rig.commit()

    assert rig.replies_to(3) == [PublishReply(True)]
    assert [e.seq for e in rig.log.values()] == [1, refused.seq, behind.seq]


def test_once_a_client_has_said_again_it_need_not_say_so_any_more() -> None:
    rig = Rig(limits=Limits(pending_max=0))
    rig.publish("Wallet/ada")
    rig.commit()
    refused = rig.item("Wallet/ada")
    rig.send(refused, ticket=2)
    rig.work()
    rig.send(refused, ticket=3, again=True)
    rig.work()

    rig.publish("Wallet/ada", ticket=4)
    rig.commit()

    assert results(rig, 4)[0][0] == Taken.NEW


def test_a_router_that_was_succeeded_can_refuse_nobody() -> None:
    """A client that it refused would wait for it, while its successor takes what comes."""
    rig = Rig(limits=Limits(pending_max=0))
    rig.publish("Wallet/ada", ticket=1)
    rig.commit()
    rig.publish("Wallet/ada", ticket=2)
    rig.store.epochs = {partition: epoch + 1 for partition, epoch in rig.store.epochs.items()}

    with pytest.raises(Fenced):
        rig.commit()

    assert rig.core.take_replies() == []


def test_what_follows_something_that_was_lost_with_a_failed_commit_is_not_taken_before_it() -> None:
    rig = Rig()
    lost, behind = rig.item("Wallet/ada"), rig.item("Wallet/ada")
    rig.send(lost, ticket=1)
    rig.start()

    rig.send(behind, ticket=2, again=False)
    rig.commit()
    rig.send(lost, behind, ticket=3, again=True)
    rig.commit()

    assert rig.replies_to(2) == [PublishReply(True)]
    assert [e.seq for e in rig.log.values()] == [lost.seq, behind.seq]


def test_another_clients_refusal_is_not_ones_own() -> None:
    rig = Rig(limits=Limits(pending_max=0))
    rig.publish("Wallet/ada", ticket=1)
    rig.send(rig.item("Wallet/ada"), ticket=2, client="refused")
    rig.work()

    rig.send(rig.item("Wallet/ada"), ticket=3, client="other")
    rig.commit()

    assert not results(rig, 3)[0][0]


def test_what_is_held_behind_a_dead_letter_keeps_no_origin_waiting() -> None:
    rig = Rig(limits=Limits(retries=0, pending_max=0))
    rig.park("Wallet/ada")

    rig.publish("Wallet/ada", ticket=2)
    rig.publish("Wallet/bob", ticket=3)
    rig.commit()

    assert results(rig, 2)
    assert results(rig, 3)


def test_a_held_instances_followers_are_taken_however_many_they_are() -> None:
    rig = Rig(limits=Limits(retries=0, pending_max=0))
    rig.park("Wallet/ada")

    for ticket in range(2, 7):
        rig.publish("Wallet/ada", ticket=ticket)
    rig.commit()

    assert rig.core.stats()["pending"] == 0
    assert len([t for t in rig.types if t == "attempted"]) == 6


# ------------------------------------------------------------ time


def test_an_event_has_the_time_that_was_given_or_else_the_routers() -> None:
    rig = Rig()

    rig.publish("Wallet/ada", time=17)
    rig.publish("Wallet/ada")
    rig.commit()

    assert [(e.time, e.recorded) for e in rig.log.values()] == [(17, rig.now), (rig.now, rig.now)]


def test_the_routers_clock_never_goes_back() -> None:
    rig = Rig()
    rig.publish("Wallet/ada")
    early, rig.now = rig.now, rig.now - 500

    rig.publish("Wallet/ada")
    rig.commit()

    assert [e.recorded for e in rig.log.values()] == [early, early]


# ------------------------------------------------------------ requests


def test_a_request_is_answered_with_the_first_such_event_of_its_chain_once_that_is_durable() -> None:
    rig = Rig()
    rig.core.publish(1, PublishBatch("client", (rig.item("Wallet/ada"),), True, ("completed",)), rig.now)
    rig.commit()
    number, (d,) = rig.deliveries_to("host-0")
    rig.answer(number, [rig.turn(d, saves(d) | {"emitted": (emission(), emission())})])
    batch = rig.step()
    early = rig.core.take_replies()

    rig.write(batch)
    rig.core.committed()
    rig.commit()

    (reply,) = (r for r in rig.replies_to(1) if isinstance(r, RequestReply))
    assert not any(isinstance(r, RequestReply) for _, r in early)
    assert reply.entry.id == next(e for e in rig.log.values() if e.type == "completed").id


def ask(rig: Rig, ticket: int, *, digest: bytes = b"digest") -> None:
    """A request under one and the same key."""
    item = rig.item("Wallet/ada", key=b"k", digest=digest)
    batch = PublishBatch("client", (item,), True, ("completed",))
    rig.core.publish(ticket, batch, rig.now, rig.journal.keys(rig.core.wants_keys(batch)))


def test_requests_under_one_key_are_each_answered_with_the_one_event_that_follows() -> None:
    rig = Rig()

    for ticket in (1, 2, 3):
        ask(rig, ticket)
    rig.core.cancel(2)
    rig.work(lambda d: saves(d) | {"emitted": (emission(),)})

    first, second, third = ([r for r in rig.replies_to(n) if isinstance(r, RequestReply)] for n in (1, 2, 3))
    assert first == third != []
    assert second == []


def test_a_request_whose_key_was_used_with_another_payload_leaves_the_one_under_way_alone() -> None:
    rig = Rig()
    ask(rig, 1)
    rig.commit()

    ask(rig, 2, digest=b"other")
    rig.work(lambda d: saves(d) | {"emitted": (emission(),)})

    assert results(rig, 2)[0][0] == Taken.KEY_REUSED
    assert [type(reply) for reply in rig.replies_to(1)] == [PublishReply, RequestReply]


def test_a_request_that_is_cancelled_is_answered_no_more() -> None:
    rig = Rig()
    rig.core.publish(1, PublishBatch("client", (rig.item("Wallet/ada"),), True, ("completed",)), rig.now)
    rig.commit()

    rig.core.cancel(1)
    rig.work(lambda d: {"emitted": (emission(),)} if d.type == "attempted" else {})

    assert [type(reply) for _, reply in rig.replies] == [PublishReply]
