"""A journal that finds no room, or a disk that fails: nothing is half written, and it goes on when there is room."""

from contextlib import closing, suppress
from pathlib import Path

import pytest

from runtime.errors import JournalError, JournalFailed, JournalFull
from runtime.journal import Journal, lock_journal, open_journal, open_reader

from .disks import Disk
from .processes import Child, Say, limit_files, unlimit_files
from .sequence import ALL, contents, expected, nth, opened, survivors, write

MANY = 1000


@pytest.fixture
def path(disk: Disk) -> Path:
    """A journal on a small disk, that holds five batches and was closed."""
    path = disk.folder / "shop.db"
    with closing(opened(path)) as journal:
        write(journal, 1, 5)
    return path


def write_on(journal: Journal, done: list[int]) -> None:
    """Commit one batch after the other, from the last one that is done."""
    write(journal, done[-1] + 1, MANY, done.append)


@pytest.mark.parametrize("room", range(12, 60, 3))
def test_a_journal_goes_on_when_there_is_room_again(path: Path, disk: Disk, room: int) -> None:
    disk.fill(room=room)
    done = [5]
    with closing(opened(path)) as journal, closing(journal.reader()) as reader:
        with pytest.raises(JournalFull) as raised:
            write_on(journal, done)
        heads = reader.heads()
        disk.make_room()
        again = contents(journal, reader)
        write(journal, done[-1] + 1, done[-1] + 3)

    assert "make room on that disk" in raised.value.hint
    assert heads == dict.fromkeys(ALL, done[-1])
    assert again == expected(done[-1])
    assert survivors(path) == done[-1] + 3


def test_a_journal_that_is_full_stays_whole_over_a_new_start(path: Path, disk: Disk) -> None:
    disk.fill(room=40)
    done = [5]
    for _ in range(5):
        with pytest.raises(JournalFull), closing(opened(path)) as journal:
            write_on(journal, done)

    disk.make_room()

    assert done[-1] > 5
    assert survivors(path) == done[-1]


def test_an_acknowledged_batch_is_there_though_its_checkpoint_found_no_room(path: Path, disk: Disk) -> None:
    done = [5]
    with closing(opened(path)) as journal:
        # The log is as long as it will be, and is written over: only the file itself must grow.
        journal.commit(nth(6, journal.claim(ALL)))
        journal._db.execute("pragma wal_autocheckpoint = 1")  # type: ignore[attr-defined]
        disk.fill(room=3)
        done.append(6)
        with pytest.raises(JournalFull):
            write_on(journal, done)
        disk.make_room()

    assert survivors(path) == done[-1]


@pytest.mark.parametrize("room", range(8))
def test_a_full_disk_is_told_to_whoever_opens_a_journal(path: Path, disk: Disk, room: int) -> None:
    disk.fill(room=room)

    for use in (
        lambda: open_journal(str(path), app="shop", schema_hash="other").close(),
        lambda: open_reader(str(path)).close(),
        lambda: open_journal(str(disk.folder / "new.db"), app="shop").close(),
    ):
        with pytest.raises(JournalFull) as raised:
            use()
        assert "make room on that disk" in raised.value.hint

    disk.make_room()
    assert survivors(path) == 5
    assert survivors(disk.folder / "new.db") == 0


@pytest.mark.parametrize("room", [8, 9, 10])
def test_room_to_read_is_not_yet_room_to_write(path: Path, disk: Disk, room: int) -> None:
    disk.fill(room=room)

    with closing(open_reader(str(path))) as reader:
        heads = reader.heads()
    with pytest.raises(JournalFull), closing(opened(path)) as journal:
        write(journal, 6, 9)

    assert heads == dict.fromkeys(ALL, 5)
    disk.make_room()
    assert survivors(path) == 5


def test_a_full_disk_is_told_to_whoever_locks_a_journal(path: Path, disk: Disk) -> None:
    disk.fill()

    with pytest.raises(JournalFull):
        lock_journal(str(path), "shop")

    disk.make_room()
    lock_journal(str(path), "shop").release()


# ------------------------------------------------------------ writes that fail


@pytest.mark.parametrize("size", [32768 + 4120 * n + part for n in range(1, 30, 3) for part in (0, 20, 2000)])
def test_a_write_that_fails_at_any_byte_leaves_nothing_and_the_next_goes_on(tmp_path: Path, size: int) -> None:
    path = tmp_path / "shop.db"

    def work(say: Say) -> None:
        with closing(opened(path)) as journal, closing(journal.reader()) as reader:
            done = [0]
            limit_files(size, deadly=False)
            with pytest.raises(JournalFailed) as raised:
                write_on(journal, done)
            unlimit_files()
            assert raised.value.hint
            assert contents(journal, reader) == expected(done[-1])
            write(journal, done[-1] + 1, done[-1] + 2)
            say(done[-1] + 2)

    with Child(work) as child:
        assert child.wait() == 0

    assert survivors(path) == child.said[0]


@pytest.mark.parametrize("size", [*range(0, 32768, 2500), *range(32768, 130000, 4100)])
def test_a_journal_that_can_not_be_made_can_be_made_later(tmp_path: Path, size: int) -> None:
    path = tmp_path / "shop.db"

    def work(say: Say) -> None:
        limit_files(size, deadly=False)
        with suppress(JournalError):
            opened(path).close()
        unlimit_files()
        with closing(opened(path)) as journal:
            write(journal, 1, 2)

    with Child(work) as child:
        assert child.wait() == 0

    assert survivors(path) == 2
