"""What DESIGN.md says of the SQLite journal's file."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from runtime.core.messages import pack_id
from runtime.core.rows import SUPERVISOR
from runtime.journal import open_journal, open_reader
from runtime.journal.schema import APPLICATION_ID, connect
from runtime.journal.sqlite import SqliteJournal

from .rows import batch, entry
from .sequence import opened, write

FULL = 2


@pytest.fixture
def journal(path: Path) -> Iterator[SqliteJournal]:
    journal = opened(path)
    assert isinstance(journal, SqliteJournal)
    yield journal
    journal.close()


def asked(db: sqlite3.Connection, question: str) -> object:
    return db.execute(question).fetchone()[0]


def test_a_commit_waits_for_the_disk(journal: SqliteJournal) -> None:
    assert asked(journal._db, "pragma journal_mode") == "wal"
    assert asked(journal._db, "pragma synchronous") == FULL


def test_every_later_connection_waits_for_the_disk_as_well(path: Path) -> None:
    opened(path).close()

    with closing(connect(str(path))) as db:
        assert asked(db, "pragma journal_mode") == "wal"
        assert asked(db, "pragma synchronous") == FULL


def test_a_batch_is_one_transaction_and_so_one_wait(journal: SqliteJournal, path: Path) -> None:
    log = path.with_name(path.name + "-wal")
    begun: list[str] = []
    epochs = journal.claim([0, 1])
    journal._db.set_trace_callback(begun.append)

    write_of = batch(epochs, entries=[entry(p, n) for p in (0, 1) for n in range(1, 9)], watermarks={0: 1, 1: 2})
    before = log.stat().st_size
    journal.commit(write_of)

    assert [sql for sql in begun if sql.startswith(("begin", "BEGIN"))] == ["begin immediate"]
    assert begun[-1] == "commit"
    assert log.stat().st_size > before


def test_a_journal_has_64_partitions_by_default(tmp_path: Path) -> None:
    with closing(open_journal(str(tmp_path / "other.db"), app="other")) as journal:
        claimed = journal.claim([SUPERVISOR, *range(64)])

        assert journal.info.partitions == 64
        assert set(claimed.values()) == {1}


def test_a_journal_that_was_made_without_an_identity_gets_one_once(path: Path) -> None:
    opened(path).close()
    with closing(connect(str(path))) as db:
        db.execute("delete from meta where name = 'identity'")
    with closing(open_reader(str(path))) as reader:
        assert reader.info.identity == ""

    identities = set()
    for _ in range(2):
        with closing(opened(path)) as journal:
            identities.add(journal.info.identity)

    (identity,) = identities
    assert identity


def test_positions_are_the_owners_and_no_sequence_of_the_database(journal: SqliteJournal, path: Path) -> None:
    epochs = journal.claim([0, 1])
    journal.commit(batch(epochs, entries=[entry(1, 1), entry(0, 1), entry(1, 2)]))

    with closing(sqlite3.connect(path)) as db:
        ats = [at for (at,) in db.execute("select at from log order by at")]
        tables = {name for (name,) in db.execute("select name from sqlite_master where type = 'table'")}

    assert ats == [pack_id(0, 1), pack_id(1, 1), pack_id(1, 2)]
    assert "sqlite_sequence" not in tables


def test_nothing_but_idempotency_keys_is_looked_up_by_random_ids(journal: SqliteJournal, path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        indexes = db.execute("select tbl_name, name from sqlite_master where type = 'index' and sql is not null")
        made = indexes.fetchall()
        tables = [name for (name,) in db.execute("select name from sqlite_master where type = 'table'")]
        by_blob = [
            name
            for name in tables
            for _, _, kind, _, _, in_key in db.execute(f"pragma table_info({name})")
            if in_key and kind.lower() == "blob"
        ]
        log_key = [name for _, name, _, _, _, in_key in db.execute("pragma table_info(log)") if in_key]

    assert made == []
    assert by_blob == ["keys"]
    assert log_key == ["at"]


def test_the_file_says_what_it_is(journal: SqliteJournal, path: Path) -> None:
    write(journal, 1, 1)
    journal.close()

    with closing(sqlite3.connect(path)) as db:
        assert asked(db, "pragma application_id") == APPLICATION_ID
    assert path.read_bytes()[68:72] == b"TRKL"


def test_a_closed_journal_is_one_file(journal: SqliteJournal, path: Path) -> None:
    write(journal, 1, 3)

    journal.close()

    assert [file.name for file in path.parent.iterdir()] == ["shop.db"]
