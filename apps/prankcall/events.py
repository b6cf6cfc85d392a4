"""The facts of the trade, in its own words and tenses. No logic."""

from actors import Event


class AttemptedPurchase(Event, origin=True):
    """A player wants to buy credits."""

    player_id: str
    credits: int
    order: str


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


class ReceiptSent(Event):
    """A receipt went out for an order, paid or declined."""

    player_id: str
    order: str
    paid: bool
