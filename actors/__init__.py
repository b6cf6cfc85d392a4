"""The programming model: events, aggregates, gateways, apps. No Ray, no I/O, no clock."""

from actors.aggregate import Aggregate
from actors.app import App
from actors.envelope import Envelope
from actors.errors import GaveUp, NotDone, TrunklineError, Unknown, WiringError
from actors.event import ChainHalted, Event
from actors.gateway import Gateway
from actors.handler import on
from actors.schedule import Heartbeat, cron
from actors.timer import After, At, Cancel

__all__ = [
    "After",
    "Aggregate",
    "App",
    "At",
    "Cancel",
    "ChainHalted",
    "Envelope",
    "Event",
    "Gateway",
    "GaveUp",
    "Heartbeat",
    "NotDone",
    "TrunklineError",
    "Unknown",
    "WiringError",
    "cron",
    "on",
]
