"""Where a journal is: paths and URLs, as SQLAlchemy writes them; and the lock that says who uses it."""

import ast
import contextlib
import fcntl
import os
import re
from pathlib import Path
from typing import IO

from runtime.errors import AlreadyRunning, JournalError, JournalFailed
from runtime.journal.memory import MemoryJournal, MemoryStore
from runtime.journal.protocol import Journal, JournalInfo, Reader
from runtime.journal.reader import SqliteReader
from runtime.journal.schema import FORMAT, new_identity
from runtime.journal.sqlite import SqliteJournal
from runtime.journal.trouble import refused_by_system, what_is_wrong_with

MEMORY = "memory://"
MISNAMED = (":memory:", "memory:")
"""What people write for it elsewhere: no name of a file."""
SQLITE = "sqlite:///"
PARTITIONS = 64
HOLDER = re.compile(r"app (.+), process (\d+)")
"""What a lock says of who has it."""

FORMS = "a path, sqlite:///relative.db, sqlite:////absolute.db or memory://."


def absolute(journal: str) -> str:
    """A journal's URL or path as one that means the same in every process: an absolute path, or `memory://`.

    Raises:
        JournalFailed: a URL of a kind that is not known, or that names no file.
    """
    if journal == MEMORY:
        return journal
    path = journal.removeprefix(SQLITE)
    if "://" in path:
        # Without what follows: it may hold a password.
        raise JournalFailed(f"a journal can't be kept at {path.partition('://')[0]}://", hint=f"journal= is {FORMS}")
    if path in MISNAMED:
        raise JournalFailed(f"{journal!r} is not how a journal in memory is named", hint=f"say {MEMORY}.")
    if not path or "\0" in path or (journal != path and "?" in path):
        raise JournalFailed(f"{journal!r} does not name a journal's file", hint=f"journal= is {FORMS}")
    return os.path.abspath(os.path.expanduser(path))


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
        return MemoryJournal(memory_store(app=app, partitions=partitions, schema_hash=schema_hash, now=now))
    return SqliteJournal(place, app=app, partitions=partitions, schema_hash=schema_hash, now=now)


def memory_store(*, app: str, partitions: int, schema_hash: str, now: int) -> MemoryStore:
    """What a new journal in memory keeps."""
    return MemoryStore(JournalInfo(app, partitions, schema_hash, FORMAT, now, new_identity()))


def open_reader(journal: str) -> Reader:
    """Open a journal for reading only, whether an app runs on it or not.

    Raises:
        JournalError: there is none, or it can't be read.
    """
    place = absolute(journal)
    if place == MEMORY or not os.path.exists(place):
        raise JournalFailed(f"there is no journal {place}", hint="name the file of an app's journal.")
    return SqliteReader(place)


class Lock:
    """Held while an app runs on a journal; goes with the process that holds it."""

    def __init__(self, file: IO[str] | None) -> None:
        self._file = file

    def release(self) -> None:
        if self._file is not None:
            # Said aloud: closing alone leaves it with every process that was forked meanwhile.
            fcntl.flock(self._file, fcntl.LOCK_UN)
            self._file.close()
            self._file = None


def user_of(journal: str) -> str | None:
    """The app whose living process has this journal; None: nobody, as far as is seen here.

    The lock is not tried: an app that starts meanwhile would find it taken.
    """
    with contextlib.suppress(OSError, ValueError):
        named = HOLDER.fullmatch(Path(os.path.realpath(absolute(journal)) + ".lock").read_text().strip())
        if named is not None:
            os.kill(int(named[2]), 0)
            return str(ast.literal_eval(named[1]))
    return None


def lock_journal(journal: str, app: str) -> Lock:
    """Take a journal for one app's launch.

    Raises:
        AlreadyRunning: an app runs on it.
        JournalError: there can be no file, or no lock.
    """
    place = absolute(journal)
    if place == MEMORY:
        return Lock(None)
    misplaced = what_is_wrong_with(place)
    if misplaced is not None:
        raise misplaced
    # By its real path: who comes over a link meets the same lock.
    name = os.path.realpath(place) + ".lock"
    try:
        file = open(name, "a+")  # noqa: SIM115 - held open: that is the lock
    except OSError as error:
        raise _unusable(error, place) from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        with file:
            file.seek(0)
            holder = file.read().strip() or "another process"
        named = HOLDER.fullmatch(holder)
        joins = f"Runtime.attach({named[1]}) joins the running app; or " if named else ""
        raise AlreadyRunning(
            f"the journal {place} is in use by {holder}", hint=f"{joins}stop it first; or name another journal=."
        ) from None
    except OSError as error:
        file.close()
        raise _unusable(error, place) from error
    try:
        file.seek(0)
        file.truncate()
        file.write(f"app {app!r}, process {os.getpid()}")
        file.flush()
    except OSError as error:
        with contextlib.suppress(OSError):
            file.close()
        raise _unusable(error, place) from error
    return Lock(file)


def _unusable(error: OSError, place: str) -> JournalError:
    return refused_by_system(error, place) or JournalFailed(
        f"the journal {place} can't be locked: {error.strerror}",
        hint="keep it on a local disk, or name another journal=.",
    )
