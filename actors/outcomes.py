"""What the outcome of a gateway's call leads to: the one policy that the runtime and `actors.testing` follow.

An *answer* is committed. A *failure* is retried, `retries` times. An *unknown* outcome is retried only if the handler
is idempotent; else `reconcile` asks what became of the call, and its `NotDone` makes it a failure. When all that is
used up, `failed` turns it into an event, and without one the delivery is a dead letter. `failed` itself changes
nothing outside: as a turn, it is tried again, so that a process that died at it changes no result.
"""

from enum import IntEnum
from typing import Any, Literal, Protocol

ANSWER: Literal["answer"] = "answer"
WAIT: Literal["wait"] = "wait"
PARK: Literal["park"] = "park"
Next = Literal["answer", "wait", "park"]


TURN_RETRIES = 3
"""Of a turn, or a `failed`, that raises, after the first."""


class CallKind(IntEnum):
    """Which of a handler's methods is called."""

    CALL = 0
    RECONCILE = 1
    FAILED = 2
    """The handler's `failed` turns event and error into an owned event."""


class Outcome(IntEnum):
    """How a call ended."""

    ANSWERED = 0
    FAILED = 1
    UNKNOWN = 2
    NOT_DONE = 3
    """Said by a reconcile: it did not happen."""


class Progress(Protocol):
    """How far a delivery to a gateway has got."""

    kind: CallKind
    tries: int
    """Calls that failed."""
    asked: int
    """Reconciles in a row, or calls of `failed`, that gave nothing."""


class Calls(Protocol):
    """How a handler is to be called."""

    @property
    def retries(self) -> int: ...
    @property
    def idempotent(self) -> bool: ...
    @property
    def reconcile(self) -> Any: ...
    @property
    def failed(self) -> Any: ...


def decide(call: Progress, outcome: int, handler: Calls, turn_retries: int = TURN_RETRIES) -> tuple[Next, int]:
    """Move a call on by the outcome of its attempt.

    Returns:
        What comes next, and for `WAIT` how many tries the next attempt's backoff counts (0: at once).
    """
    if outcome == Outcome.ANSWERED:
        return ANSWER, 0
    if call.kind == CallKind.FAILED:
        call.asked += 1
        return (PARK, 0) if call.asked > turn_retries else (WAIT, call.asked)
    if call.kind == CallKind.RECONCILE:
        if outcome == Outcome.NOT_DONE:
            call.kind = CallKind.CALL
            return _failed(call, handler)
        call.asked += 1
        return _give_up(call, handler) if call.asked > handler.retries else (WAIT, call.asked)
    if outcome == Outcome.UNKNOWN and not handler.idempotent:
        if not handler.reconcile:
            return _give_up(call, handler)
        call.kind, call.asked = CallKind.RECONCILE, 0
        return WAIT, 0
    return _failed(call, handler)


def _failed(call: Progress, handler: Calls) -> tuple[Next, int]:
    call.tries += 1
    return _give_up(call, handler) if call.tries > handler.retries else (WAIT, call.tries)


def _give_up(call: Progress, handler: Calls) -> tuple[Next, int]:
    if not handler.failed:
        return PARK, 0
    call.kind, call.asked = CallKind.FAILED, 0
    return WAIT, 0
