"""What a gateway's method returned: the events in it, checked against its return hint."""

from collections.abc import Iterable
from typing import Any

from actors.aggregate import EPOCH, MICROSECOND
from actors.catalogue import GatewayHandlerPlan
from actors.event import Event
from actors.hints import Hints
from actors.timer import At
from actors.turn import Emitted, check_several, unexpected


def gateway_answer(handler: GatewayHandlerPlan, hints: Hints, value: Any, event: Event, address: str) -> list[Emitted]:
    """What a gateway's method returned, checked against its return hint.

    Raises:
        UnexpectedEmission: the hint does not name it.
    """
    if value is None:
        return []
    if hints.iterates:
        check_several(handler.name, handler.where, value, "return a list")
    values: Iterable[Any] = value if hints.iterates else (value,)
    found = []
    for one in values:
        if one is None:
            continue
        time_us = None
        inner = one
        if isinstance(one, At):
            inner = one.event
            time_us = (one.time - EPOCH) // MICROSECOND
        plan = handler.events.get(type(inner))
        if plan is None or type(inner) not in hints.emits:
            raise unexpected(handler.name, handler.where, one, event, address)
        found.append(Emitted(plan, inner, plan.targets(inner), handler.name, handler.max_hops, time_us))
    return found
