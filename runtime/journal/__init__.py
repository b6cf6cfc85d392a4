"""Journals: where the truth is kept."""

from runtime.journal.place import MEMORY, Lock, absolute, lock_journal, open_journal, open_reader
from runtime.journal.protocol import Journal, JournalInfo, Reader

__all__ = [
    "MEMORY",
    "Journal",
    "JournalInfo",
    "Lock",
    "Reader",
    "absolute",
    "lock_journal",
    "open_journal",
    "open_reader",
]
