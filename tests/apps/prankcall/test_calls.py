"""A call, in process and in virtual time: requested, placed, reported, scored."""

import pytest

from actors import Event
from actors.testing import Scenario, given
from apps.prankcall.app import PARTS, app
from apps.prankcall.call import Call
from apps.prankcall.consent import Consent
from apps.prankcall.events import (
    AnsweredCall,
    AttemptedPurchase,
    ConsentGiven,
    ConsentMissing,
    ConsentWithdrawn,
    DialedCall,
    HangupDue,
    LimitReached,
    PlacedCall,
    RefusedCall,
    RequestedHangup,
    RingingCall,
    ScoredCall,
    UnansweredCall,
    UnconnectedCall,
)
from apps.prankcall.leaderboard import Leaderboard
from apps.prankcall.rules import CALL_LIMIT, CALL_PRICE, points
from apps.prankcall.score import Score
from apps.prankcall.wallet import Wallet

from .world import ID, NOON, REGISTERED, REQUEST, happened, reports, wallet, world


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
