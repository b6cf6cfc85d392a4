"""The port: what the game wants of a telephone company.

How a call goes on is not said by these calls: it is reported, later, by origin events (`ringing_call`,
`answered_call`, `completed_call`, `unanswered_call`), which whoever hears the company publishes.
"""

from abc import abstractmethod
from datetime import datetime

from actors import At, Gateway, on
from apps.prankcall.events import DialedCall, HangupDue, HungUpCall, PlacedCall, UndialedCall


class Refused(Exception):
    """The company will not make this call, and asking again changes nothing. Its text is a reason in few words."""


class Telephony(Gateway, concurrency=64, name="Telephony"):
    """Places calls and hangs them up. Adapters say how."""

    @on(retries=5, timeout=30)
    async def dial(self, event: PlacedCall) -> At[DialedCall] | UndialedCall:
        try:
            provider_id, at = await self.place(event, self.idempotency_key)
        except Refused as refusal:
            return UndialedCall(call_id=event.call_id, reason=str(refusal))
        return At(DialedCall(call_id=event.call_id, provider_id=provider_id), at)

    @dial.reconcile
    async def look(self, event: PlacedCall) -> At[DialedCall]:
        """The answer was lost: ask the company whether it has taken the call."""
        provider_id, at = await self.find(event, self.idempotency_key)
        return At(DialedCall(call_id=event.call_id, provider_id=provider_id), at)

    @dial.failed
    async def not_dialed(self, event: PlacedCall, error: Exception) -> UndialedCall:
        return UndialedCall(call_id=event.call_id, reason="not dialled")

    @on(retries=5, timeout=30, idempotent=True)
    async def hang_up(self, event: HangupDue) -> At[HungUpCall]:
        return At(HungUpCall(call_id=event.call_id), await self.end(event))

    @abstractmethod
    async def place(self, call: PlacedCall, attempt_id: str) -> tuple[str, datetime]:
        """Have the company call; its id for the call, and when it took it.

        Raises:
            Unknown: the request was sent, and its answer was lost.
            Refused: see there.
        """

    @abstractmethod
    async def find(self, call: PlacedCall, attempt_id: str) -> tuple[str, datetime]:
        """As `place`, of a call that may have been placed under this attempt id.

        Raises:
            NotDone: the company knows of none.
        """

    @abstractmethod
    async def end(self, hangup: HangupDue) -> datetime:
        """End a call, if it is not over; when it was told to."""
