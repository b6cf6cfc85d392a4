"""Carries what the simulated company reports to a running app, when its moment has come by the app's clock."""

import asyncio
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush

from apps.prankcall.events import DialedCall, HungUpCall
from apps.prankcall.telephony.simulator import Report, reports
from runtime import AsyncRuntime, Clock, Recorded

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class Network:
    """The world outside: it hears which calls were dialled and hung up, and reports what becomes of them.

    A report is published under a key of its own, so whoever tells the network again what it has heard before, as after
    a restart, has nothing reported twice.
    """

    def __init__(self, rt: AsyncRuntime, seed: int, clock: Clock) -> None:
        self._rt = rt
        self._seed = seed
        self._clock = clock
        self._dialed: dict[str, tuple[DialedCall, datetime]] = {}
        self._reported: set[str] = set()
        self._planned: list[Report] = []
        self._changed = asyncio.Event()
        self._since = clock.now()
        self.behind = 0.0
        """Seconds, by the app's clock, that a report came after its moment; the most so far."""

    def hear(self, recorded: Recorded) -> None:
        """Something was recorded."""
        event = recorded.event
        if isinstance(event, DialedCall):
            self._dialed[event.call_id] = (event, recorded.time)
            self._plan(event.call_id, None)
        elif isinstance(event, HungUpCall) and event.call_id in self._dialed:
            self._planned = [r for r in self._planned if r.key.partition(" ")[0] != event.call_id]
            self._planned.sort()
            self._plan(event.call_id, recorded.time)

    def _plan(self, call_id: str, hung_up: datetime | None) -> None:
        dialed, at = self._dialed[call_id]
        for report in reports(self._seed, call_id, dialed.provider_id, at, hung_up):
            if report.key not in self._reported:
                heappush(self._planned, report)
        self._changed.set()

    async def run(self) -> None:
        """Report, for ever."""
        while True:
            self._changed.clear()
            now = self._clock.now()
            while self._planned and us_of(self._planned[0].comes) <= now:
                report = heappop(self._planned)
                # What was due before it began is said again.
                due = max(us_of(report.comes), self._since)
                self.behind = max(self.behind, (now - due) / 1_000_000)
                self._reported.add(report.key)
                await self._rt.publish(report.event, time=report.at, idempotency_key=report.key)
                now = self._clock.now()
            wait = self._clock.wait(us_of(self._planned[0].comes) - now) if self._planned else None
            try:
                async with asyncio.timeout(wait):
                    await self._changed.wait()
            except TimeoutError:
                continue


def us_of(time: datetime) -> int:
    """µs since the epoch."""
    return (time - EPOCH) // MICROSECOND
