"""The disk under a router: a commit is under way, then durable, then known. A crash can fall between any two."""

from collections.abc import Callable
from dataclasses import dataclass

from runtime.core.rows import Batch
from runtime.errors import JournalError, JournalFailed, JournalFull
from runtime.journal.protocol import Journal
from runtime.simulation.process import Process
from runtime.simulation.scheduler import Scheduler


@dataclass(frozen=True, slots=True)
class Wear:
    """How bad a disk is."""

    commit_us: int = 2_000
    slow: float = 0.02
    """Commits that take a hundred times as long."""
    fail: float = 0.0
    """Commits that end in an error; half of these are durable all the same."""


SOUND = Wear()


class Disk:
    """Makes the commits of one router's life take time, fail, and outlive it.

    `full` says whether the disk has no room just now.
    """

    def __init__(
        self, scheduler: Scheduler, journal: Journal, wear: Wear, full: Callable[[], bool] = lambda: False
    ) -> None:
        self._scheduler = scheduler
        self._journal = journal
        self._wear = wear
        self._full = full

    def commit(
        self, process: Process, batch: Batch, done: Callable[[], None], failed: Callable[[JournalError], None]
    ) -> None:
        """Start a commit; one of the two is called when its outcome is known, if the process still lives."""
        scheduler, wear = self._scheduler, self._wear
        delay = scheduler.between(wear.commit_us // 4, wear.commit_us)
        if scheduler.chance(wear.slow):
            delay *= 100
        fails = scheduler.chance(wear.fail)
        written = not fails or scheduler.chance(0.5)
        lands_after_death = scheduler.chance(0.5)

        def write() -> None:
            error: JournalError | None = JournalFailed("the simulated disk failed", hint="none") if fails else None
            if self._full():
                error = JournalFull("the simulated disk is full", hint="none")
            elif written:
                try:
                    self._journal.commit(batch)
                except JournalError as problem:
                    error = problem
            scheduler.note(f"{process.name} commits {len(batch.entries)} entries: {type(error).__name__}")
            known = scheduler.between(1, wear.commit_us // 4 + 1)
            if error is None:
                process.later(known, done)
            else:
                process.later(known, lambda: failed(error))

        def due() -> None:
            # The kernel may finish what a killed process began; a stopped one begins nothing before it wakes.
            if process.alive:
                process.act(write)
            elif lands_after_death:
                write()

        scheduler.after(delay, due)
