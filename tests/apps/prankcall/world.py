"""A game in process and in virtual time, and what happens in it."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random

from pydantic import PrivateAttr

from actors import Event, Unknown
from actors.testing import Scenario, scenario
from apps.prankcall.app import app
from apps.prankcall.events import (
    AnsweredCall,
    AttemptedPurchase,
    CompletedCall,
    ConsentGiven,
    ConsentWithdrawn,
    DialedCall,
    PaymentDue,
    RegisteredCall,
    RequestedCall,
    RequestedHangup,
    RingingCall,
    UnansweredCall,
)
from apps.prankcall.payments import Payments
from apps.prankcall.wallet import Wallet
from runtime import EventId, Recorded

EIGHT = datetime(2026, 1, 1, 20, tzinfo=UTC)
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
CALLS = 6
"""Of a charge, before it is given up."""
ID = {"call_id": "c-1", "provider_id": "SIM1"}
REQUEST = RequestedCall(call_id="c-1", player_id="ada", friend="+15550100", prank="fish")
PLAYERS, FRIENDS = ("ada", "grace", "linus"), ("barbara", "donald")
REGISTERED = RegisteredCall(**REQUEST.model_dump())


class LosesAnswers(Payments):
    """Charges, and its first answers about these orders are lost: all that a charge is tried for, and one more."""

    latency: float = 0
    orders: frozenset[str]
    _asked: Counter[str] = PrivateAttr(default_factory=Counter)

    async def ask(self, due: PaymentDue) -> str:
        reference = await super().ask(due)
        self._asked[due.order] += 1
        if due.order in self.orders and self._asked[due.order] <= CALLS + 1:
            raise Unknown("the line went dead")
        return reference


def world(*, credits: int = 20, consent: bool = True) -> Scenario:
    """Ada holds so many credits, and has the consent of a friend."""
    found = scenario(app.using(Payments=Payments(latency=0)), start=NOON)
    if credits:
        found.publish(AttemptedPurchase(player_id="ada", credits=credits, order="o-1"))
    if consent:
        found.publish(ConsentGiven(friend="+15550100", player_id="ada"))
    return found


def recorded(type: str, source: str, event: Event) -> Recorded:
    """As the log tells it, at eight."""
    id = EventId("1-1")
    return Recorded(id, type, EIGHT, EIGHT, source, "", "", None, id, 0, "1", "", f"{type}/1", "", event)


def happened(world: Scenario, kind: type[Event]) -> list[Event]:
    return [event for event in world.events if isinstance(event, kind)]


def wallet(world: Scenario) -> Wallet:
    found = world.get(Wallet, "ada")
    assert found is not None
    return found


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


def whim(random: Random) -> Event:
    """What somebody does, or a telephone company says, without regard to what was before."""
    player, friend = random.choice(PLAYERS), random.choice(FRIENDS)
    of = {"call_id": f"call-{random.randrange(6)}", "provider_id": random.choice(("SIM1", "SIM2"))}
    return random.choice(
        (
            ConsentGiven(friend=friend, player_id=player),
            ConsentWithdrawn(friend=friend, player_id=player),
            RequestedCall(call_id=of["call_id"], player_id=player, friend=friend, prank="fish"),
            RequestedCall(call_id=of["call_id"], player_id=player, friend=friend, prank="time"),
            RequestedHangup(call_id=of["call_id"]),
            RingingCall(**of),
            AnsweredCall(**of),
            CompletedCall(**of),
            UnansweredCall(**of, reason="busy"),  # type: ignore[arg-type]
        )
    )
