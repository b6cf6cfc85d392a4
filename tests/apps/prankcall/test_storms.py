"""The game in storms: its processes die at any moment, clocks leap, and the books balance all the same."""

from collections import Counter
from random import Random

import pytest

from actors import App, Event
from apps.prankcall.app import app
from apps.prankcall.events import (
    AttemptedPurchase,
    CompletedPurchase,
    ConsentGiven,
    DeclinedPurchase,
    PlacedCall,
    RefusedCall,
    RefusedPurchase,
    RequestedCall,
    ScoredCall,
    UnconnectedCall,
    UnsettledPurchase,
)
from apps.prankcall.player import Player
from apps.prankcall.wallet import Wallet
from runtime.testing import End, simulate

from .world import FRIENDS, PLAYERS, LosesAnswers, whim

ORDERS = 30


def story(random: Random) -> list[Event]:
    """Orders, some again, and between them whatever comes to mind; at first all friends agree to everything."""
    found: list[Event] = [ConsentGiven(friend=friend, player_id=player) for friend in FRIENDS for player in PLAYERS]
    for number in range(ORDERS):
        found += [order(random, number), whim(random)]
        if number % 3 == 0:
            found.append(order(random, random.randrange(number + 1)))
    return found


def order(random: Random, number: int) -> Event:
    """Of anybody, also if it was made before."""
    credits = random.choice((10, 13, 30))
    return AttemptedPurchase(player_id=random.choice(PLAYERS), credits=credits, order=f"order-{number}")


def adds_up(end: End) -> None:
    for player in PLAYERS:
        wallet, held = end.get(Wallet, player) or Wallet(), end.get(Player, player) or Player()
        paid = [e for e in end.events if isinstance(e, CompletedPurchase) and e.player_id == player]
        scored = [e for e in end.events if isinstance(e, ScoredCall) and e.player_id == player]
        assert wallet.reserved == {}
        assert wallet.credits + wallet.spent == sum(event.credits for event in paid)
        assert held.points == sum(event.points for event in scored)
    made = Counter(e.order for e in end.events if isinstance(e, AttemptedPurchase))
    refused = Counter(e.order for e in end.events if isinstance(e, RefusedPurchase))
    outcomes = Counter(e.order for e in end.events if isinstance(e, CompletedPurchase | DeclinedPurchase))
    assert made - refused == Counter(made.keys())
    # A person may have gone on without an answer, as with a payment that could not even be put off.
    assert outcomes <= Counter(made.keys())
    requested = [e for e in end.events if isinstance(e, RequestedCall)]
    over = [e for e in end.events if isinstance(e, RefusedCall | UnconnectedCall | ScoredCall)]
    placed = [e.call_id for e in end.events if isinstance(e, PlacedCall)]
    assert len(over) == len(requested)
    assert len(placed) == len(set(placed))
    # A provider may be out of reach for too long; no player, wallet, order or call ever stands still.
    assert {letter.address for letter in end.dead_letters} <= {"Payments", "Telephony"}


@pytest.mark.parametrize("seed", range(6))
def test_the_books_balance_whatever_dies(seed: int) -> None:
    lost = frozenset(f"order-{number}" for number in range(0, ORDERS, 6))

    def played() -> App:
        return app.using(Payments=LosesAnswers(orders=lost))

    ends = simulate(played, story(Random(seed)), seed=10 * seed, count=5, check=adds_up)

    assert any(isinstance(event, UnsettledPurchase) for end in ends for event in end.events)
    assert any(isinstance(event, ScoredCall | UnconnectedCall) for end in ends for event in end.events)
