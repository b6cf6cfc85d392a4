"""Journals that can't be opened, or no longer written: the right error, what to do about it, and nothing lost."""

import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from runtime.errors import AlreadyRunning, JournalFailed, JournalLost, JournalMismatch, JournalReadOnly
from runtime.journal import absolute, lock_journal, open_journal, open_reader

from .disks import Disk
from .processes import Child, Say, be_nobody, stay
from .rows import batch, entry
from .sequence import ALL, opened, survivors, write


@pytest.fixture
def made(path: Path) -> Path:
    """A journal that holds five batches and was closed."""
    with closing(opened(path)) as journal:
        write(journal, 1, 5)
    return path


def changed(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as db:
        for statement in statements:
            db.execute(statement)
        db.commit()


OPENERS: dict[str, Callable[[Path], object]] = {
    "to write": opened,
    "to read": lambda path: open_reader(str(path)),
}


@pytest.fixture(params=OPENERS)
def open_it(request: pytest.FixtureRequest) -> Callable[[Path], object]:
    return OPENERS[request.param]


# ------------------------------------------------------------ not this app's journal


def test_a_journal_of_another_app_is_refused_and_left_as_it_was(made: Path) -> None:
    before = made.read_bytes()

    with pytest.raises(JournalMismatch, match="belongs to app 'shop', not to 'bank'") as raised:
        open_journal(str(made), app="bank", schema_hash="bank's")

    assert "name another journal=" in raised.value.hint
    assert made.read_bytes() == before
    assert survivors(made) == 5


def test_a_journal_of_a_newer_version_is_refused_by_name(made: Path, open_it: Callable[[Path], object]) -> None:
    changed(made, "update meta set value = 2 where name = 'format'")
    before = made.read_bytes()

    with pytest.raises(JournalMismatch, match="has format 2; this Trunkline knows 1 at most") as raised:
        open_it(made)

    assert "pip install --upgrade trunkline" in raised.value.hint
    assert made.read_bytes() == before


def test_another_number_of_partitions_changes_nothing(made: Path) -> None:
    with closing(open_journal(str(made), app="shop", partitions=7)) as journal:
        assert journal.info.partitions == 2
        with pytest.raises(JournalMismatch, match="no partition 6: it was made with 2"):
            journal.claim([6])

    assert survivors(made) == 5


# ------------------------------------------------------------ no journal at all


def test_a_file_that_is_no_database_is_refused_and_left_as_it_was(
    path: Path, open_it: Callable[[Path], object]
) -> None:
    path.write_text("the only copy of a novel\n" * 500)
    before = path.read_bytes()

    with pytest.raises(JournalFailed, match="no journal, or is damaged") as raised:
        open_it(path)

    assert "name another journal=" in raised.value.hint
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_database_of_another_program_is_refused_and_left_as_it_was(
    path: Path, open_it: Callable[[Path], object]
) -> None:
    changed(path, "create table meta (name text, value text)", "insert into meta values ('app', 'shop')")
    before = path.read_bytes()

    with pytest.raises(JournalFailed, match="a database, but no Trunkline journal") as raised:
        open_it(path)

    assert raised.value.hint
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_journal_without_its_own_name_is_refused(made: Path, open_it: Callable[[Path], object]) -> None:
    changed(made, "delete from meta where name = 'partitions'")

    with pytest.raises(JournalFailed, match="no Trunkline journal"):
        open_it(made)


def test_an_empty_file_becomes_a_journal(path: Path) -> None:
    path.touch()

    assert survivors(path) == 0


def test_an_empty_file_can_not_be_read(path: Path) -> None:
    path.touch()

    with pytest.raises(JournalFailed, match="no Trunkline journal"):
        open_reader(str(path))


def test_a_file_that_is_not_there_can_not_be_read(path: Path) -> None:
    with pytest.raises(JournalFailed, match="there is no journal") as raised:
        open_reader(str(path))

    assert raised.value.hint
    assert not path.exists()


@pytest.mark.parametrize(
    "use", [opened, lambda path: open_reader(str(path)), lambda path: lock_journal(str(path), "shop")]
)
def test_a_folder_is_refused_with_a_file_to_name(tmp_path: Path, use: Callable[[Path], object]) -> None:
    with pytest.raises(JournalFailed, match="must be a file") as raised:
        use(tmp_path)

    assert str(tmp_path / "app.db") in raised.value.hint
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("use", [opened, lambda path: lock_journal(str(path), "shop")])
def test_a_missing_folder_is_named_with_how_to_make_it(tmp_path: Path, use: Callable[[Path], object]) -> None:
    path = tmp_path / "data" / "deep" / "shop.db"

    with pytest.raises(JournalFailed, match="there is no folder") as raised:
        use(path)

    assert raised.value.hint == f"mkdir -p {path.parent}"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("use", [opened, lambda path: lock_journal(str(path), "shop")])
def test_a_folder_that_is_a_file_is_told_as_such(made: Path, use: Callable[[Path], object]) -> None:
    with pytest.raises(JournalFailed, match="is no folder") as raised:
        use(made / "shop.db")

    assert raised.value.hint


def test_a_damaged_page_is_told_by_whoever_meets_it(made: Path) -> None:
    with closing(sqlite3.connect(made)) as db:
        size = db.execute("pragma page_size").fetchone()[0]
        pages = db.execute("select name, rootpage from sqlite_master where rootpage and name in ('log', 'instances')")
        data = bytearray(made.read_bytes())
        for _, page in pages:
            data[(page - 1) * size : page * size] = b"\xee" * size
    made.write_bytes(data)

    with closing(opened(made)) as journal:
        epochs = journal.claim(ALL)
        asks: list[Callable[[], object]] = [
            lambda: journal.recover(0, epochs[0]),
            lambda: journal.instances(["Wallet/ada"]),
            lambda: journal.entries([1]),
            lambda: journal.live(1, "Call", "", 9),
            lambda: journal.find_sent(0, "client", [1], 9),
            lambda: journal.reader().entry(1),
            lambda: journal.commit(batch(epochs, entries=[entry(0, 6)])),
        ]
        for ask in asks:
            with pytest.raises(JournalFailed, match="damaged") as raised:
                ask()
            assert "restore this one from a backup" in raised.value.hint


def test_a_file_that_lost_its_end_is_told_as_damaged(made: Path) -> None:
    data = made.read_bytes()
    made.write_bytes(data[: len(data) // 2])

    with pytest.raises(JournalFailed, match="damaged"):
        survivors(made)


# ------------------------------------------------------------ names


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("sqlite:///shop.db", "{cwd}/shop.db"),
        ("sqlite:////var/shop.db", "/var/shop.db"),
        ("shop.db", "{cwd}/shop.db"),
        ("data/../shop.db", "{cwd}/shop.db"),
        ("~/shop.db", "{home}/shop.db"),
        ("sqlite:///~/shop.db", "{home}/shop.db"),
        ("what? 100%#1.db", "{cwd}/what? 100%#1.db"),
        ("memory://", "memory://"),
    ],
)
def test_a_name_means_the_same_in_every_process(
    url: str, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/ada")

    assert absolute(url) == place.format(cwd=tmp_path, home="/home/ada")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        ":memory:",
        "sqlite://host/shop.db",
        "sqlite:///shop.db?mode=ro",
        "sqlite+pysqlite:///shop.db",
        "mysql://root:hunter2@host/db",
        "redis://:hunter2@host",
        "file:///shop.db",
        "memory:///",
        "memory://shop",
        "shop\0.db",
    ],
)
@pytest.mark.parametrize(
    "use", [lambda url: open_journal(url, app="shop"), open_reader, lambda url: lock_journal(url, "shop")]
)
def test_a_url_that_names_no_journal_is_refused_with_those_that_do(
    url: str, use: Callable[[str], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(JournalFailed) as raised:
        use(url)

    assert "memory://" in raised.value.hint
    assert "hunter2" not in str(raised.value)
    assert list(tmp_path.iterdir()) == []


def test_a_journal_may_have_any_name(tmp_path: Path) -> None:
    path = tmp_path / "what? 100%#1 \u00e9'\".db"

    assert survivors(path) == 0
    assert path.exists()


# ------------------------------------------------------------ in use


def holds(path: Path) -> Child:
    """A process that holds the lock, until it is killed."""

    def work(say: Say) -> None:
        held = lock_journal(str(path), "shop")
        stay(say)
        held.release()

    child = Child(work)
    assert child.hear()
    return child


@pytest.mark.parametrize("instead", ["nothing", "another"])
def test_a_journal_that_was_deleted_while_it_is_written_takes_nothing_more(made: Path, instead: str) -> None:
    with closing(opened(made)) as journal:
        write(journal, 6, 6)
        for file in made.parent.glob(f"{made.name}*"):
            file.unlink()
        if instead == "another":
            opened(made).close()

        with pytest.raises(JournalLost, match="deleted, moved or replaced"):
            write(journal, 7, 7)


def test_a_journal_in_use_by_another_app_names_that_one(made: Path) -> None:
    with holds(made), pytest.raises(AlreadyRunning) as raised:
        lock_journal(str(made), "other")

    assert "in use by app 'shop'" in str(raised.value)
    assert "Runtime.attach('shop')" in raised.value.hint


def test_a_journal_in_use_is_refused_naming_attach_and_its_user(made: Path) -> None:
    with holds(made) as other:
        with pytest.raises(AlreadyRunning) as raised:
            lock_journal(str(made), "shop")

        assert f"in use by app 'shop', process {other.pid}" in str(raised.value)
        assert "Runtime.attach('shop')" in raised.value.hint


@pytest.mark.parametrize("link", [Path.symlink_to, lambda name, to: name.parent.joinpath("f").symlink_to(to.parent)])
def test_a_journal_in_use_is_refused_whatever_way_one_comes(
    made: Path, tmp_path: Path, link: Callable[[Path, Path], None]
) -> None:
    name = tmp_path / "link.db"
    link(name, made)
    name = name if name.is_symlink() else tmp_path / "f" / made.name

    with holds(made), pytest.raises(AlreadyRunning):
        lock_journal(str(name), "shop")


def test_a_lock_goes_with_its_process(made: Path) -> None:
    with holds(made) as other:
        other.kill()

        lock_journal(str(made), "shop").release()


def test_a_lock_that_was_released_is_free_though_a_fork_lives_on(made: Path) -> None:
    lock = lock_journal(str(made), "shop")
    with Child(stay) as fork:
        assert fork.hear()

        lock.release()

        lock_journal(str(made), "shop").release()


def test_a_journal_in_use_can_be_read(made: Path) -> None:
    with holds(made), closing(open_reader(str(made))) as reader:
        assert reader.heads() == {0: 5, 1: 5}


# ------------------------------------------------------------ read-only


@pytest.mark.parametrize("use", [opened, lambda path: lock_journal(str(path), "shop")])
def test_a_journal_on_a_read_only_disk_is_told_as_such(disk: Disk, use: Callable[[Path], object]) -> None:
    path = disk.folder / "shop.db"
    with closing(opened(path)) as journal:
        write(journal, 1, 5)
    disk.make_read_only()

    for name in (path, disk.folder / "new.db"):
        with pytest.raises(JournalReadOnly, match="Read-only file system") as raised:
            use(name)
        assert "make file and folder writable" in raised.value.hint

    disk.make_writable()
    assert survivors(path) == 5


def test_a_journal_at_rest_on_a_read_only_disk_must_be_copied_to_be_read(disk: Disk, tmp_path: Path) -> None:
    path = disk.folder / "shop.db"
    with closing(opened(path)) as journal:
        write(journal, 1, 5)
    disk.make_read_only()

    with pytest.raises(JournalReadOnly) as raised:
        open_reader(str(path))

    assert "copy the file to where it can be written" in raised.value.hint
    assert survivors(Path(shutil.copy(path, tmp_path))) == 5


@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_journal_without_the_right_to_write_is_told_as_such(what: str) -> None:
    # In a process that is not root's, who may write whatever the mode says; and so not under root's own folders.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "shop.db"
        with closing(opened(path)) as journal:
            write(journal, 1, 5)
        folder.chmod(0o555 if what == "folder" else 0o777)
        path.chmod(0o444 if what == "file" else 0o666)

        def work(say: Say) -> None:
            be_nobody()
            with pytest.raises(JournalReadOnly) as raised:
                opened(path)
            assert "make file and folder writable" in raised.value.hint

        with Child(work) as child:
            assert child.wait() == 0

        folder.chmod(0o777)
        path.chmod(0o666)
        assert survivors(path) == 5
