"""What a person decides about a dead letter, and what drains make of one."""

import pytest

from runtime.core.staging import Drained

from .parked import AT_ONCE, notes, parked_rig
from .rig import SECOND, Effect, Rig, nothing, saves, timer

# ------------------------------------------------------------ a person decides


def test_a_retried_dead_letter_is_handled_and_what_it_held_follows_in_order() -> None:
    rig, d = parked_rig()
    rig.publish("Wallet/ada")
    rig.publish("Wallet/ada")
    rig.commit()

    assert rig.retry(d.at, "Wallet/ada")
    handled = rig.work()

    assert [x.at for x in handled] == sorted(x.at for x in handled)
    assert len(handled) == 3
    assert handled[0].at == d.at
    assert rig.deliveries == {}
    assert [n.type for n in notes(rig)] == ["trunkline.parked", "trunkline.retried"]


def test_a_dead_letter_that_fails_again_is_parked_again() -> None:
    rig, d = parked_rig()
    rig.retry(d.at, "Wallet/ada")
    rig.commit()

    number, (again, *_) = rig.deliveries_to("host-0")
    rig.fail(number, again)
    rig.commit()

    assert rig.parked() == [(d.at, "Wallet/ada")]
    assert [n.type for n in notes(rig)] == ["trunkline.parked", "trunkline.retried", "trunkline.parked"]


def test_a_retry_is_not_forgotten_by_the_next_router() -> None:
    rig, d = parked_rig()
    rig.retry(d.at, "Wallet/ada")
    rig.commit()

    rig.start()

    assert [x.at for x in rig.work()] == [d.at]


def test_a_skipped_dead_letter_has_no_effect_and_what_it_held_goes_on() -> None:
    rig, d = parked_rig()
    rig.publish("Wallet/ada")
    rig.commit()

    assert rig.skip(d.at, "Wallet/ada")
    handled = rig.work()

    assert d.at not in [x.at for x in handled]
    assert len(handled) == 1
    assert rig.deliveries == {}
    assert [n.type for n in notes(rig)] == ["trunkline.parked", "trunkline.skipped"]


def test_a_skip_is_not_forgotten_by_the_next_router() -> None:
    rig, d = parked_rig()
    rig.skip(d.at, "Wallet/ada")
    rig.commit()

    rig.start()

    assert rig.work() == []
    assert rig.instances["Wallet/ada"].cursor == d.at


def test_an_instance_whose_first_event_was_skipped_is_live() -> None:
    rig, d = parked_rig()

    rig.skip(d.at, "Wallet/ada")
    rig.commit()

    assert rig.instances["Wallet/ada"].live


def test_only_a_dead_letter_can_be_retried_or_skipped_and_once() -> None:
    rig, d = parked_rig()
    rig.publish("Wallet/ada")
    rig.publish("Wallet/bob")
    rig.commit()
    follower, other = (at for at, e in rig.log.items() if e.type == "attempted" and at != d.at)

    assert not rig.retry(follower, "Wallet/ada")
    assert not rig.skip(other, "Wallet/bob")
    assert not rig.skip(d.at, "Wallet/bob")
    assert not rig.retry(d.at, "Nobody")
    assert rig.skip(d.at, "Wallet/ada")
    assert not rig.skip(d.at, "Wallet/ada")
    assert not rig.retry(d.at, "Wallet/ada")


# ------------------------------------------------------------ broadcasts


def test_a_broadcast_may_be_parked_at_one_instance_and_is_handled_by_the_others() -> None:
    rig = Rig(limits=AT_ONCE)
    rig.publish("Wallet/ada")
    rig.publish("Wallet/bob")
    rig.work()
    rig.publish("Wallet/*", type="announced", partition=0)
    rig.commit()
    number, deliveries = rig.deliveries_to("host-0")
    ada = next(d for d in deliveries if d.address == "Wallet/ada")

    rig.fail(number, ada)
    rig.commit()
    rig.start()
    others = [d.address for d in rig.work(nothing)]

    assert rig.parked() == [(ada.at, "Wallet/ada")]
    assert others == ["Wallet/bob"]


def test_a_parked_broadcast_is_retried_with_what_it_held() -> None:
    for restarted in (False, True):
        rig = Rig(limits=AT_ONCE)
        rig.publish("Wallet/ada")
        rig.work()
        rig.publish("Wallet/*", type="announced", partition=0)
        rig.publish("Wallet/ada")
        rig.commit()
        number, (d, _) = rig.deliveries_to("host-0")
        rig.fail(number, d)
        rig.commit()
        if restarted:
            rig.start()

        rig.retry(d.at, "Wallet/ada")

        assert [x.type for x in rig.work()] == ["announced", "attempted"]
        assert rig.deliveries == {}


@pytest.mark.parametrize("effect", [saves, nothing], ids=["saves", "nothing"])
@pytest.mark.parametrize("others", ["have handled it", "have handled it, and that is known", "have not yet"])
def test_a_parked_broadcast_that_is_retried_is_not_forgotten_by_the_next_router(others: str, effect: Effect) -> None:
    rig = Rig(limits=AT_ONCE)
    rig.publish("Wallet/ada")
    rig.publish("Wallet/bob")
    rig.work()
    rig.publish("Wallet/*", type="announced", partition=0)
    rig.publish("Wallet/ada")
    rig.commit()
    number, deliveries = rig.deliveries_to("host-0")
    ada = next(d for d in deliveries if d.address == "Wallet/ada")
    rig.fail(number, ada)
    rig.commit()
    if others.startswith("have handled it"):
        rig.start()
        rig.work(effect)
    if others.endswith("known"):
        rig.write(rig.core.next_batch(closing=True))
        rig.start()
    rig.retry(ada.at, "Wallet/ada")

    rig.start()
    handled = rig.work(effect)

    assert [d.type for d in handled if d.address == "Wallet/ada"] == ["announced", "attempted"]
    assert rig.deliveries == {}
    assert rig.has_settled()
    rig.start()
    assert rig.work(effect) == []


def test_a_skipped_broadcast_is_not_handled_and_brings_nobody_to_life() -> None:
    for restarted in (False, True):
        rig = Rig(limits=AT_ONCE)
        rig.publish("Wallet/ada")
        rig.work()
        rig.publish("Wallet/*", type="announced", partition=0)
        rig.commit()
        number, (d,) = rig.deliveries_to("host-0")
        rig.fail(number, d)
        rig.commit()
        if restarted:
            rig.start()

        rig.skip(d.at, "Wallet/ada")

        assert rig.work() == []
        rig.start()
        assert rig.work() == []
        assert rig.deliveries == {}


# ------------------------------------------------------------ drains


@pytest.mark.parametrize("restarted", [False, True])
def test_a_drain_with_timers_does_not_wait_for_those_of_a_held_instance_until_it_is_released(restarted: bool) -> None:
    rig = Rig(limits=AT_ONCE)
    rig.publish("Wallet/ada")
    rig.work(lambda d: {"timers": (timer(rig.now + SECOND),)})
    d = rig.park("Wallet/ada")
    rig.now += 2 * SECOND
    if restarted:
        rig.start()
    rig.core.drain(7, timers=True)
    rig.commit()
    held = rig.replies_to(7)

    rig.retry(d.at, "Wallet/ada")
    rig.core.drain(8, timers=True)
    rig.commit()
    released = rig.replies_to(8)
    rig.work()

    assert held == [Drained()]
    assert released == []
    assert rig.replies_to(8) == [Drained()]


def test_a_drain_does_not_wait_for_what_is_parked_or_held() -> None:
    rig, _ = parked_rig()
    rig.publish("Wallet/ada")
    rig.core.drain(7, timers=False)
    rig.commit()

    assert rig.replies_to(7) == [Drained()]


def test_a_drain_ends_when_the_last_event_it_waits_for_is_parked() -> None:
    rig = Rig(limits=AT_ONCE)
    rig.publish("Wallet/ada")
    rig.core.drain(7, timers=False)
    rig.commit()
    before = rig.replies_to(7)
    number, (d,) = rig.deliveries_to("host-0")

    rig.fail(number, d)
    rig.commit()

    assert before == []
    assert rig.replies_to(7) == [Drained()]


def test_a_drain_waits_for_what_is_retried_before_it() -> None:
    rig, d = parked_rig()
    rig.retry(d.at, "Wallet/ada")
    rig.core.drain(7, timers=False)
    rig.commit()
    before = rig.replies_to(7)

    rig.work()

    assert before == []
    assert rig.replies_to(7) == [Drained()]
