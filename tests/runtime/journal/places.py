"""Where a journal of each kind is kept while a test runs. A new kind adds a class, and a line to `KINDS`."""

from pathlib import Path
from typing import ClassVar, Protocol

from runtime.journal import Journal, Reader, open_journal, open_reader
from runtime.journal.memory import MemoryJournal, MemoryReader, MemoryStore
from runtime.journal.place import memory_store

APP = "shop"
PARTITIONS = 3
STARTED = 1_700_000_000_000_000


class Place(Protocol):
    """One journal's place: opened as often as one likes, also by several at once, as a zombie and its successor do."""

    outlives: ClassVar[bool]
    """It outlives its process, and so is opened anew with the rules of `open_journal`."""

    def __init__(self, folder: Path) -> None: ...

    def open(
        self, *, app: str = APP, partitions: int = PARTITIONS, schema_hash: str = "one", now: int = STARTED
    ) -> Journal: ...

    def reader(self) -> Reader: ...

    def close(self) -> None: ...


class MemoryPlace:
    outlives: ClassVar[bool] = False

    def __init__(self, folder: Path) -> None:
        self._store: MemoryStore | None = None

    def open(
        self, *, app: str = APP, partitions: int = PARTITIONS, schema_hash: str = "one", now: int = STARTED
    ) -> Journal:
        if self._store is None:
            self._store = memory_store(app=app, partitions=partitions, schema_hash=schema_hash, now=now)
        return MemoryJournal(self._store)

    def reader(self) -> Reader:
        assert self._store is not None, "it was never opened"
        return MemoryReader(self._store)

    def close(self) -> None:
        """Nothing to close."""


class UrlPlace:
    """A journal that a URL names. What a test has opened is closed at its end."""

    outlives: ClassVar[bool] = True

    def __init__(self, url: str) -> None:
        self.url = url
        self._opened: list[Journal | Reader] = []

    def open(
        self, *, app: str = APP, partitions: int = PARTITIONS, schema_hash: str = "one", now: int = STARTED
    ) -> Journal:
        journal = open_journal(self.url, app=app, partitions=partitions, schema_hash=schema_hash, now=now)
        self._opened.append(journal)
        return journal

    def reader(self) -> Reader:
        reader = open_reader(self.url)
        self._opened.append(reader)
        return reader

    def close(self) -> None:
        for opened in self._opened:
            opened.close()


class SqlitePlace(UrlPlace):
    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        super().__init__(str(folder / "shop.db"))


KINDS: dict[str, type[Place]] = {"memory": MemoryPlace, "sqlite": SqlitePlace}
