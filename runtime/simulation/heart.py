"""A supervisor's link to a router: what is due goes out over it, which hosts are needed comes in."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from runtime.core.heart import AskTaken, Claim, Tick
from runtime.core.supervisor import SupervisorCore
from runtime.simulation.frames import (
    AskingTaken,
    Claimed,
    Claiming,
    Needed,
    NotNeeded,
    NotWritten,
    Published,
    Publishing,
    Supervising,
    TakenSoFar,
)
from runtime.simulation.network import Link
from runtime.simulation.process import Process

if TYPE_CHECKING:
    from runtime.simulation.world import World


class Heart:
    """Stays linked to a router, whichever it is, and beats."""

    def __init__(
        self, process: Process, world: "World", core: SupervisorCore, heard: Callable[[Needed | NotNeeded], None]
    ) -> None:
        self._process = process
        self._world = world
        self._core = world.make_heart(core)
        self._heard = heard
        self._link: Link | None = None
        self._ticket = 0
        self._waiting = False
        """A question is under way."""
        self._resting = 0
        """Which rest it is: one that was cut short does not count any more."""
        self._look()

    def _look(self) -> None:
        router = self._world.some_router()
        if router is None:
            self._process.later(self._process.scheduler.between(1, self._world.profile.restart_us), self._look)
            return
        self._link = self._world.link(self._process, router)
        self._link.send(self._process, Supervising())
        self._waiting = False
        self._core.linked()
        self._beat()

    def look_at_the_clock(self) -> None:
        """It may show another time than expected."""
        self._process.later(self._process.scheduler.between(1, self._world.profile.pause_us), self._beat)

    def _beat(self) -> None:
        link = self._link
        if link is None or self._waiting:
            return
        # When the storm is over no more ticks are wanted; that there is a supervisor is.
        question = self._core.question(self._process.clock) if self._world.beating or not self._core.claims else None
        if question is None:
            self._rest()
            return
        self._waiting = True
        self._ticket += 1
        match question:
            case Claim():
                link.send(self._process, Claiming(self._ticket))
            case AskTaken():
                link.send(self._process, AskingTaken(self._ticket))
            case Tick(batch):
                link.send(self._process, Publishing(self._ticket, batch))

    def _rest(self) -> None:
        clock, second = self._process.clock, self._world.profile.second_us
        following = self._core.next_tick(clock)
        if not self._world.beating or (following is None and self._core.claims):
            return
        pause = second // 2
        if following is not None and self._core.claims:
            pause = max(following - clock, pause if self._core.refused else 1)
        self._resting += 1
        rest = self._resting

        def over() -> None:
            if rest == self._resting:
                self._beat()

        self._process.later(pause, over)

    def lost(self, link: Link) -> None:
        if link is self._link:
            self._link = None
            self._look()

    def received(self, link: Link, frame: object) -> None:
        if link is not self._link:
            return
        if isinstance(frame, Needed | NotNeeded):
            self._heard(frame)
        elif self._waiting and getattr(frame, "ticket", None) == self._ticket:
            self._waiting = False
            match frame:
                case Claimed():
                    self._core.claimed(frame.epoch, frame.started, frame.taken)
                case TakenSoFar():
                    self._core.learnt(frame.taken)
                case Published():
                    self._core.published(frame.reply)
                case NotWritten():
                    self._core.failed()
                    self._rest()
                    return
            self._beat()
