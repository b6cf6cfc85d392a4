"""Gateway calls on the rig: one that is under way, and what became of it."""

from runtime.core.messages import Call
from runtime.core.rows import Status

from .rig import SECOND, Rig, plan


def called(rig: Rig, wait: int = 60 * SECOND) -> Call:
    """The one call that starts within this time."""
    rig.now += wait
    (call,) = rig.calls()
    return call


def begun(**handler: object) -> tuple[Rig, Call]:
    """A first call under way."""
    rig = Rig(plan(**handler))  # type: ignore[arg-type]
    rig.publish("Payments")
    return rig, called(rig, 0)


def status(rig: Rig) -> list[Status]:
    return [Status(row.status) for row in rig.deliveries.values()]


def is_over(rig: Rig) -> bool:
    """Neither open nor parked, for this router and the next."""
    before = rig.core.stats()["calls"], rig.core.stats()["pending"]
    rig.start()
    rig.now += 600 * SECOND
    return before == (0, 0) and rig.calls() == []
