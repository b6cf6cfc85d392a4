"""Where a journal is: paths and URLs, as SQLAlchemy writes them; and the lock that says who uses it."""

import fcntl
import os
from pathlib import Path
from typing import IO

from runtime.errors import AlreadyRunning, JournalFailed, JournalReadOnly
from runtime.journal.memory import MemoryJournal, MemoryStore
from runtime.journal.protocol import Journal, JournalInfo, Reader
from runtime.journal.reader import SqliteReader
from runtime.journal.schema import FORMAT
from runtime.journal.sqlite import SqliteJournal

MEMORY = "memory://"
PARTITIONS = 64


def absolute(journal: str) -> str:
    """A journal's URL or path as one that means the same in every process: an absolute path, or `memory://`.

    Raises:
        JournalFailed: a URL of a kind that is not known.
    """
    if journal.startswith("sqlite:///"):
        journal = journal.removeprefix("sqlite:///")
    if journal == MEMORY:
        return journal
    if "://" in journal:
        scheme = journal.partition("://")[0]
        raise JournalFailed(
            f"a journal can't be kept in {scheme!r} yet",
            hint="a path, sqlite:///relative.db, sqlite:////absolute.db or memory://.",
        )
    return os.path.abspath(os.path.expanduser(journal))


def open_journal(
    journal: str, *, app: str, partitions: int = PARTITIONS, schema_hash: str = "", now: int = 0
) -> Journal:
    """Open an app's journal, and make it if there is none.

    Args:
        now: µs since the epoch: kept as the app's first start by a journal that is made.

    Raises:
        JournalError: it is another app's, of a newer version, damaged, or can't be written.
    """
    place = absolute(journal)
    if place == MEMORY:
        return MemoryJournal(MemoryStore(JournalInfo(app, partitions, schema_hash, FORMAT, now)))
    return SqliteJournal(place, app=app, partitions=partitions, schema_hash=schema_hash, now=now)


def open_reader(journal: str) -> Reader:
    """Open a journal for reading only, whether an app runs on it or not.

    Raises:
        JournalError: there is none, or it can't be read.
    """
    place = absolute(journal)
    if place == MEMORY or not Path(place).exists():
        raise JournalFailed(f"there is no journal {place}", hint="name the file of an app's journal.")
    return SqliteReader(place)


class Lock:
    """Held while an app runs on a journal; goes with the process that holds it."""

    def __init__(self, file: IO[str] | None) -> None:
        self._file = file

    def release(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def lock_journal(journal: str, app: str) -> Lock:
    """Take a journal for one app's launch.

    Raises:
        AlreadyRunning: an app runs on it.
    """
    place = absolute(journal)
    if place == MEMORY:
        return Lock(None)
    name = place + ".lock"
    try:
        file = open(name, "a+")  # noqa: SIM115 - held open: that is the lock
    except OSError as error:
        folder = Path(place).parent
        if not folder.is_dir():
            raise JournalFailed(
                f"the journal {place} can't be made: there is no folder {folder}", hint=f"mkdir -p {folder}"
            ) from error
        raise JournalReadOnly(
            f"the journal {place} can't be written: {error.strerror}",
            hint="make file and folder writable, or name another journal=.",
        ) from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.seek(0)
        holder = file.read().strip() or "another process"
        file.close()
        raise AlreadyRunning(
            f"the journal {place} is in use by {holder}",
            hint=f"Runtime.attach({app!r}) joins the running app; or stop it first; or name another journal=.",
        ) from error
    file.seek(0)
    file.truncate()
    file.write(f"app {app!r}, process {os.getpid()}")
    file.flush()
    return Lock(file)
