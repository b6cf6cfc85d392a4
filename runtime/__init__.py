"""What executes an app on Ray: durable, in order, each event handled with one committed effect.

Names are imported when they are first asked for: the core, the journals and the simulator are used without Ray.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from actors.errors import BadKey, EventRejected, TrunklineError, WiringError
    from runtime.blocking import Runtime
    from runtime.client import AsyncRuntime
    from runtime.errors import (
        AlreadyRunning,
        CodeError,
        DrainTimeout,
        JournalError,
        JournalFailed,
        JournalFull,
        JournalLost,
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
    from runtime.shells.clock import Clock, ScaledClock

__all__ = [
    "AlreadyRunning",
    "AsyncRuntime",
    "BadKey",
    "Clock",
    "CodeError",
    "DeadLetter",
    "DrainTimeout",
    "EventId",
    "EventRejected",
    "JournalError",
    "JournalFailed",
    "JournalFull",
    "JournalLost",
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
    "ScaledClock",
    "StartFailed",
    "TrunklineError",
    "Unreachable",
    "WiringError",
]

_HOMES = {
    "AsyncRuntime": "runtime.client",
    "BadKey": "actors.errors",
    "Clock": "runtime.shells.clock",
    "DeadLetter": "runtime.reading",
    "EventId": "runtime.publishing",
    "EventRejected": "actors.errors",
    "Recorded": "runtime.reading",
    "Runtime": "runtime.blocking",
    "ScaledClock": "runtime.shells.clock",
    "TrunklineError": "actors.errors",
    "WiringError": "actors.errors",
}
"""Where a name is from, if not from `runtime.errors`."""


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'runtime' has no attribute {name!r}")
    return getattr(import_module(_HOMES.get(name, "runtime.errors")), name)


def __dir__() -> list[str]:
    return __all__
