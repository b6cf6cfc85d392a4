"""A host's process: turns take time, and an answer may come late, or never."""

from collections import deque
from typing import TYPE_CHECKING

from runtime.core.messages import DeliverBatch
from runtime.simulation.apps.weather import HostKilled
from runtime.simulation.frames import Hello, Welcome
from runtime.simulation.network import Link
from runtime.simulation.process import Process

if TYPE_CHECKING:
    from runtime.simulation.world import World


class HostProcess(Process):
    """One life of a host: batches one after another, for one router at a time."""

    def __init__(self, world: "World", name: str) -> None:
        super().__init__(world.scheduler, name)
        self._world = world
        self._core = world.make_host()
        self._link: Link | None = None
        self._incarnation = 0
        self._queue: deque[DeliverBatch] = deque()
        self._busy = False

    def received(self, link: Link, frame: object) -> None:
        if isinstance(frame, Hello):
            self._greet(link, frame)
        elif isinstance(frame, DeliverBatch) and link is self._link:
            self._queue.append(frame)
            self._work()

    def _greet(self, link: Link, hello: Hello) -> None:
        if link is self._link and hello.incarnation == self._incarnation:
            return
        if hello.incarnation < self._incarnation:
            link.cut()
            return
        if self._link is not None and link is not self._link:
            self._link.cut()
        self._incarnation = hello.incarnation
        self._link = link
        self._queue.clear()
        self._core.reset()
        link.send(self, Welcome(hello.incarnation))

    def _work(self) -> None:
        if self._busy or not self._queue:
            return
        batch = self._queue.popleft()
        link, incarnation = self._link, self._incarnation
        try:
            answer = self._core.deliver(batch)
        except HostKilled:
            self.kill()
            return
        self._busy = True

        def finish() -> None:
            self._busy = False
            if link is not None and incarnation == self._incarnation:
                link.send(self, answer)
            self._work()

        self.later(self.scheduler.between(1, self._world.profile.turn_us * (len(batch.deliveries) + 1)), finish)
