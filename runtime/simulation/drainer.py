"""Somebody who waits until everything published before is handled, and then looks whether that is so."""

from typing import TYPE_CHECKING

from runtime.simulation.frames import Draining, DrainOver
from runtime.simulation.network import Link
from runtime.simulation.process import Process

if TYPE_CHECKING:
    from runtime.simulation.world import World


class DrainProcess(Process):
    """Asks for one drain at a time, again over every lost link."""

    def __init__(self, world: "World") -> None:
        super().__init__(world.scheduler, "drainer")
        self._world = world
        self._link: Link | None = None
        self._ticket = 0
        self._timers = False
        self._before: list[int] = []
        self.waiting = False

    def begin(self, *, timers: bool) -> None:
        """Wait for all that is acknowledged by now."""
        self._timers = timers
        self._before = self._world.history.acknowledged()
        self.waiting = True
        self._ask()

    def _ask(self) -> None:
        if not self.waiting or self._link is not None:
            return
        router = self._world.some_router()
        if router is None:
            self.later(self._world.profile.restart_us, self._ask)
            return
        self._link = self._world.link(self, router)
        self._ticket += 1
        self._link.send(self, Draining(self._ticket, self._timers))

    def lost(self, link: Link) -> None:
        if link is self._link:
            self._link = None
            self.later(self._world.profile.restart_us, self._ask)

    def received(self, link: Link, frame: object) -> None:
        if isinstance(frame, DrainOver) and link is self._link and frame.ticket == self._ticket and self.waiting:
            self.waiting = False
            link.cut()
            self._link = None
            self.scheduler.note("drained")
            self._world.history.drained(self._before, timers=self._timers)
