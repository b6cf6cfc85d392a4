"""Ticks and schedules: each moment once, from the newest supervisor, on top of the one that was taken last."""

from collections.abc import Callable

import pytest

from runtime.core.messages import PublishReply, Taken
from runtime.core.rows import SUPERVISOR
from runtime.errors import Fenced

from .rig import Rig, nothing


def claim(rig: Rig) -> int:
    """The epoch of a supervisor that starts now."""
    return rig.journal.claim([SUPERVISOR])[SUPERVISOR]


def taken(rig: Rig, ticket: int) -> Taken:
    (reply,) = rig.replies_to(ticket)
    assert isinstance(reply, PublishReply)
    ((result, _),) = reply.results
    return Taken(result)


def test_a_tick_of_two_supervisors_is_taken_once() -> None:
    rig = Rig()
    older, newer = claim(rig), claim(rig)
    rig.core.claimed_supervisor(newer)

    rig.tick("Wallet/*", fence=newer, moment=5, ticket=1)
    rig.tick("Wallet/*", fence=older, moment=5, ticket=2)
    rig.commit()

    assert [taken(rig, ticket) for ticket in (1, 2)] == [Taken.NEW, Taken.FENCED]
    assert rig.types == ["attempted"]


def test_an_older_supervisor_is_refused_before_the_newer_one_has_beaten() -> None:
    rig = Rig()
    older, newer = claim(rig), claim(rig)
    rig.core.claimed_supervisor(newer)

    rig.tick(fence=older, moment=5)
    rig.commit()

    assert taken(rig, 1) == Taken.FENCED
    assert rig.log == {}


def test_a_newer_supervisors_tick_fences_the_older_one_without_being_announced() -> None:
    rig = Rig()
    older, newer = claim(rig), claim(rig)

    rig.tick(fence=newer, moment=5, ticket=1)
    rig.tick(fence=older, moment=6, after=5, ticket=2)
    rig.commit()

    assert taken(rig, 2) == Taken.FENCED
    assert rig.core.schedules() == {"beat": 5}


def test_the_tick_of_a_fenced_supervisor_fails_in_the_journal_as_well() -> None:
    """A router that has not heard of the newer supervisor can't commit the older one's tick."""
    rig = Rig()
    older = claim(rig)
    claim(rig)

    rig.tick(fence=older, moment=5)
    with pytest.raises(Fenced) as error:
        rig.commit()

    assert error.value.partitions == (SUPERVISOR,)
    assert rig.log == {}


def test_a_tick_counts_only_on_top_of_the_one_that_was_taken_last() -> None:
    """It says how many were missed: on top of another one that would be wrong."""
    rig = Rig()
    epoch = claim(rig)
    rig.tick(fence=epoch, moment=5, ticket=1)

    rig.tick(fence=epoch, moment=7, ticket=2)
    rig.tick(fence=epoch, moment=7, after=4, ticket=3)
    rig.tick(fence=epoch, moment=7, after=5, ticket=4)
    rig.commit()

    assert [taken(rig, ticket) for ticket in (1, 2, 3, 4)] == [Taken.NEW, Taken.FENCED, Taken.FENCED, Taken.NEW]


@pytest.mark.parametrize(("as_far_as", "again"), [(Rig.commit, Taken.FENCED), (Rig.step, Taken.NEW)])
def test_the_next_router_takes_a_tick_unless_it_was_committed(as_far_as: Callable[[Rig], object], again: Taken) -> None:
    rig = Rig()
    epoch = claim(rig)
    rig.tick(fence=epoch, moment=5, ticket=1)
    as_far_as(rig)
    rig.start()

    rig.tick(fence=epoch, moment=5, ticket=2)
    rig.commit()

    assert taken(rig, 2) == again
    assert rig.core.schedules() == {"beat": 5}


def test_schedules_are_apart() -> None:
    rig = Rig()
    epoch = claim(rig)

    rig.tick(fence=epoch, moment=5)
    rig.tick(fence=epoch, moment=3, name="daily")
    rig.commit()

    assert rig.core.schedules() == {"beat": 5, "daily": 3}
    assert len(rig.log) == 2


def test_a_tick_reaches_every_live_instance() -> None:
    rig = Rig()
    rig.publish("Wallet/ada")
    rig.publish("Wallet/cyd")
    rig.work()

    rig.tick("Wallet/*", fence=claim(rig), moment=1)

    assert sorted(d.address for d in rig.work(nothing)) == ["Wallet/ada", "Wallet/cyd"]
