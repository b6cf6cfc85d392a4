"""A player's credits: held, set aside for calls, spent."""

from actors import Aggregate, on
from apps.prankcall.events import (
    CompletedPurchase,
    ConnectedCall,
    ConsentConfirmed,
    CreditsCaptured,
    CreditsGranted,
    CreditsMissing,
    CreditsReleased,
    CreditsReserved,
    UnconnectedCall,
)
from apps.prankcall.rules import CALL_PRICE


class Wallet(Aggregate, key="player_id"):
    """What a player bought is held, reserved or spent: the three add up, whatever happens."""

    credits: int = 0
    purchases: int = 0
    reserved: dict[str, int] = {}
    """By call."""
    spent: int = 0

    @on
    def grant(self, event: CompletedPurchase) -> CreditsGranted:
        self.credits += event.credits
        self.purchases += 1
        return CreditsGranted(player_id=self.id, credits=event.credits, balance=self.credits)

    @on
    def reserve(self, event: ConsentConfirmed) -> CreditsReserved | CreditsMissing:
        if self.credits < CALL_PRICE:
            return CreditsMissing(call_id=event.call_id, player_id=self.id, balance=self.credits)
        self.credits -= CALL_PRICE
        self.reserved[event.call_id] = CALL_PRICE
        return CreditsReserved(
            call_id=event.call_id, player_id=self.id, friend=event.friend, prank=event.prank, credits=CALL_PRICE
        )

    @on
    def capture(self, event: ConnectedCall) -> CreditsCaptured | None:
        price = self.reserved.pop(event.call_id, 0)
        if not price:
            return None
        self.spent += price
        return CreditsCaptured(call_id=event.call_id, player_id=self.id, credits=price)

    @on
    def release(self, event: UnconnectedCall) -> CreditsReleased | None:
        price = self.reserved.pop(event.call_id, 0)
        if not price:
            return None
        self.credits += price
        return CreditsReleased(call_id=event.call_id, player_id=self.id, credits=price)
