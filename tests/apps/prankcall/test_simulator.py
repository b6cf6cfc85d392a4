"""The telephone company that is not there: the same for the same seed, and as unreliable as a real one."""

from datetime import UTC, datetime, timedelta

from actors import Event
from apps.prankcall.events import AnsweredCall, CompletedCall, RingingCall, UnansweredCall
from apps.prankcall.rules import CALL_LIMIT
from apps.prankcall.telephony.simulator import Report, fate, reports

DIALED = datetime(2026, 1, 1, 20, tzinfo=UTC)
CALLS = [f"call-{n}" for n in range(300)]


def told(call_id: str, *, seed: int = 1, hung_up: datetime | None = None) -> list[Report]:
    return reports(seed, call_id, "SIM", DIALED, hung_up)


def types(found: list[Report]) -> list[type[Event]]:
    return [type(report.event) for report in found]


def test_a_seed_gives_the_same_calls_and_another_seed_others() -> None:
    assert [told(call) for call in CALLS] == [told(call) for call in CALLS]
    assert [told(call) for call in CALLS] != [told(call, seed=2) for call in CALLS]


def test_calls_are_answered_busy_not_answered_failed_hung_up_early_and_cut_at_the_limit() -> None:
    fates = [fate(1, call) for call in CALLS]

    assert {f.unanswered for f in fates} == {None, "busy", "no-answer", "failed"}
    assert any(0 < f.talk < 10 for f in fates)
    assert any(f.talk > CALL_LIMIT for f in fates)


def test_a_report_says_when_it_happened_and_comes_later() -> None:
    for call in CALLS:
        for report in told(call):
            assert report.at < report.comes


def test_reports_come_again_and_overtake_each_other() -> None:
    stories = [told(call) for call in CALLS]

    assert any(len({report.at for report in story}) < len(story) for story in stories)
    assert any([r.at for r in story] != sorted(r.at for r in story) for story in stories)
    assert all(len({report.key for report in story}) == len(story) for story in stories)


def test_no_call_is_reported_to_have_lasted_longer_than_the_limit() -> None:
    for call in CALLS:
        at = {type(report.event): report.at for report in told(call)}
        if AnsweredCall in at:
            assert timedelta(0) < at[CompletedCall] - at[AnsweredCall] <= timedelta(seconds=CALL_LIMIT)
        else:
            assert UnansweredCall in at


def test_a_call_that_is_hung_up_ends_then() -> None:
    call = next(call for call in CALLS if fate(1, call).talk > 100)
    answered = next(report.at for report in told(call) if isinstance(report.event, AnsweredCall))
    soon = answered + timedelta(seconds=7)

    found = told(call, hung_up=soon)

    assert {report.at for report in found if isinstance(report.event, CompletedCall)} == {soon}


def test_a_call_that_is_hung_up_before_it_is_answered_is_canceled() -> None:
    call = next(call for call in CALLS if fate(1, call).talk > 100)
    rings = next(report.at for report in told(call) if isinstance(report.event, RingingCall))

    found = told(call, hung_up=rings + timedelta(milliseconds=1))

    assert AnsweredCall not in types(found)
    assert {r.event.reason for r in found if isinstance(r.event, UnansweredCall)} == {"canceled"}


def test_a_hangup_leaves_what_was_reported_before_it_as_it_was() -> None:
    """So reports that were published keep their keys and payloads."""
    call = next(call for call in CALLS if fate(1, call).talk > 100)
    before = {r.key: r for r in told(call) if not isinstance(r.event, CompletedCall)}

    after = {r.key: r for r in told(call, hung_up=DIALED + timedelta(seconds=90))}

    assert {key: after[key] for key in before} == before
