"""A telephone company that is not there: seeded, and as unreliable as a real one.

What becomes of a call is drawn from the seed and the call's id, and so are the times of what it reports: the same seed
gives the same calls, however fast or slow the rest runs. Reports come late, some come twice, some overtake others.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from random import Random
from typing import Literal

from actors import Event, NotDone, Unknown
from apps.prankcall.events import (
    AnsweredCall,
    CompletedCall,
    HangupDue,
    PlacedCall,
    RingingCall,
    UnansweredCall,
)
from apps.prankcall.rules import CALL_LIMIT
from apps.prankcall.telephony.port import Telephony

CUT_LATE = 30.0
"""Seconds."""
Reason = Literal["busy", "no-answer", "failed", "canceled"]


@dataclass(frozen=True, slots=True)
class Fate:
    """What will become of a call, in seconds."""

    dial: float
    """Until the company has taken it."""
    ring: float
    """From then until the phone rings."""
    pick_up: float
    """From then until it is answered, or nobody has answered."""
    talk: float
    """How long the friend would stay on; the limit may cut it."""
    unanswered: Reason | None


def fate(seed: int, call_id: str) -> Fate:
    """Drawn from the seed and the call's id alone."""
    random = Random(f"{seed} {call_id}")
    kind = random.choices(("talk", "brief", "long", "busy", "no-answer", "failed"), (45, 15, 12, 10, 12, 6))[0]
    talk = {"talk": random.uniform(30, 300), "brief": random.uniform(1, 8), "long": random.uniform(600, 900)}
    unanswered: dict[str, Reason] = {"busy": "busy", "no-answer": "no-answer", "failed": "failed"}
    return Fate(
        dial=_ms(random.uniform(0.2, 1.5)),
        ring=_ms(random.uniform(0.5, 3)),
        pick_up=_ms(30.0 if kind == "no-answer" else random.uniform(2, 15)),
        talk=_ms(talk.get(kind, 0.0)),
        unanswered=unanswered.get(kind),
    )


@dataclass(frozen=True, slots=True, order=True)
class Report:
    """What the company says of a call: when it comes, and of which moment it speaks."""

    comes: datetime
    at: datetime
    key: str
    """Unlike that of any other report, also of the same said again."""
    event: Event


def reports(seed: int, call_id: str, provider_id: str, dialed: datetime, hung_up: datetime | None) -> list[Report]:
    """All that the company reports of a call that it took at `dialed`, in the order in which it comes.

    `hung_up`: when it was told to end the call.
    """
    random = Random(f"{seed} {call_id} reports")
    found: list[Report] = []
    fated = fate(seed, call_id)
    cut = fated.talk >= CALL_LIMIT
    for number, (at, event) in enumerate(_story(fated, call_id, provider_id, dialed, hung_up)):
        # Now and then a report is slow, and is overtaken; now and then it comes again.
        late = random.uniform(4, 20) if random.random() < 0.2 else random.uniform(0.1, 1)
        if isinstance(event, CompletedCall) and cut:
            # The company is slow to say that it has cut a call: the game's own limit has been heard of before.
            late += CUT_LATE
        again = random.uniform(0.5, 10) if random.random() < 0.2 else None
        found.append(Report(at + _s(late), at, f"{call_id} {number}", event))
        if again is not None:
            found.append(Report(at + _s(late + again), at, f"{call_id} {number} again", event))
    return sorted(found, key=lambda report: (report.comes, report.key))


def _story(
    fate: Fate, call_id: str, provider_id: str, dialed: datetime, hung_up: datetime | None
) -> Iterator[tuple[datetime, Event]]:
    """What happens, and when."""
    rings = dialed + _s(fate.ring)
    picked_up = rings + _s(fate.pick_up)
    if hung_up is not None and hung_up < picked_up:
        if rings < hung_up:
            yield rings, RingingCall(call_id=call_id, provider_id=provider_id)
        yield hung_up, UnansweredCall(call_id=call_id, provider_id=provider_id, reason="canceled")
        return
    if fate.unanswered != "failed":
        yield rings, RingingCall(call_id=call_id, provider_id=provider_id)
    if fate.unanswered is not None:
        yield picked_up, UnansweredCall(call_id=call_id, provider_id=provider_id, reason=fate.unanswered)
        return
    yield picked_up, AnsweredCall(call_id=call_id, provider_id=provider_id)
    over = picked_up + _s(min(fate.talk, CALL_LIMIT))
    if hung_up is not None:
        over = min(over, hung_up)
    yield (
        over,
        CompletedCall(call_id=call_id, provider_id=provider_id, seconds=round((over - picked_up).total_seconds())),
    )


class SimulatedTelephony(Telephony, concurrency=64, name="Telephony"):
    """The adapter. It takes every call, now and then without saying so."""

    seed: int = 1

    async def place(self, call: PlacedCall, attempt_id: str) -> tuple[str, datetime]:
        if Random(f"{self.seed} {call.call_id} lost").random() < 0.05:
            raise Unknown("the simulated company took the call, and its answer was lost")
        return self._taken(call)

    async def find(self, call: PlacedCall, attempt_id: str) -> tuple[str, datetime]:
        if not attempt_id:
            raise NotDone
        return self._taken(call)

    async def end(self, hangup: HangupDue) -> datetime:
        return self.event.time + _s(0.5)

    def _taken(self, call: PlacedCall) -> tuple[str, datetime]:
        provider_id = "SIM" + blake2b(f"{self.seed} {call.call_id}".encode(), digest_size=8).hexdigest()
        return provider_id, self.event.time + _s(fate(self.seed, call.call_id).dial)


def _ms(seconds: float) -> float:
    return round(seconds, 3)


def _s(seconds: float) -> timedelta:
    return timedelta(milliseconds=round(seconds * 1000))
