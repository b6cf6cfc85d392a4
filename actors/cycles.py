"""Cycles in the wiring: an event whose handling may lead to itself, found before anything runs."""

from typing import Any

from actors.catalogue import EventPlan, pick
from actors.errors import WiringProblem
from actors.event import Event
from actors.handler import Handler

Edge = tuple[type[Event], type[Any], Handler[Any, Any, Any]]
"""(the event that is emitted, the class, the handler that does it)."""


def undeclared_cycles(classes: list[type[Any]], events: dict[type[Event], EventPlan]) -> list[WiringProblem]:
    """One problem for each group of events that lead to each other with no handler that bounds it.

    An edge leads from an event that a handler hears to one that it emits at once. A timer breaks a cycle, and a handler
    with `max_hops` declares one.
    """
    edges: dict[type[Event], list[Edge]] = {event: [] for event in events}
    for event in events:
        for cls in classes:
            for handler in pick(cls, event)[:1]:
                if handler.max_hops is not None:
                    continue
                for hints in (handler.hints, handler.reconcile_hints, handler.failed_hints):
                    if hints is not None:
                        edges[event] += [(e, cls, handler) for e in hints.emits if e in events]
    problems = []
    seen: set[type[Event]] = set()
    for start in events:
        if start in seen:
            continue
        path = _way_back(start, edges)
        if path is not None:
            seen.update(event for event, _, _ in path)
            steps = " → ".join([start.__name__, *(f"{c.__name__}.{h.name} → {e.__name__}" for e, c, h in path)])
            problems.append(
                WiringProblem(
                    "UndeclaredCycle",
                    f"events lead back to themselves: {steps}",
                    tuple(dict.fromkeys(h.where for _, _, h in path)),
                    hint="break it with a timer (After), or declare its bound on one of the handlers: @on(max_hops=8).",
                )
            )
    return problems


def _way_back(start: type[Event], edges: dict[type[Event], list[Edge]]) -> list[Edge] | None:
    """The shortest way from an event back to itself."""
    ways: dict[type[Event], list[Edge]] = {start: []}
    front = [start]
    while front:
        following = []
        for event in front:
            for edge in edges[event]:
                if edge[0] is start:
                    return [*ways[event], edge]
                if edge[0] not in ways:
                    ways[edge[0]] = [*ways[event], edge]
                    following.append(edge[0])
        front = following
    return None
