"""A second life on an earlier clock: what is recorded only rises in the logs; time and what is due go by the clock."""

import pytest

from runtime.core.limits import Limits
from runtime.core.partition import partition_of

from .rig import PARTITIONS, SECOND, Rig, timer

ADA = partition_of("ada", PARTITIONS)
DAY = 86_400 * SECOND


def lived_a_month_ahead() -> Rig:
    """A first life of thirty days, with all handled; a second one begins on the day of the first's start."""
    rig = Rig(limits=Limits(watermark_every=1))
    rig.now += 30 * DAY
    rig.publish("Wallet/ada")
    rig.work()
    assert rig.has_settled()
    rig.now -= 30 * DAY
    rig.start()
    return rig


def test_nothing_is_recorded_before_what_stands_in_the_logs_though_the_clock_was_set_back() -> None:
    rig = lived_a_month_ahead()
    month = rig.now + 30 * DAY

    rig.publish("Receipts/ada", type="second", partition=(ADA + 1) % PARTITIONS)
    rig.work()
    rig.now += 31 * DAY
    rig.publish("Wallet/ada", type="third")
    rig.work()

    assert [(e.type, e.recorded) for e in rig.log.values() if e.at == e.id and e.type == "second"] == [
        ("second", month)
    ]
    for log in rig.store.log.values():
        assert [e.recorded for e in log] == sorted(e.recorded for e in log)
    assert [e.recorded for e in rig.log.values() if e.type == "third"] == [rig.now]


def test_the_time_of_an_event_and_what_is_due_go_by_the_clock_though_it_was_set_back() -> None:
    rig = lived_a_month_ahead()
    due = rig.now + SECOND
    rig.publish("Wallet/ada")
    rig.work(lambda d: {"timers": (timer(due),)})

    rig.pass_time(SECOND)

    assert [e.time for e in rig.log.values() if e.type == "reminded"] == [due]


@pytest.mark.parametrize("restarts", [False, True], ids=["", "and_the_router_starts_anew"])
@pytest.mark.parametrize("broadcast", [False, True], ids=["of_its_own", "of_a_broadcast"])
def test_a_due_timer_waits_for_older_events_though_the_clock_was_set_back(broadcast: bool, restarts: bool) -> None:
    rig = lived_a_month_ahead()
    due = rig.now + 2 * SECOND
    rig.publish("Wallet/ada")
    rig.work(lambda d: {"timers": (timer(due),)})
    rig.now += SECOND
    rig.publish("Wallet/*" if broadcast else "Wallet/ada")
    rig.commit()
    if restarts:
        rig.start()

    rig.pass_time(5 * SECOND)

    assert "reminded" not in rig.types
    rig.work()
    assert "reminded" in rig.types
