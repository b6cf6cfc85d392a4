"""The world outside, as a running app hears of it: which reports it publishes, and how late."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from actors import Event
from apps.prankcall.events import DialedCall
from apps.prankcall.telephony.network import Network, us_of
from apps.prankcall.telephony.simulator import reports
from runtime import EventId, Recorded

DIALED = datetime(2026, 1, 1, 20, tzinfo=UTC)
TOLD = reports(1, "call-1", "SIM", DIALED, None)


@dataclass
class SetClock:
    """Says what it is told to."""

    moment: datetime

    def now(self) -> int:
        return us_of(self.moment)

    def wait(self, us: int) -> float:
        return us / 1_000_000


class App:
    """Takes what is published, until it has so much."""

    def __init__(self, count: int) -> None:
        self.published: list[tuple[Event, datetime, str]] = []
        self.all_taken = asyncio.Event()
        self._count = count

    async def publish(self, event: Event, *, time: datetime, idempotency_key: str) -> None:
        self.published.append((event, time, idempotency_key))
        if len(self.published) == self._count:
            self.all_taken.set()


DIALED_CALL = Recorded(
    id=EventId("3-1"),
    type="dialed_call",
    time=DIALED,
    recorded=DIALED,
    source="Telephony",
    handler="Telephony.dial",
    subject="call-1",
    cause=None,
    correlation=EventId("3-1"),
    hops=0,
    sequence="1",
    partitionkey="call-1",
    dataschema="dialed_call:1",
    traceparent="",
    event=DialedCall(call_id="call-1", provider_id="SIM"),
)


async def told(begins: datetime, then: datetime) -> tuple[App, Network]:
    """What a network has published that begins at one moment, and hears of a dialled call at another."""
    app, clock = App(len(TOLD)), SetClock(begins)
    network = Network(app, 1, clock)  # type: ignore[arg-type]
    clock.moment = then
    network.hear(DIALED_CALL)
    running = asyncio.create_task(network.run())
    await app.all_taken.wait()
    running.cancel()
    return app, network


def test_reports_are_published_when_they_are_due_with_times_and_keys_of_their_own() -> None:
    app, _ = asyncio.run(told(DIALED, TOLD[-1].comes))

    assert app.published == [(report.event, report.at, report.key) for report in TOLD]


def test_it_knows_how_late_a_report_was() -> None:
    _, network = asyncio.run(told(DIALED, TOLD[0].comes + timedelta(hours=1)))

    assert network.behind == 3600


def test_what_was_due_before_it_began_is_not_late() -> None:
    """A game that goes on tells the app again what it may have heard before."""
    later = TOLD[-1].comes + timedelta(hours=1)

    _, network = asyncio.run(told(later, later + timedelta(seconds=2)))

    assert network.behind == 2
