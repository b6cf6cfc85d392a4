"""The person who looks at dead letters: tries them again, and goes on without those that can't be handled."""

from typing import TYPE_CHECKING

import msgspec

from runtime.core.messages import Failure
from runtime.core.rows import DeliveryRow, Status
from runtime.simulation.frames import Decide, DecisionMade
from runtime.simulation.network import Link
from runtime.simulation.process import Process

if TYPE_CHECKING:
    from runtime.simulation.world import World

_FAILURE = msgspec.msgpack.Decoder(Failure)


class OperatorProcess(Process):
    """Decides about dead letters when asked to."""

    def __init__(self, world: "World") -> None:
        super().__init__(world.scheduler, "operator")
        self._world = world
        self._link: Link | None = None
        self._asked = 0

    @property
    def waits(self) -> bool:
        """Is a decision under way? A drain says nothing of what is let go on after it."""
        return self._asked > 0

    def parked(self) -> list[DeliveryRow]:
        """The dead letters, as the journal has them."""
        return sorted(row for row in self._world.store.deliveries.values() if row.status == Status.PARKED)

    def decide(self, *, some: bool = False) -> None:
        """Skip what is poison, retry the rest. `some`: only now and then, and sometimes retry poison as well."""
        if self._link is None:
            router = self._world.some_router()
            if router is None:
                return
            self._link = self._world.link(self, router)
        for row in self.parked():
            if some and self.scheduler.chance(0.5):
                continue
            poison = row.detail is not None and self._world.may_be_skipped(row, _FAILURE.decode(row.detail))
            call = "/" not in row.address
            retry = not poison or (some and self.scheduler.chance(0.3))
            if call and some and self.scheduler.chance(0.3):
                retry = False  # Nothing of what the apps add up rests on a call that can become a dead letter.
            self.scheduler.note(f"operator {'retries' if retry else 'skips'} {row.at} of {row.address}")
            if retry:
                self._world.history.retried.add((row.at, row.address))
            self._asked += 1
            self._link.send(self, Decide(row.at, row.address, retry))

    def received(self, link: Link, frame: object) -> None:
        if isinstance(frame, DecisionMade) and self._asked:
            self._asked -= 1

    def lost(self, link: Link) -> None:
        self._link = None
        self._asked = 0
