"""The gateways' process: calls that succeed, fail, end unknown, or take their process with them.

A handler is run as it is, but the simulation decides how its call ends, and whether the outside world changed before
that: each such change is counted under its idempotency key.
"""

from enum import Enum
from functools import partial
from typing import TYPE_CHECKING

from runtime.core.messages import Call, CallDone, CallKind, Failure, Outcome
from runtime.simulation.frames import Hello, Welcome
from runtime.simulation.network import Link
from runtime.simulation.process import Process

if TYPE_CHECKING:
    from runtime.simulation.world import World


class Fate(Enum):
    """How a call ends."""

    ANSWER = "answers"
    FAIL_BEFORE = "fails, nothing done"
    FAIL_AFTER = "fails, though it was done"
    UNKNOWN_BEFORE = "is lost on the way there"
    UNKNOWN_AFTER = "is lost on the way back"
    DIE_BEFORE = "kills its process before"
    DIE_AFTER = "kills its process after"


TROUBLE = [fate for fate in Fate if fate is not Fate.ANSWER]

FAILED = Failure(error="ConnectionError", message="bad weather outside", traceback="", where="")


class GatewaysProcess(Process):
    """One life of the gateways."""

    def __init__(self, world: "World", number: int) -> None:
        super().__init__(world.scheduler, f"gateways-{number}")
        self._world = world
        self._link: Link | None = None
        self._incarnation = 0
        self._begun: set[tuple[int, str, int]] = set()

    def received(self, link: Link, frame: object) -> None:
        if isinstance(frame, Hello):
            if link is self._link and frame.incarnation == self._incarnation:
                return
            if frame.incarnation < self._incarnation:
                link.cut()
                return
            if self._link is not None and link is not self._link:
                self._link.cut()
            self._incarnation, self._link = frame.incarnation, link
            link.send(self, Welcome(frame.incarnation))
        elif isinstance(frame, Call) and link is self._link:
            self._begin(link, frame)

    def lost(self, link: Link) -> None:
        if link is self._link:
            self._link = None

    def _begin(self, link: Link, call: Call) -> None:
        begun = (call.at, call.gateway, call.attempt)
        if begun in self._begun:
            return  # The network repeated the frame; the attempt has begun.
        self._begun.add(begun)
        scheduler, profile = self.scheduler, self._world.profile
        fate = Fate.ANSWER
        if self._world.stormy and scheduler.chance(profile.gateway_trouble):
            fate = scheduler.random.choice(TROUBLE)
        scheduler.note(f"{call.gateway} {CallKind(call.kind).name} {call.at} attempt {call.attempt} {fate.value}")
        self._world.history.call_begun(call)
        self.later(scheduler.between(1, profile.call_us), partial(self._middle, link, call, fate))

    def _middle(self, link: Link, call: Call, fate: Fate) -> None:
        """The moment at which the outside world changes, if it does."""
        world = self._world
        if link is not self._link:
            return  # Its router is gone: what ran for it is cancelled, and has an unknown outcome.
        if fate is Fate.DIE_BEFORE:
            self.kill()
            return
        done = None
        if fate in (Fate.ANSWER, Fate.FAIL_AFTER, Fate.UNKNOWN_AFTER, Fate.DIE_AFTER):
            if call.kind == CallKind.RECONCILE and world.knows_effects and not world.history.took_effect(call):
                done = self._done(call, Outcome.NOT_DONE)
            else:
                done = world.run_gateway(call, self.clock)
            if call.kind == CallKind.CALL:
                # A handler that does not answer says so itself: what follows from that is its own affair.
                failed = fate is Fate.FAIL_AFTER or done.outcome != Outcome.ANSWERED
                world.history.effect(call, failed=failed, zombie=self not in world.children)
        self.later(self.scheduler.between(1, world.profile.call_us), partial(self._end, link, call, fate, done))

    def _end(self, link: Link, call: Call, fate: Fate, done: CallDone | None) -> None:
        if fate is Fate.DIE_AFTER:
            self.kill()
            return
        if fate in (Fate.FAIL_BEFORE, Fate.FAIL_AFTER):
            done = self._done(call, Outcome.FAILED)
        elif fate in (Fate.UNKNOWN_BEFORE, Fate.UNKNOWN_AFTER):
            done = self._done(call, Outcome.UNKNOWN)
        assert done is not None
        self._world.history.call_ended(call, done)
        link.send(self, done)

    def _done(self, call: Call, outcome: Outcome) -> CallDone:
        return CallDone(call.gateway, call.kind, call.attempt, call.at, outcome, (), FAILED)
