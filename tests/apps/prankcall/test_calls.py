"""A call, in process and in virtual time: requested, placed, reported in any order, scored."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from actors import Event
from actors.testing import Scenario, given, scenario
from apps.prankcall.app import PARTS, app
from apps.prankcall.call import Call
from apps.prankcall.consent import Consent
from apps.prankcall.events import (
    AnsweredCall,
    AttemptedPurchase,
    CompletedCall,
    ConsentGiven,
    ConsentMissing,
    ConsentWithdrawn,
    DialedCall,
    HangupDue,
    LimitReached,
    PlacedCall,
    RefusedCall,
    RegisteredCall,
    RequestedCall,
    RequestedHangup,
    RingingCall,
    ScoredCall,
    UnansweredCall,
    UnconnectedCall,
)
from apps.prankcall.leaderboard import Leaderboard
from apps.prankcall.payments import Payments
from apps.prankcall.player import Player
from apps.prankcall.receipts import Receipts
from apps.prankcall.rules import CALL_LIMIT, CALL_PRICE, REPORTS_WITHIN, points
from apps.prankcall.score import Score
from apps.prankcall.wallet import Wallet

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ID = {"call_id": "c-1", "provider_id": "SIM1"}
REQUEST = RequestedCall(call_id="c-1", player_id="ada", friend="+15550100", prank="fish")
REGISTERED = RegisteredCall(**REQUEST.model_dump())


def world(*, credits: int = 20, consent: bool = True) -> Scenario:
    """Ada holds so many credits, and has the consent of a friend."""
    found = scenario(app.using(Payments=Payments(latency=0)), start=NOON)
    if credits:
        found.publish(AttemptedPurchase(player_id="ada", credits=credits, order="o-1"))
    if consent:
        found.publish(ConsentGiven(friend="+15550100", player_id="ada"))
    return found


def happened(world: Scenario, kind: type[Event]) -> list[Event]:
    return [event for event in world.events if isinstance(event, kind)]


def wallet(world: Scenario) -> Wallet:
    found = world.get(Wallet, "ada")
    assert found is not None
    return found


def test_a_call_is_placed_with_its_price_set_aside_and_the_limit() -> None:
    game = world(credits=20)

    game.publish(REQUEST)

    assert happened(game, PlacedCall) == [
        PlacedCall(call_id="c-1", player_id="ada", friend="+15550100", prank="fish", limit_seconds=CALL_LIMIT)
    ]
    assert (wallet(game).credits, wallet(game).reserved) == (20 - CALL_PRICE, {"c-1": CALL_PRICE})


def test_without_consent_there_is_no_call() -> None:
    game = world(consent=False)

    game.publish(REQUEST)

    assert happened(game, PlacedCall) == []
    assert happened(game, RefusedCall) == [RefusedCall(call_id="c-1", player_id="ada", reason="no consent")]
    assert wallet(game).credits == 20


def test_consent_is_given_to_one_player_and_can_be_withdrawn() -> None:
    consent = given(Consent, "+15550100", players={"ada"})

    other = consent.when(REGISTERED.model_copy(update={"player_id": "grace"}))
    later = consent.when(ConsentWithdrawn(friend="+15550100", player_id="ada"), REGISTERED)

    assert other == [ConsentMissing(call_id="c-1", player_id="grace", friend="+15550100")]
    assert later == [ConsentMissing(call_id="c-1", player_id="ada", friend="+15550100")]


def test_without_credits_there_is_no_call() -> None:
    game = world(credits=CALL_PRICE - 5)

    game.publish(REQUEST)

    assert happened(game, RefusedCall) == [RefusedCall(call_id="c-1", player_id="ada", reason="not enough credits")]
    assert (wallet(game).credits, wallet(game).reserved) == (CALL_PRICE - 5, {})


def ends(world: Scenario) -> list[Event]:
    """What became of each request."""
    return [e for e in world.events if isinstance(e, RefusedCall | UnconnectedCall | ScoredCall)]


@pytest.mark.parametrize("moment", [0, 2, 4])
@pytest.mark.parametrize("player", ["ada", "grace"])
def test_a_call_is_made_once_whoever_requests_it_again_and_whenever(player: str, moment: int) -> None:
    game = world()
    game.publish(ConsentGiven(friend="+15550100", player_id="grace"))
    game.publish(AttemptedPurchase(player_id="grace", credits=20, order="o-2"))
    story = [REQUEST, *(event for event, _ in reports(lasted=90)[1:])]

    for event in (*story[: moment + 1], REQUEST.model_copy(update={"player_id": player}), *story[moment + 1 :]):
        game.publish(event)
    game.advance(hours=2)

    again = RefusedCall(call_id="c-1", player_id=player, reason="there is a call of this name")
    assert len(happened(game, PlacedCall)) == 1
    assert again in ends(game)
    assert [type(end) for end in ends(game) if end != again] == [ScoredCall]
    other = game.get(Wallet, "grace")
    assert (wallet(game).credits, wallet(game).reserved, wallet(game).spent) == (20 - CALL_PRICE, {}, CALL_PRICE)
    assert other is not None
    assert (other.credits, other.reserved, other.spent) == (20, {}, 0)


def test_a_call_that_is_refused_when_requested_again_goes_on_as_before() -> None:
    game = world()
    game.publish(REQUEST)

    game.publish(REQUEST.model_copy(update={"friend": "a stranger"}))
    game.publish(RequestedHangup(call_id="c-1"))

    assert len(happened(game, HangupDue)) == 1
    assert wallet(game).reserved == {"c-1": CALL_PRICE}


def test_to_hang_up_what_nobody_requested_does_nothing_to_a_later_call_of_that_name() -> None:
    game = world()

    game.publish(RequestedHangup(call_id="c-1"))
    game.publish(REQUEST)
    game.publish(RingingCall(**ID))

    assert len(happened(game, PlacedCall)) == 1
    assert happened(game, HangupDue) == []


@pytest.mark.parametrize("asked", [True, False])
def test_what_is_reported_of_a_call_that_was_not_placed_wins_nothing(asked: bool) -> None:
    game = world(consent=False)
    if asked:
        game.publish(REQUEST)

    for event, at in reports(lasted=90)[1:]:
        game.publish(event, time=at)
    game.advance(hours=2)

    assert happened(game, ScoredCall) == []
    assert [type(end) for end in ends(game)] == [RefusedCall] * asked
    assert wallet(game).credits == 20


def reports(*, answered_after: int = 10, lasted: int | None = 90, reason: str = "busy") -> list[tuple[Event, datetime]]:
    """What telephony reports of a call: (event, its time). `lasted=None`: it was not answered."""
    found: list[tuple[Event, datetime]] = [
        (DialedCall(**ID), NOON + timedelta(seconds=1)),
        (RingingCall(**ID), NOON + timedelta(seconds=4)),
    ]
    answered = NOON + timedelta(seconds=answered_after)
    if lasted is None:
        return [*found, (UnansweredCall(**ID, reason=reason), answered)]  # type: ignore[arg-type]
    return [
        *found,
        (AnsweredCall(**ID), answered),
        (CompletedCall(**ID, seconds=lasted), answered + timedelta(seconds=lasted)),
    ]


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
    for order in permutations([*facts, facts[-1]]):
        assert told(order) == in_order


@pytest.mark.parametrize("lasted", [90, CALL_LIMIT + 30, None])
def test_any_order_of_a_calls_reports_moves_the_same_credits_and_points(lasted: int | None) -> None:
    """The same on the whole app, where the instances hear of each other."""
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


def test_points_come_from_the_events_own_times() -> None:
    game = world()
    game.publish(REQUEST)
    game.advance(hours=1)

    for event, at in reports(lasted=90)[1:]:
        game.publish(event, time=at)

    assert happened(game, ScoredCall) == [
        ScoredCall(call_id="c-1", player_id="ada", friend="+15550100", seconds=90, points=points(90))
    ]


def test_a_call_that_lasts_too_long_is_hung_up_after_ten_minutes() -> None:
    call = given(Call, "c-1", now=NOON, player_id="ada", placed=True)
    call.when(AnsweredCall(**ID))

    early = call.advance(seconds=CALL_LIMIT - 1)
    due = call.advance(seconds=1)

    assert early == []
    assert due == [LimitReached(call_id="c-1"), HangupDue(call_id="c-1", provider_id="SIM1")]


def test_no_call_wins_more_than_ten_minutes() -> None:
    assert points(CALL_LIMIT + 500) == points(CALL_LIMIT)
    assert points(61) - points(60) < points(60) - points(59)
    assert all(points(second + 1) > points(second) for second in range(CALL_LIMIT))


def test_credits_are_captured_when_a_call_is_answered_and_released_when_it_is_not() -> None:
    answered, busy = world(), world()
    answered.publish(REQUEST)
    busy.publish(REQUEST)

    answered.publish(AnsweredCall(**ID))
    busy.publish(UnansweredCall(**ID, reason="busy"))

    assert (wallet(answered).credits, wallet(answered).reserved, wallet(answered).spent) == (10, {}, CALL_PRICE)
    assert (wallet(busy).credits, wallet(busy).reserved, wallet(busy).spent) == (20, {}, 0)


def test_a_call_of_which_nothing_is_reported_is_given_up() -> None:
    game = world()
    game.publish(REQUEST)

    game.advance(hours=2)

    assert happened(game, UnconnectedCall) == [UnconnectedCall(call_id="c-1", player_id="ada", reason="no report")]
    assert (wallet(game).credits, wallet(game).reserved) == (20, {})


def test_a_call_whose_end_is_not_reported_counts_as_long_as_a_call_may_last() -> None:
    game = world()
    game.publish(REQUEST)
    game.publish(AnsweredCall(**ID))

    game.advance(hours=2)

    scored = happened(game, ScoredCall)
    assert [(event.seconds, event.points) for event in scored] == [(CALL_LIMIT, points(CALL_LIMIT))]  # type: ignore[attr-defined]


def test_a_player_can_hang_up_also_before_the_company_has_named_the_call() -> None:
    call = given(Call, "c-1", now=NOON, player_id="ada", requested=True, placed=True)

    before = call.when(RequestedHangup(call_id="c-1"))
    after = call.when(DialedCall(**ID))

    assert (before, after) == ([], [HangupDue(call_id="c-1", provider_id="SIM1")])


def test_the_leaderboard_ranks_by_points() -> None:
    game = world()
    game.publish(REQUEST)
    for event, at in reports(lasted=90)[1:]:
        game.publish(event, time=at)

    board = game.get(Leaderboard)

    assert board is not None
    assert board.ranking() == [("ada", points(90))]


def test_score_stands_in_the_memory_of_its_call() -> None:
    assert app.catalogue.group_of[Score] is app.catalogue.group_of[Call]
    assert app.catalogue.group_of[Call].placement == "dedicated"
    assert Score in PARTS
