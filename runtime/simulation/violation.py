"""A broken promise, found by a checker."""

from actors.errors import TrunklineError


class Violation(TrunklineError):
    """A promise that a history has broken. `promise` names it."""

    def __init__(self, promise: str, what: str) -> None:
        self.promise = promise
        super().__init__(f"{promise}: {what}", hint="replay the seed; the trace ends where it broke.")


def require(holds: bool, promise: str, what: str) -> None:
    """Raise unless a promise holds."""
    if not holds:
        raise Violation(promise, what)
