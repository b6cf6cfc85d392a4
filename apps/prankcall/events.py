"""The facts of the trade, in its own words and tenses. No logic."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from actors import Event


def _name(text: str) -> str:
    if not text or not text.isprintable():
        raise ValueError("a name is a printable text, not empty")
    return text


Name = Annotated[str, AfterValidator(_name)]
"""What comes from outside and names an instance, at once or in what follows. Else it would be found out in a turn, and
hold up all others of that friend or call."""

# ---------------------------------------------------------------- credits


class AttemptedPurchase(Event, origin=True):
    """A player wants to buy credits. However often it is published, an order is one purchase; under the order as its
    idempotency key it is taken once, and whoever asks again is told what came of it."""

    player_id: Name
    credits: Annotated[int, Field(gt=0)]
    order: Name


class RefusedPurchase(Event):
    """An order is not made, and costs nothing."""

    player_id: str
    order: str
    reason: str


class PaymentDue(Event):
    """The provider is to charge an order."""

    player_id: str
    credits: int
    order: str


class UnsettledPurchase(Event):
    """The provider gave no answer that we heard: nobody knows whether the player has paid. It will be asked again."""

    player_id: str
    credits: int
    order: str
    reason: str


class CompletedPurchase(Event):
    """The payment went through."""

    player_id: str
    credits: int
    order: str
    reference: str


class DeclinedPurchase(Event):
    """The payment was declined: nothing is owed, nothing is granted."""

    player_id: str
    credits: int
    order: str
    reason: str


class CreditsGranted(Event):
    """A wallet holds more credits."""

    player_id: str
    credits: int
    balance: int


class CreditsReserved(Event):
    """A wallet has set the price of a call aside."""

    call_id: str
    player_id: str
    friend: str
    prank: str
    credits: int


class CreditsMissing(Event):
    """A wallet does not hold the price of a call."""

    call_id: str
    player_id: str
    balance: int


class CreditsCaptured(Event):
    """What was set aside is spent: the call was answered."""

    call_id: str
    player_id: str
    credits: int


class CreditsReleased(Event):
    """What was set aside is free again: the call did not connect."""

    call_id: str
    player_id: str
    credits: int


# ---------------------------------------------------------------- consent


class ConsentGiven(Event, origin=True):
    """A friend agrees to be called by a player."""

    friend: Name
    player_id: Name


class ConsentWithdrawn(Event, origin=True):
    """A friend does not agree any longer."""

    friend: Name
    player_id: Name


class ConsentConfirmed(Event):
    """The friend of a requested call agrees."""

    call_id: str
    player_id: str
    friend: str
    prank: str


class ConsentMissing(Event):
    """The friend of a requested call never agreed, or does not any longer."""

    call_id: str
    player_id: str
    friend: str


# ---------------------------------------------------------------- calls


class RequestedCall(Event, origin=True):
    """A player wants a friend to be called with a prank."""

    call_id: Name
    player_id: Name
    friend: Name
    prank: str


class RegisteredCall(Event):
    """A requested call is the first of its name."""

    call_id: str
    player_id: str
    friend: str
    prank: str


class RefusedCall(Event):
    """A requested call is not made, and costs nothing."""

    call_id: str
    player_id: str
    reason: str


class PlacedCall(Event):
    """A call is to be dialled; it may last so long."""

    call_id: str
    player_id: str
    friend: str
    prank: str
    limit_seconds: int


class DialedCall(Event):
    """The provider has taken a call."""

    call_id: str
    provider_id: str


class UndialedCall(Event):
    """The provider did not take a call."""

    call_id: str
    reason: str


class RingingCall(Event, origin=True):
    """The provider reports: the friend's phone rings."""

    call_id: str
    provider_id: str


class AnsweredCall(Event, origin=True):
    """The provider reports: the friend has answered."""

    call_id: str
    provider_id: str


class CompletedCall(Event, origin=True):
    """The provider reports: a call is over. That it was answered is another report's to say."""

    call_id: str
    provider_id: str
    seconds: int | None = None
    """For how long it was connected, as the provider says, if it does."""


class UnansweredCall(Event, origin=True):
    """The provider reports: the call is over, and nobody had answered."""

    call_id: str
    provider_id: str
    reason: Literal["busy", "no-answer", "failed", "canceled"]


class RequestedHangup(Event, origin=True):
    """A player wants the call to end."""

    call_id: Name


class LimitReached(Event):
    """An answered call has lasted as long as any may."""

    call_id: str


class ReportsOverdue(Event):
    """The provider has not said how a call ended, long after it must have."""

    call_id: str


class HangupDue(Event):
    """The provider is to end a call."""

    call_id: str
    provider_id: str


class HungUpCall(Event):
    """The provider was told to end a call."""

    call_id: str


class ConnectedCall(Event):
    """A call was answered: its price is due."""

    call_id: str
    player_id: str


class UnconnectedCall(Event):
    """A call was placed and not answered: it costs nothing."""

    call_id: str
    player_id: str
    reason: str


# ---------------------------------------------------------------- points


class ScoredCall(Event):
    """A call is over, and has won points."""

    call_id: str
    player_id: str
    friend: str
    seconds: int
    points: int


class AdvancedPlayer(Event):
    """A player has more points."""

    player_id: str
    points: int
    calls: int


class ReceiptSent(Event):
    """A receipt went out: for an order, paid, declined or not settled yet; for a call, charged or released."""

    player_id: str
    about: str
    what: Literal["paid", "declined", "unsettled", "charged", "released"]
