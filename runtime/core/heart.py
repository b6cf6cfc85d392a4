"""The heart's core: what a supervisor asks the router, one question at a time, so that each tick is taken once.

Theory of operation. On every link an epoch is claimed first: the router refuses the ticks of older ones. Then each
schedule's due moment is published, under that epoch and on top of the moment that was taken before it. A tick that is
fenced off was published by another supervisor, or is to be by one that has claimed: what was taken is asked for, and
`SupervisorCore.fenced` says whether to claim again. After each round the shell rests, longer if something was refused.
"""

from dataclasses import dataclass

from actors.catalogue import Catalogue
from actors.schedule import Due, Schedule
from runtime.core.messages import Publish, PublishBatch, PublishReply, Taken
from runtime.core.outgoing import Outgoing
from runtime.core.partition import partition_of
from runtime.core.supervisor import SupervisorCore


@dataclass(frozen=True, slots=True)
class Claim:
    """Give this supervisor an epoch; answered by `claimed`."""


@dataclass(frozen=True, slots=True)
class Tick:
    """Take what is due; answered by `published`."""

    batch: PublishBatch


@dataclass(frozen=True, slots=True)
class AskTaken:
    """Which moment of each schedule was taken last? Answered by `learnt`."""


Question = Claim | Tick | AskTaken


class HeartCore:
    """Decides; the time it is given is the app's, in µs."""

    def __init__(self, core: SupervisorCore, catalogue: Catalogue, partitions: int) -> None:
        self._core = core
        self._outgoing = Outgoing(catalogue, partitions)
        self._partitions = partitions
        self._epoch = 0
        self._seq = 0
        self.claims = False
        """It holds an epoch that was claimed on this link."""
        self.refused = False
        """Something of this round, or of the one that has ended, was refused: ask again, but not at once."""
        self._published: set[str] = set()
        """Schedules whose tick was published in this round."""
        self._asked: tuple[Schedule, Due] | None = None
        """The tick that was published last."""
        self._fenced = False
        """It was fenced off, and what was taken instead is to be asked for."""
        self._over = True
        """This round is over."""

    def linked(self) -> None:
        """There is a new link: to the next router, perhaps, which may know of another supervisor."""
        self.claims = self._fenced = False
        self._over = True

    def question(self, now: int) -> Question | None:
        """What to ask next, when the question before it is answered. None: the round is over, rest."""
        if self._over:
            self._over = self.refused = False
            self._published.clear()
        if self._fenced:
            return AskTaken()
        if not self.claims:
            return Claim()
        # Worked out anew for each schedule: what was learnt meanwhile changes how many were missed.
        for schedule, due in self._core.ticks(now):
            if schedule.name not in self._published:
                self._published.add(schedule.name)
                self._asked = (schedule, due)
                return Tick(self._batch(schedule, due))
        self._over = True
        return None

    def _batch(self, schedule: Schedule, due: Due) -> PublishBatch:
        plan, place, body = self._outgoing.origin(due.event, source=schedule.name)
        partition = partition_of(schedule.name, self._partitions)
        self._seq += 1
        item = Publish(
            partition, self._seq, plan.type, due.time, place.targets, body, None, None, self._epoch,
            (schedule.name, due.moment, self._core.taken.get(schedule.name, -1)),
        )  # fmt: skip
        return PublishBatch(f"supervisor-{self._epoch}", (item,), True)

    def claimed(self, epoch: int, started: int, taken: dict[str, int], begun: dict[str, int] | None = None) -> None:
        """The epoch is this supervisor's; when the app was first started, and what was taken of each schedule.

        `begun`: from where each counts, if from elsewhere than the app's first start.
        """
        self._epoch, self._core.started, self._core.taken = epoch, started, taken
        self._core.begun = begun or {}
        self.claims = True

    def published(self, reply: PublishReply) -> None:
        """What became of the tick."""
        assert self._asked is not None
        schedule, due = self._asked
        if reply.refused:
            self.refused = True
            return
        self._core.taken[schedule.name] = due.moment
        self._fenced = reply.results[0][0] == Taken.FENCED

    def learnt(self, taken: dict[str, int]) -> None:
        """What was taken of each schedule, by whomever."""
        assert self._asked is not None
        schedule, due = self._asked
        self._fenced = False
        if self._core.fenced(schedule, due, taken):
            self.claims = False
        if taken.get(schedule.name, -1) < due.moment:
            self.refused = True

    def failed(self) -> None:
        """The router could not do what it was asked: its disk is full, perhaps. Ask again after a rest."""
        self._over = self.refused = True

    def next_tick(self, now: int) -> int | None:
        """When there is something to publish next; None: never."""
        return self._core.next_tick(now)
