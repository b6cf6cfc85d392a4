"""One attempt at a gateway's handler, and how it ended: for the runtime and `actors.testing` alike."""

import asyncio
from collections.abc import Callable
from typing import Any

from actors.answer import gateway_answer
from actors.catalogue import GatewayPlan
from actors.errors import GaveUp, NotDone, Unknown
from actors.event import Event
from actors.gateway import CallContext, current_call
from actors.outcomes import CallKind, Outcome
from actors.turn import Emitted


class Ended:
    """How an attempt ended: what it answered, or its error."""

    __slots__ = ("emitted", "error", "outcome")

    def __init__(
        self, outcome: Outcome, emitted: list[Emitted] | None = None, error: BaseException | None = None
    ) -> None:
        self.outcome = outcome
        self.emitted = emitted or []
        self.error = error


async def attempt(
    gateway: GatewayPlan, kind: CallKind, event_type: str, event: Event, context: CallContext, last: GaveUp | None
) -> Ended:
    """Call the handler for this event type, or its `reconcile` or `failed`; `last` says how the last call ended."""
    handler = gateway.handlers[event_type]
    function: Callable[..., Any] | None
    arguments: tuple[Any, ...] = (gateway.gateway, event)
    if kind == CallKind.RECONCILE:
        function, hints = handler.reconcile, handler.handler.reconcile_hints
    elif kind == CallKind.FAILED:
        function, hints = handler.failed, handler.handler.failed_hints
        arguments = (*arguments, last)
    else:
        function, hints = handler.fn, handler.handler.hints
    assert function is not None
    assert hints is not None
    limit = asyncio.timeout(handler.timeout)
    token = current_call.set(context)
    try:
        async with limit:
            returned = await function(*arguments)
    except Unknown as error:
        return Ended(Outcome.UNKNOWN, error=error)
    except TimeoutError as error:
        if not limit.expired():
            # That the handler let through: a failure like any.
            return Ended(Outcome.FAILED, error=error)
        late = TimeoutError(
            f"{handler.name} took longer than its timeout, {handler.timeout:g} s: nobody knows its outcome"
        )
        late.__cause__ = error
        return Ended(Outcome.UNKNOWN, error=late)
    except NotDone as error:
        return Ended(Outcome.NOT_DONE if kind == CallKind.RECONCILE else Outcome.FAILED, error=error)
    except BaseException as error:
        task = asyncio.current_task()
        if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
            # Nobody waits for this attempt any more.
            raise
        # Also a task of its own that was cancelled, or `sys.exit()`: the attempt has to end, somehow.
        return Ended(Outcome.FAILED, error=error)
    finally:
        current_call.reset(token)
    try:
        return Ended(Outcome.ANSWERED, gateway_answer(handler, hints, returned, event, gateway.name))
    except Exception as error:
        # The call took effect, and what it answered can't be recorded. A failure would be made again.
        return Ended(Outcome.UNKNOWN, error=error)
