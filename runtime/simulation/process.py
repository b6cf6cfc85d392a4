"""A process of the runtime as the operating system sees it: killed, or stopped and woken, between any two steps."""

from functools import partial
from typing import TYPE_CHECKING

from runtime.simulation.scheduler import Action, Scheduler

if TYPE_CHECKING:
    from runtime.simulation.network import Link


class Process:
    """One life of a process. Killed, it never acts again; stopped, what would have happened happens when it wakes.

    Subclasses act in `received` and `lost`, and plan their own steps with `later`.
    """

    def __init__(self, scheduler: Scheduler, name: str) -> None:
        self.scheduler = scheduler
        self.name = name
        self.alive = True
        self.stopped = False
        self.links: list[Link] = []
        self._held: list[Action] = []
        self._watchers: list[Action] = []
        self.skew_us = 0

    @property
    def clock(self) -> int:
        """What this process takes the time to be."""
        return self.scheduler.now + self.skew_us

    def later(self, delay_us: int, action: Action) -> None:
        """Plan a step of this process."""
        self.scheduler.after(delay_us, partial(self.act, action))

    def act(self, action: Action) -> None:
        """Do it now; when woken, if stopped; never, if dead."""
        if not self.alive:
            return
        if self.stopped:
            self._held.append(action)
        else:
            action()

    def kill(self) -> None:
        """SIGKILL: its links break, each with whatever was still under way."""
        if not self.alive:
            return
        self.alive = False
        self.scheduler.note(f"kill {self.name}")
        self._held.clear()
        self._tell_watchers()
        for link in list(self.links):
            link.cut()

    def watch(self, told: Action) -> None:
        """Be told, once, when it is dead or taken for dead."""
        self._watchers.append(told)

    def take_for_dead(self) -> None:
        """Whoever watches it is told that it is dead, although it is not."""
        self.scheduler.note(f"{self.name} is taken for dead")
        self._tell_watchers()

    def _tell_watchers(self) -> None:
        watchers, self._watchers = self._watchers, []
        for told in watchers:
            told()

    def stop(self) -> None:
        """SIGSTOP: its links stay up, and it does nothing."""
        if self.alive and not self.stopped:
            self.stopped = True
            self.scheduler.note(f"stop {self.name}")

    def wake(self) -> None:
        """SIGCONT: all that it slept through happens at once, in order."""
        if not self.alive or not self.stopped:
            return
        self.stopped = False
        self.scheduler.note(f"wake {self.name}")
        held, self._held = self._held, []
        for action in held:
            self.scheduler.after(0, partial(self.act, action))

    def received(self, link: "Link", frame: object) -> None:
        """A frame has come in."""

    def lost(self, link: "Link") -> None:
        """A link is gone."""
