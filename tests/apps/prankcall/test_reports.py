"""What telephony reports of a call comes late, again and out of order, and leaves the same result."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import permutations

import pytest

from actors import Event
from actors.testing import given
from apps.prankcall.call import Call
from apps.prankcall.events import (
    AnsweredCall,
    CompletedCall,
    DialedCall,
    HangupDue,
    RingingCall,
    ScoredCall,
    UnansweredCall,
)
from apps.prankcall.leaderboard import Leaderboard
from apps.prankcall.player import Player
from apps.prankcall.receipts import Receipts
from apps.prankcall.rules import CALL_LIMIT, CALL_PRICE, REPORTS_WITHIN
from apps.prankcall.score import Score

from .world import ID, NOON, REQUEST, happened, reports, wallet, world


def told(order: Iterable[tuple[Event, datetime]]) -> tuple[dict[str, object], list[Event]]:
    """A placed call after reports in this order, and after its timers: its state, and what it emitted, sorted."""
    call = given(Call, "c-1", now=NOON, player_id="ada", friend="+15550100", prank="fish", placed=True)
    score = given(Score, "c-1", now=NOON, player_id="ada", friend="+15550100")
    emitted: list[Event] = []
    for event, at in order:
        emitted += call.when(event, time=at)
    emitted += call.advance(seconds=3 * CALL_LIMIT)
    # The classes share memory in an app; here Score gets what Call has found out.
    state = call.state
    score = given(
        Score,
        "c-1",
        now=NOON,
        player_id="ada",
        friend="+15550100",
        answered_at=state.answered_at,
        ended_at=state.ended_at,
    )
    emitted += score.when(AnsweredCall(**ID))
    return state.model_dump(), sorted(emitted, key=repr)


@pytest.mark.parametrize("lasted", [90, 0, CALL_LIMIT, CALL_LIMIT + 30, None])
def test_any_order_of_a_calls_reports_leaves_the_same_result(lasted: int | None) -> None:
    facts = reports(lasted=lasted)
    in_order = told(facts)

    for order in permutations(facts):
        assert told(order) == in_order
    for again in facts:
        for order in set(permutations([*facts, again])):
            assert told(order) == in_order


@pytest.mark.parametrize("lasted", [90, CALL_LIMIT + 30, None])
def test_any_order_of_a_calls_reports_moves_the_same_credits_and_points(lasted: int | None) -> None:
    """The same on the whole app, where instances hear of each other. That it was dialled, Call alone hears."""
    seen = set()
    facts = [fact for fact in reports(lasted=lasted) if not isinstance(fact[0], DialedCall)]
    for order in permutations(facts):
        game = world()
        game.publish(REQUEST)
        for event, at in order:
            game.publish(event, time=at)
        game.advance(seconds=3 * CALL_LIMIT)
        player, receipts, board = game.get(Player, "ada"), game.get(Receipts, "ada"), game.get(Leaderboard)
        seen.add(
            f"{game.get(Call, 'c-1')} {game.get(Score, 'c-1')} {wallet(game)} {player} {receipts} {board} "
            f"{sorted(map(repr, happened(game, ScoredCall)))}"
        )

    assert len(seen) == 1


@pytest.mark.parametrize("lasted", [90, None])
def test_what_is_reported_after_a_call_was_given_up_changes_nothing(lasted: int | None) -> None:
    game = world()
    game.publish(REQUEST)
    game.advance(seconds=REPORTS_WITHIN)
    given_up = (game.get(Call, "c-1"), game.get(Score, "c-1"), wallet(game), game.get(Player, "ada"))

    for event, at in reports(lasted=lasted)[2:]:
        game.publish(event, time=at)
    game.advance(seconds=2 * REPORTS_WITHIN)

    assert (game.get(Call, "c-1"), game.get(Score, "c-1"), wallet(game), game.get(Player, "ada")) == given_up
    assert wallet(game).credits == 20


@pytest.mark.parametrize("answered_first", [True, False])
def test_of_two_reports_that_can_not_both_be_true_the_first_to_come_counts(answered_first: bool) -> None:
    game = world()
    game.publish(REQUEST)
    both = [AnsweredCall(**ID), UnansweredCall(**ID, reason="busy")]  # type: ignore[arg-type]

    for event in both if answered_first else reversed(both):
        game.publish(event)

    assert (wallet(game).spent, wallet(game).credits) == ((CALL_PRICE, 10) if answered_first else (0, 20))


@pytest.mark.parametrize("with_report", ["ringing", "answered", "canceled", "answered and ringing", ""])
@pytest.mark.parametrize("seconds", [None, 0, 1, 42])
def test_a_call_that_is_over_costs_something_only_if_it_was_answered(seconds: int | None, with_report: str) -> None:
    """In any order, each report once and twice, over all that a company may say of the end of a call."""
    over = (CompletedCall(**ID, seconds=seconds), NOON + timedelta(seconds=60))
    others: dict[str, tuple[Event, datetime]] = {
        "ringing": (RingingCall(**ID), NOON + timedelta(seconds=4)),
        "answered": (AnsweredCall(**ID), NOON + timedelta(seconds=30)),
        "canceled": (UnansweredCall(**ID, reason="canceled"), NOON + timedelta(seconds=60)),
    }
    facts = [over, *(fact for name, fact in others.items() if name in with_report)]
    seen = set()
    for order in (*permutations(facts), *permutations([*facts, over])):
        game = world()
        game.publish(REQUEST)
        for event, at in order:
            game.publish(event, time=at)
        game.advance(seconds=2 * REPORTS_WITHIN)
        scored = [event.seconds for event in game.events if isinstance(event, ScoredCall)]
        assert scored in ([], [30], [seconds])
        answered = bool(scored)
        assert answered == ("answered" in with_report or (bool(seconds) and "canceled" not in with_report))
        assert (wallet(game).spent, wallet(game).credits) == ((CALL_PRICE, 10) if answered else (0, 20))
        assert wallet(game).reserved == {}
        seen.add(f"{game.get(Call, 'c-1')} {game.get(Score, 'c-1')} {wallet(game)} {game.get(Player, 'ada')} {scored}")

    assert len(seen) == 1


@pytest.mark.parametrize("lasted", [90, CALL_LIMIT, CALL_LIMIT + 30, None])
def test_a_limit_that_is_reached_before_a_late_report_comes_moves_no_other_credits_and_points(
    lasted: int | None,
) -> None:
    """Reports in any order, with more than ten minutes before any one of them: a hangup more, and nothing else."""
    facts = [fact for fact in reports(lasted=lasted) if not isinstance(fact[0], DialedCall)]
    seen, hangups = set(), set()
    for order in permutations(facts):
        for late in range(len(order) + 1):
            game = world()
            game.publish(REQUEST)
            for event, at in order[:late]:
                game.publish(event, time=at)
            game.advance(seconds=CALL_LIMIT + 300)
            for event, at in order[late:]:
                game.publish(event, time=at)
            game.advance(seconds=2 * REPORTS_WITHIN)
            player, receipts, board = game.get(Player, "ada"), game.get(Receipts, "ada"), game.get(Leaderboard)
            scored = sorted(map(repr, happened(game, ScoredCall)))
            seen.add(
                f"{game.get(Call, 'c-1')} {game.get(Score, 'c-1')} {wallet(game)} {player} {receipts} {board} {scored}"
            )
            hangups.add(len(happened(game, HangupDue)))

    assert len(seen) == 1
    # Whether the timer or the report was first is to be seen in the log alone.
    assert hangups == ({0} if lasted is None else {0, 1} if lasted < CALL_LIMIT else {1})


def test_the_end_of_a_call_moves_no_credits_before_its_answer_is_known() -> None:
    game = world()
    game.publish(REQUEST)

    game.publish(CompletedCall(**ID, seconds=42), time=NOON + timedelta(seconds=60))
    before = wallet(game).reserved
    game.publish(AnsweredCall(**ID), time=NOON + timedelta(seconds=18))

    assert before == {"c-1": CALL_PRICE}
    assert (wallet(game).reserved, wallet(game).spent) == ({}, CALL_PRICE)
