"""The errors of the programming model, under the base of all of Trunkline's.

TrunklineError
├── WiringError             raised by App(...): holds every WiringProblem, each in full
├── WiringProblem           one mistake in the wiring; `.kind` says which
├── TurnError               a turn that left no trace
│   ├── HandlerFailed       the handler raised
│   ├── UnexpectedEmission  it returned what its hint does not say
│   ├── StateNotRoundTrip   its state can't be stored and read back the same
│   └── StateTooLarge
├── BadKey                  a routing key that can't be one
├── EventRejected           bytes or objects that are no such event
├── OutsideTurn             `self.now` and its like, where no turn runs
└── BadSchedule             see `actors.schedule`

`Unknown` and `NotDone` are not errors of Trunkline: a gateway raises them to say how a call ended. `GaveUp` tells a
gateway's `failed` how its last call did.
"""

from typing import Any


class TrunklineError(Exception):
    """Base of every error that Trunkline raises: what happened, where, and as the last line what to do (`hint`)."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        self.message = message
        self.hint = hint
        super().__init__(message)

    def __str__(self) -> str:
        return f"{self.message}\n  fix: {self.hint}" if self.hint else self.message

    def __reduce__(self) -> Any:
        return _restore, (type(self), self.args, self.__dict__)


def _restore(cls: type[TrunklineError], args: tuple[Any, ...], state: dict[str, Any]) -> TrunklineError:
    error = cls.__new__(cls)
    error.args = args
    error.__dict__.update(state)
    return error


class WiringProblem(TrunklineError):
    """One mistake in an app's wiring."""

    def __init__(self, kind: str, message: str, places: tuple[str, ...] = (), *, hint: str) -> None:
        self.kind = kind
        self.places = places
        """`file:line` of each handler or class concerned."""
        where = f"\n  at {' and '.join(places)}" if places else ""
        super().__init__(f"{kind}: {message}{where}", hint=hint)


class WiringError(TrunklineError):
    """An app that can't work as it is wired. Its text holds every problem in full; `errors` lists them."""

    def __init__(self, app: str, errors: tuple[WiringProblem, ...]) -> None:
        self.errors = errors
        """Each with `kind` (`TwoOwners`, ...), `message`, `places` (`file:line`) and `hint`."""
        count = "a problem" if len(errors) == 1 else f"{len(errors)} problems"
        super().__init__(f"the wiring of app {app!r} has {count}\n\n" + "\n\n".join(str(e) for e in errors))


class TurnError(TrunklineError):
    """A turn that did not go through. It left no trace."""

    def __init__(self, message: str, *, where: str = "", hint: str = "") -> None:
        self.where = where
        super().__init__(f"{message}\n  at {where}" if where else message, hint=hint)


class HandlerFailed(TurnError):
    """A handler raised; its exception is the cause."""


class UnexpectedEmission(TurnError):
    """A handler returned something that its return hint does not name."""


class StateNotRoundTrip(TurnError):
    """A state that would not be the same after being stored and read back."""


class StateTooLarge(TurnError):
    """A state above the limit."""


class LargeState(UserWarning):
    """A state that is large enough to be slow; far above that it is refused."""


class BadKey(TrunklineError):
    """A routing key that is no `str`, `int` or `UUID`, or is empty, or holds control characters."""


class EventRejected(TrunklineError):
    """Not an event that this app can take: unknown, malformed, too large, or not one to be published."""


class OutsideTurn(TrunklineError):
    """`self.now`, `self.random`, `self.event` and their like have a meaning only while a turn runs."""


class Unknown(Exception):
    """Raised by a gateway's handler: the request was sent, its answer was lost, and nobody knows if it took effect."""


class NotDone(Exception):
    """Raised by a gateway's reconcile: the call did not take effect, so it may be made again."""


class GaveUp(Exception):
    """Given to a gateway's `failed`: how the last call ended, as the journal keeps it over restarts."""

    def __init__(self, kind: str, message: str, traceback: str = "") -> None:
        self.kind = kind
        """The name of the exception's class: `ConnectError`, `Unknown`, `TimeoutError`."""
        self.message = message
        self.traceback = traceback
        """As text; empty if there was none, as when the process died."""
        super().__init__(kind, message, traceback)

    def __str__(self) -> str:
        return f"{self.kind}: {self.message}"
