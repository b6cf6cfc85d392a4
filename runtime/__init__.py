"""What executes an app on Ray: durable, in order, each event handled with one committed effect."""

from actors.errors import BadKey, EventRejected, TrunklineError, WiringError
from runtime.blocking import Runtime
from runtime.client import AsyncRuntime
from runtime.errors import (
    AlreadyRunning,
    DrainTimeout,
    JournalError,
    JournalFailed,
    JournalFull,
    JournalMismatch,
    JournalReadOnly,
    KeyReused,
    NodeLost,
    NotRunning,
    OutcomeUnknown,
    Overloaded,
    RequestTimeout,
    StartFailed,
    Unreachable,
)
from runtime.publishing import EventId
from runtime.reading import DeadLetter, Recorded

__all__ = [
    "AlreadyRunning",
    "AsyncRuntime",
    "BadKey",
    "DeadLetter",
    "DrainTimeout",
    "EventId",
    "EventRejected",
    "JournalError",
    "JournalFailed",
    "JournalFull",
    "JournalMismatch",
    "JournalReadOnly",
    "KeyReused",
    "NodeLost",
    "NotRunning",
    "OutcomeUnknown",
    "Overloaded",
    "Recorded",
    "RequestTimeout",
    "Runtime",
    "StartFailed",
    "TrunklineError",
    "Unreachable",
    "WiringError",
]
