"""What is wrong with a journal's file, as errors that say what to do."""

import errno
import os
import sqlite3
import tempfile
from pathlib import Path

from runtime.errors import JournalError, JournalFailed, JournalFull, JournalLost, JournalReadOnly

ROOM = 65536
"""Bytes that are tried beside a journal that can't be written, to learn why. SQLite's shared memory grows by half."""


def not_a_journal(path: str) -> JournalError:
    return JournalFailed(f"{path} is a database, but no Trunkline journal", hint="name another journal=.")


def what_is_wrong_with(path: str) -> JournalError | None:
    """A place where no file can be: seen from the path alone."""
    place = Path(path).absolute()
    if place.is_dir():
        return JournalFailed(
            f"the journal {path} would be a folder, and must be a file", hint=f"name a file in it: {place / 'app.db'}."
        )
    folder = place.parent
    if folder.is_dir():
        return None
    if folder.exists():
        return JournalFailed(
            f"the journal {path} can't be made: {folder} is no folder", hint="name a file in a folder."
        )
    return JournalFailed(f"the journal {path} can't be made: there is no folder {folder}", hint=f"mkdir -p {folder}")


def lost(path: str) -> JournalLost:
    return JournalLost(
        f"the journal {path} that the app runs on was deleted, moved or replaced: nothing more is taken",
        hint="stop the app, put the file back (with those of its name that end in -wal and -shm), and start it again.",
    )


def refused_by_system(error: OSError, path: str) -> JournalError | None:
    """What the operating system said. None: it says nothing of what to do."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return _full(path)
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return _read_only(path, os.strerror(error.errno))
    return None


def _full(path: str) -> JournalError:
    return JournalFull(
        f"no room is left for the journal {path}; nothing of the last batch was written",
        hint="make room on that disk; an app that runs then goes on by itself.",
    )


def _read_only(path: str, why: str) -> JournalError:
    return JournalReadOnly(
        f"the journal {path} can't be written: {why}",
        hint="make file and folder writable, or copy the file to where it can be written, or name another journal=.",
    )


def translated(error: sqlite3.Error, path: str) -> JournalError:
    """What SQLite said, as an error that says what to do."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return _full(path)
    if code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN):
        # SQLite calls a quota that is used up, or a disk that was mounted read-only meanwhile, an I/O error.
        why = what_is_wrong_with(path) or _tried(path)
        if why is not None:
            return why
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN):
        return _read_only(path, "SQLite must write to it, and beside it")
    if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
        return JournalFailed(
            f"{path} is no journal, or is damaged: SQLite says '{error}'",
            hint="name another journal=, or restore this one from a backup.",
        )
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return JournalFailed(
            f"the journal {path} is being written by another process", hint="end what else writes to it."
        )
    return JournalFailed(
        f"the journal {path}: SQLite says '{error}'",
        hint="see the message; nothing of the last batch counts as written.",
    )


def _tried(path: str) -> JournalError | None:
    """What the system says to whoever writes beside the journal."""
    try:
        with tempfile.TemporaryFile(dir=Path(path).absolute().parent) as file:
            file.write(bytes(ROOM))
            file.flush()
    except OSError as error:
        return refused_by_system(error, path)
    return None
