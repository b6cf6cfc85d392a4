"""The supervisor's process: the shell around `SupervisorCore`, which starts, pings and kills what that decides."""

from functools import partial
from typing import TYPE_CHECKING

from runtime.core.supervisor import PINGS, Start
from runtime.simulation.frames import Needed, NotNeeded
from runtime.simulation.heart import Heart
from runtime.simulation.network import Link
from runtime.simulation.process import Process
from runtime.simulation.scheduler import Action

if TYPE_CHECKING:
    from runtime.simulation.world import World


class SupervisorProcess(Process):
    """One life of a supervisor. There may be two; then the older one's ticks are refused."""

    def __init__(self, world: "World", number: int) -> None:
        super().__init__(world.scheduler, f"supervisor-{number}")
        self._world = world
        self.core = world.make_supervisor()
        self._every = world.patience_us // PINGS
        self._children: dict[str, Process] = {}
        for name, child in world.children.items():
            self.core.found(name, self.scheduler.awake)
            self._adopt(name, child)
        self._heart = Heart(self, world, self.core, self._heard)
        self._oversee()

    def _oversee(self) -> None:
        self._act()
        for name, child in self._children.items():
            self._call(child, partial(self._answered, name))
        self.later(self._every, self._oversee)

    def _act(self) -> None:
        for action in self.core.actions(self.scheduler.awake):
            if isinstance(action, Start):
                self.later(
                    self.scheduler.between(1, self._world.profile.restart_us // 2), partial(self._start, action.name)
                )
            else:
                self._kill(action.name)

    # ------------------------------------------------------------ children

    def _start(self, name: str) -> None:
        if not self.core.wants(name):
            return
        child = self._world.children.get(name)
        if child is not None:
            # Another supervisor has just started it.
            self.core.found(name, self.scheduler.awake)
        self._adopt(name, child or self._world.make_child(name))

    def _adopt(self, name: str, child: Process) -> None:
        """Take a child that was started now or before."""
        self._children[name] = child
        child.watch(lambda: self.later(self._way(), partial(self._died, name, child)))
        self._call(child, partial(self._up, name, child))

    def _way(self) -> int:
        """How long a word takes on its way."""
        return self.scheduler.between(1, self._world.profile.weather.delay_us)

    def _call(self, child: Process, answered: Action) -> None:
        """Ask a child something: it answers when it is not stopped."""
        child.later(self._way(), lambda: self.act(answered))

    def _answered(self, name: str) -> None:
        self.core.heard(name, self.scheduler.awake)

    def _up(self, name: str, child: Process) -> None:
        if self._children.get(name) is child:
            self.core.came_up(name, self.scheduler.awake)
            self._act()

    def _died(self, name: str, child: Process) -> None:
        if self._children.get(name) is child:
            del self._children[name]
            self.core.died(name, self.scheduler.awake)
            self._act()

    def _kill(self, name: str) -> None:
        """End a process that does not answer. In a storm that may come to nothing, or seem to be done."""
        child = self._children.get(name)
        if child is None:
            return
        if self._world.stormy and self.scheduler.chance(0.15):
            self.scheduler.note(f"{self.name} can't kill {child.name}")
        elif self._world.stormy and self.scheduler.chance(0.3):
            child.take_for_dead()
        else:
            child.kill()

    # ------------------------------------------------------------ the router

    def look_at_the_clock(self) -> None:
        """It may show another time than expected."""
        self._heart.look_at_the_clock()

    def _heard(self, frame: Needed | NotNeeded) -> None:
        if isinstance(frame, Needed):
            self.core.want(frame.name)
            self._act()
            return
        self.core.unwant(frame.name)
        child = self._children.pop(frame.name, None)
        if child is not None:
            child.kill()

    def lost(self, link: Link) -> None:
        self._heart.lost(link)

    def received(self, link: Link, frame: object) -> None:
        self._heart.received(link, frame)
