"""Test aggregates and whole apps in process, in virtual time, in milliseconds.

    wallet = given(Wallet, "ada", credits=5)
    emitted = wallet.when(CompletedPurchase(player_id="ada", credits=10))
    assert wallet.state.credits == 15

    play = scenario(app)
    play.publish(AttemptedPurchase(player_id="ada", credits=10))
    assert play.get(Wallet, "ada").credits == 10
    play.advance(minutes=10)

Every turn is run twice, and a difference fails: what is stored must follow from state and event alone. In a scenario a
gateway's handlers are called as in production, with retries, `reconcile` and `failed`, and without the waits between
them; replace what talks to the outside world: `scenario(app.using(Payments=Fake()))`.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import get_args

from actors.app import App, expect_app
from actors.arguments import check_zone
from actors.errors import TrunklineError
from actors.happened import DeadLetter, Happened
from actors.scenario import Endless, Scenario, Ties
from actors.subject import START, NotDeterministic, Pending, Subject, given

__all__ = [
    "DeadLetter",
    "Endless",
    "Happened",
    "NotDeterministic",
    "Pending",
    "Scenario",
    "Subject",
    "both_orders",
    "given",
    "scenario",
]


def scenario(app: App, *, start: datetime = START, ties: Ties = "timers first") -> Scenario:
    """A whole app in virtual time. `ties` says what comes first when an event and a due timer meet."""
    expect_app(app, "scenario")
    check_zone("scenario(..., start=)", start)
    if ties not in get_args(Ties):
        raise TrunklineError(f"scenario(..., ties={ties!r}) means nothing", hint=f"{' or '.join(get_args(Ties))}.")
    return Scenario(app, start, ties)


def both_orders(app: App, *, start: datetime = START) -> Iterator[Scenario]:
    """The same scenario twice: a timer that is due when an event is published fires before it, then after it."""
    yield scenario(app, start=start, ties="timers first")
    yield scenario(app, start=start, ties="events first")
