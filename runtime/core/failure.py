"""What went wrong, as people are shown it."""

from traceback import format_exception

from actors.errors import GaveUp, TurnError
from runtime.core.messages import Failure

TRACEBACK_MAX = 16_384


def failure_of(error: BaseException) -> Failure:
    """The record of an exception; of a handler's own one, if a turn failed by it."""
    cause = error.__cause__ if isinstance(error, TurnError) and error.__cause__ is not None else error
    text = "".join(format_exception(error))
    if len(text) > TRACEBACK_MAX:
        half = TRACEBACK_MAX // 2
        text = f"{text[:half]}\n[...]\n{text[-half:]}"
    where = error.where if isinstance(error, TurnError) else ""
    return Failure(type(cause).__name__, str(error), text, where)


def gave_up(failure: Failure | None) -> GaveUp:
    """What a gateway's `failed` is told of its last call."""
    if failure is None:
        return GaveUp("Unknown", "the outcome of the call is not known")
    return GaveUp(failure.error, failure.message, failure.traceback)
