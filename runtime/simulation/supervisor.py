"""A supervisor's process: it misses the dead and the stopped, starts others in their place, and beats."""

from typing import TYPE_CHECKING
from zlib import crc32

import msgspec

from runtime.core.messages import Publish, PublishBatch
from runtime.core.rows import SUPERVISOR
from runtime.simulation.client import Order
from runtime.simulation.frames import Claimed, Published, Publishing
from runtime.simulation.network import Link
from runtime.simulation.process import Process

if TYPE_CHECKING:
    from runtime.simulation.router import RouterProcess
    from runtime.simulation.world import World


CALM_REST_US = 50_000


class SupervisorProcess(Process):
    """One life of a supervisor. There may be two; then the older one's ticks are refused."""

    def __init__(self, world: "World", number: int) -> None:
        super().__init__(world.scheduler, f"supervisor-{number}")
        self._world = world
        self._link: Link | None = None
        self._ticket = 0
        self._seq = 0
        self._missed: dict[Process, int] = {}
        """Pings in a row that were not answered."""
        self._pending: tuple[int, Publish] | None = None
        journal = world.open_journal()
        self.epoch = journal.claim([SUPERVISOR])[SUPERVISOR]
        self._rest()

    def _rest(self) -> None:
        # In calm weather there is little to look after, and each look is a step.
        longest = self._world.profile.restart_us if self._world.stormy else CALM_REST_US
        self.later(self.scheduler.between(1, longest), self._step)

    def _step(self) -> None:
        self._look_after()
        if self._world.beating:
            self._beat()
        self._rest()

    # ------------------------------------------------------------ processes

    def _look_after(self) -> None:
        world = self._world
        router = world.newest_router()
        if router is None or self._hangs(router):
            world.start_router()
        if not world.stormy:
            for old in world.routers[:-1]:
                old.kill()  # In a storm, one that was succeeded may live on for a while.
        if not world.gateways.alive or self._hangs(world.gateways):
            world.start_gateways()
        for name in sorted(world.wanted):
            host = world.hosts.get(name)
            if host is None or not host.alive or self._hangs(host):
                world.make_host_process(name)

    def _hangs(self, process: Process) -> bool:
        """Not answering for a while: it is killed, though sometimes the kill does not get through."""
        if not process.stopped:
            self._missed.pop(process, None)
            return False
        count = self._missed[process] = self._missed.get(process, 0) + 1
        if count < 4:
            return False
        del self._missed[process]
        if not self.scheduler.chance(0.3):
            process.kill()
        return True

    # ------------------------------------------------------------ ticks

    def _beat(self) -> None:
        world = self._world
        if self._link is None:
            router = world.some_router()
            if router is None:
                return
            self._open(router)
        if self._pending is not None or self._link is None:
            return
        for schedule in world.schedules:
            taken = world.taken_moment(schedule.name)
            due = schedule.due(taken, world.started, self.clock)
            if due is not None:
                self._seq += 1
                item = world.encode(Order(0, due.event, time=due.time))
                item = msgspec.structs.replace(
                    item,
                    # Always the same log, whoever beats: it keeps what was taken of the schedule.
                    partition=crc32(schedule.name.encode()) % world.partitions,
                    seq=self._seq,
                    fence=self.epoch,
                    schedule=(schedule.name, due.moment, -1 if taken is None else taken),
                )
                self._ticket += 1
                self._pending = (self._ticket, item)
                self._link.send(self, self._frame(self._ticket, item))
                return

    def _frame(self, ticket: int, item: Publish) -> Publishing:
        return Publishing(ticket, PublishBatch(f"{self.name}/{self.epoch}", (item,), True))

    def _open(self, router: "RouterProcess") -> None:
        self._link = self._world.link(self, router)
        self._link.send(self, Claimed(self.epoch))
        if self._pending is not None:
            self._link.send(self, self._frame(*self._pending))

    def lost(self, link: Link) -> None:
        if link is self._link:
            self._link = None

    def received(self, link: Link, frame: object) -> None:
        if isinstance(frame, Published) and self._pending is not None and frame.ticket == self._pending[0]:
            self._pending = None
