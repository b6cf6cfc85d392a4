"""One call, from its request to its end, made of what telephony reports.

Reports come late, again and out of order. A call keeps the facts that they state, with the times that they carry, and
concludes from the facts alone: any order of the same reports leaves the same result, within two limits. What comes
after the call was given up (`REPORTS_WITHIN`) changes nothing; and of two reports that can't both be true, that it was
answered and that it was not, the first to come counts.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from actors import After, Aggregate, Cancel, on
from apps.prankcall.events import (
    AnsweredCall,
    CompletedCall,
    ConnectedCall,
    ConsentMissing,
    CreditsMissing,
    CreditsReserved,
    DialedCall,
    HangupDue,
    LimitReached,
    PlacedCall,
    RefusedCall,
    RegisteredCall,
    ReportsOverdue,
    RequestedCall,
    RequestedHangup,
    RingingCall,
    UnansweredCall,
    UnconnectedCall,
    UndialedCall,
)
from apps.prankcall.rules import CALL_LIMIT, REPORTS_WITHIN

LIMIT = timedelta(seconds=CALL_LIMIT)


class Call(Aggregate, key="call_id", placement="dedicated"):
    """A player's call to a friend."""

    player_id: str = ""
    friend: str = ""
    prank: str = ""
    provider_id: str = ""
    requested: bool = False
    refused: str = ""
    """Why it was not made; empty if it was."""
    placed: bool = False
    ringing: bool = False
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    """When it was over, if nobody said that it was not answered."""
    lasted: int | None = None
    """Seconds for which it was connected, by the report of its end."""
    unanswered: str = ""
    """Why nobody answered."""
    hangup_wanted: bool = False
    connected: bool = False
    """It was answered, and the wallet was told."""
    released: bool = False
    """It was not, and the wallet was told: what is reported later changes nothing."""

    # ------------------------------------------------------------ request

    @on
    def request(self, event: RequestedCall) -> RegisteredCall | RefusedCall:
        """The first one has the name. Whoever asks under it again disturbs nothing, and pays nothing."""
        if self.requested:
            return RefusedCall(call_id=self.id, player_id=event.player_id, reason="there is a call of this name")
        self.requested = True
        self.player_id, self.friend, self.prank = event.player_id, event.friend, event.prank
        return RegisteredCall(call_id=self.id, player_id=self.player_id, friend=self.friend, prank=self.prank)

    @on
    def refuse(self, event: ConsentMissing | CreditsMissing) -> RefusedCall:
        self.refused = "no consent" if isinstance(event, ConsentMissing) else "not enough credits"
        return RefusedCall(call_id=self.id, player_id=event.player_id, reason=self.refused)

    @on
    def place(self, event: CreditsReserved) -> Iterator[PlacedCall | After[ReportsOverdue]]:
        self.placed = True
        yield PlacedCall(
            call_id=self.id,
            player_id=self.player_id,
            friend=self.friend,
            prank=self.prank,
            limit_seconds=CALL_LIMIT,
        )
        yield After(ReportsOverdue(call_id=self.id), seconds=REPORTS_WITHIN)

    # ------------------------------------------------------------ reports, of a call that was placed

    @on
    def dialed(self, event: DialedCall) -> HangupDue | None:
        return self._provider(event.provider_id)

    @on
    def not_dialed(self, event: UndialedCall) -> Iterator[ConnectedCall | UnconnectedCall | Cancel[ReportsOverdue]]:
        self.unanswered = self.unanswered or event.reason
        yield from self._conclude()

    @on
    def rings(self, event: RingingCall) -> HangupDue | None:
        if not self.placed:
            return None
        self.ringing = True
        return self._provider(event.provider_id)

    @on
    def answered(
        self, event: AnsweredCall
    ) -> Iterator[HangupDue | ConnectedCall | UnconnectedCall | After[LimitReached] | Cancel[ReportsOverdue]]:
        if not self.placed:
            return
        yield from self._known(event.provider_id)
        if self.answered_at is None and not self.released:
            self.answered_at = self.now
            if self.ended_at is None or self.ended_at - self.answered_at >= LIMIT:
                yield After(LimitReached(call_id=self.id), seconds=CALL_LIMIT)
        yield from self._conclude()

    @on
    def completed(
        self, event: CompletedCall
    ) -> Iterator[HangupDue | ConnectedCall | UnconnectedCall | Cancel[LimitReached] | Cancel[ReportsOverdue]]:
        if not self.placed:
            return
        yield from self._known(event.provider_id)
        if self.ended_at is None and not self.released:
            self.ended_at, self.lasted = self.now, event.seconds
            if self.answered_at is not None and self.ended_at - self.answered_at < LIMIT:
                yield Cancel(LimitReached)
        yield from self._conclude()

    @on
    def not_answered(
        self, event: UnansweredCall
    ) -> Iterator[HangupDue | ConnectedCall | UnconnectedCall | Cancel[ReportsOverdue]]:
        if not self.placed:
            return
        yield from self._known(event.provider_id)
        self.unanswered = self.unanswered or event.reason
        yield from self._conclude()

    # ------------------------------------------------------------ ends

    @on
    def hang_up(self, event: RequestedHangup) -> HangupDue | None:
        if not self.requested or self.over:
            return None
        self.hangup_wanted = True
        return self._hangup()

    @on
    def limit(self, event: LimitReached) -> HangupDue | None:
        """Telephony got the limit as well; a call that it has cut already is hung up again, which does no harm.

        So what follows does not depend on which of the two was first.
        """
        return HangupDue(call_id=self.id, provider_id=self.provider_id)

    @on
    def give_up(self, event: ReportsOverdue) -> Iterator[ConnectedCall | UnconnectedCall | Cancel[ReportsOverdue]]:
        """Nothing stays reserved for ever: what was not reported did not happen; what was not ended took the limit.

        A call that was connected for some seconds was answered so long before its end: that report alone was lost.
        """
        if self.answered_at is None and self.ended_at is not None and self.lasted:
            self.answered_at = self.ended_at - timedelta(seconds=self.lasted)
        if self.answered_at is not None:
            self.ended_at = self.ended_at or self.answered_at + LIMIT
        else:
            self.unanswered = self.unanswered or ("no report" if self.ended_at is None else "no answer reported")
        yield from self._conclude()

    # ------------------------------------------------------------ from the facts alone

    @property
    def over(self) -> bool:
        """There is nothing to hang up, any longer or at all."""
        return bool(self.refused or self.unanswered) or self.ended_at is not None

    def _provider(self, provider_id: str) -> HangupDue | None:
        if self.provider_id:
            return None
        self.provider_id = provider_id
        return self._hangup() if self.hangup_wanted else None

    def _known(self, provider_id: str) -> Iterator[HangupDue]:
        due = self._provider(provider_id)
        if due is not None:
            yield due

    def _hangup(self) -> HangupDue | None:
        return HangupDue(call_id=self.id, provider_id=self.provider_id) if self.provider_id else None

    def _conclude(self) -> Iterator[ConnectedCall | UnconnectedCall | Cancel[ReportsOverdue]]:
        if self.answered_at and not (self.connected or self.released):
            self.connected = True
            yield ConnectedCall(call_id=self.id, player_id=self.player_id)
        elif self.unanswered and not (self.connected or self.released):
            self.released, self.ended_at, self.lasted = True, None, None
            yield UnconnectedCall(call_id=self.id, player_id=self.player_id, reason=self.unanswered)
        if self.released or (self.answered_at and self.ended_at):
            yield Cancel(ReportsOverdue)
