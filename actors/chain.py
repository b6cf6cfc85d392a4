"""How far a chain of events may go: hops since its origin, and the path that is told when it is stopped."""

from actors.event import ChainHalted
from actors.turn import Emitted

HOPS_MAX = 32
PATH_FROM = 16
"""Hops from which a chain records its path: shorter ones pay nothing for it."""
PATH_MAX = 40
HALTED = ChainHalted.__trunkline__.name


def bounds(declared: int | None, hops_max: int) -> tuple[int, int]:
    """(hops that this emission may have, hops that the chain may have from here on).

    A declared bound holds for its handler; one above the usual limit holds for the chain from there on.
    """
    if declared is None:
        return hops_max, hops_max
    bound = declared if declared < HOPS_MAX else max(declared, hops_max)
    return bound, max(bound, hops_max)


def path_of(path: tuple[str, ...], hops: int, type: str) -> tuple[str, ...]:
    """The path that an emission of this many hops carries; `type` is of the event that led to it."""
    return (*path[1 - PATH_MAX :], type) if hops >= PATH_FROM or path else path


def halted(emitted: Emitted, data: bytes, why: str, path: tuple[str, ...]) -> ChainHalted:
    """What is told in place of an event that goes too far; `data` is its payload as it would have been stored."""
    return ChainHalted(
        event_type=emitted.plan.type,
        payload=data.decode(),
        reason=why,
        path=(*path, emitted.plan.type),
        emitter=emitted.emitter,
    )


def too_far(bound: int) -> str:
    """Why a chain of too many hops is stopped."""
    return f"more than {bound} hops since its origin"
