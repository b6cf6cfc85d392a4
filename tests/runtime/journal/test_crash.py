"""A journal whose process dies at any moment holds the first batches, each whole, and all that were acknowledged."""

import shutil
import signal
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest

from .processes import Child, Say, limit_files
from .sequence import checkpoint, opened, survivors, write

LAST = 60
PAGE, FRAME_HEADER, WAL_HEADER, SECTOR = 4096, 24, 32, 512
FRAME = FRAME_HEADER + PAGE
SHARED_MEMORY = 32768
"""A `-shm` file has this size at least: under a lower limit nothing gets as far as the log."""


def files(path: Path) -> tuple[Path, Path]:
    return path, path.with_name(path.name + "-wal")


@pytest.fixture
def started(path: Path) -> Path:
    """A journal that holds three batches and was closed."""
    with closing(opened(path)) as journal:
        write(journal, 1, 3)
    return path


# ------------------------------------------------------------ real processes


@pytest.mark.parametrize("seed", range(40))
def test_killed_at_any_moment(path: Path, seed: int) -> None:
    random = Random(seed)
    acknowledged, spins, checkpoints = random.randrange(0, 30), random.randrange(0, 20000), random.randrange(2, 9)

    def work(say: Say) -> None:
        with closing(opened(path)) as journal:

            def said(n: int) -> None:
                say(n)
                if n % checkpoints == 0:
                    checkpoint(path)

            write(journal, 1, LAST, said)

    with Child(work) as child:
        while len(child.said) < acknowledged and child.hear():
            pass
        for _ in range(spins):
            pass
        child.kill()

    assert child.said == list(range(1, len(child.said) + 1))
    assert survivors(path) in (len(child.said), len(child.said) + 1)


def dies_at(path: Path, first: int, size: int, *, checkpoints: int = LAST) -> int:
    """A process dies in a write that would make one of its files larger than `size`. The last batch it acknowledged."""

    def work(say: Say) -> None:
        limit_files(size, deadly=True)
        with closing(opened(path)) as journal:

            def said(n: int) -> None:
                say(n)
                if n % checkpoints == 0:
                    checkpoint(path)

            write(journal, first, LAST, said)

    with Child(work) as child:
        ended = child.wait()

    assert ended == -signal.SIGXFSZ
    return child.said[-1] if child.said else first - 1


def limits(first: int, last: int) -> list[int]:
    """In every frame of the log: before it, in its header, in its page, one byte before its end."""
    inside = (0, 1, FRAME_HEADER, FRAME_HEADER + PAGE // 2 + 1, FRAME - 1)
    return [WAL_HEADER + FRAME * frame + part for frame in range(first, last) for part in inside]


@pytest.mark.parametrize("part", range(4))
def test_killed_at_every_write_to_the_log(started: Path, tmp_path: Path, part: int) -> None:
    acknowledged = set()
    for size in limits(8, 72)[part::4]:
        copy = Path(shutil.copy(started, tmp_path / f"{size}.db"))

        acknowledged.add(last := dies_at(copy, 4, size))

        assert survivors(copy) == last
    assert len(acknowledged) > 5


def test_killed_at_every_page_that_a_checkpoint_writes(started: Path, tmp_path: Path) -> None:
    in_checkpoints = 0
    for size in range(SHARED_MEMORY + 44 * PAGE + 1000, SHARED_MEMORY + 100 * PAGE, PAGE):
        copy = Path(shutil.copy(started, tmp_path / f"{size}.db"))

        last = dies_at(copy, 4, size, checkpoints=2)

        in_checkpoints += copy.stat().st_size == size
        assert survivors(copy) == last
    assert in_checkpoints > 20


def test_killed_while_it_is_made(tmp_path: Path) -> None:
    for size in [*range(0, SHARED_MEMORY, 2000), *limits(8, 22)]:
        path = tmp_path / f"{size}.db"

        last = dies_at(path, 1, size)

        assert survivors(path) == last


# ------------------------------------------------------------ a disk that had not yet written all


class Snapshots:
    """The two files after each batch."""

    def __init__(self, path: Path, last: int) -> None:
        self.path = path
        self.after: dict[int, tuple[bytes, bytes]] = {}
        with closing(opened(path)) as journal:
            self._take(0)
            write(journal, 1, last, self._take)

    def _take(self, n: int) -> None:
        db, wal = files(self.path)
        self.after[n] = db.read_bytes(), wal.read_bytes()

    def sizes(self) -> dict[int, int]:
        return {n: len(wal) for n, (_, wal) in self.after.items()}


def lay(folder: Path, name: object, db: bytes, wal: bytes) -> Path:
    """A journal's files as a crash has left them."""
    path = folder / f"{name}.db"
    for file, data in zip(files(path), (db, wal), strict=True):
        file.write_bytes(data)
    return path


def torn(before: bytes, after: bytes, random: Random) -> bytes:
    """A file of which some sectors were written, and others not."""
    length = random.choice((len(before), len(after), random.randint(*sorted((len(before), len(after))))))
    old, new = before.ljust(length, b"\0"), after.ljust(length, b"\0")
    cuts = range(0, length, SECTOR)
    return b"".join(random.choice((old, new))[at : at + SECTOR] for at in cuts)[:length]


def test_the_log_cut_off_anywhere(path: Path, tmp_path: Path) -> None:
    snapshots = Snapshots(path, 12)
    db, wal = snapshots.after[12]
    sizes = snapshots.sizes()
    made = sizes[0]
    cuts = {made + FRAME * n + part for n in range((len(wal) - made) // FRAME) for part in (0, 1, 24, 2000, FRAME - 1)}

    for cut in sorted(cuts | {len(wal)}):
        whole = max(n for n, size in sizes.items() if size <= cut)

        assert survivors(lay(tmp_path, cut, db, wal[:cut])) == whole


@pytest.mark.parametrize("tail", ["zeros", "noise", "a flipped bit"])
def test_the_log_ends_in_what_was_never_written(path: Path, tmp_path: Path, tail: str) -> None:
    snapshots = Snapshots(path, 12)
    db, wal = snapshots.after[12]
    random = Random(7)

    for n, size in snapshots.sizes().items():
        lost = len(wal) - size
        if tail == "a flipped bit":
            if not lost:
                continue
            flipped = bytearray(wal)
            flipped[random.randrange(size + 8, size + FRAME)] ^= 1 << random.randrange(8)
            left = bytes(flipped)
        else:
            left = wal[:size] + (bytes(lost) if tail == "zeros" else random.randbytes(lost))

        assert survivors(lay(tmp_path, n, db, left)) == n


def test_a_batch_of_which_only_some_sectors_were_written(path: Path, tmp_path: Path) -> None:
    snapshots = Snapshots(path, 20)
    random = Random(11)

    for n in range(20):
        (db, before), (_, after) = snapshots.after[n], snapshots.after[n + 1]
        for again in range(6):
            there = survivors(lay(tmp_path, f"{n}-{again}", db, torn(before, after, random)))

            assert there in (n, n + 1)


def test_a_checkpoint_of_which_only_some_sectors_were_written(path: Path, tmp_path: Path) -> None:
    random = Random(13)
    with closing(opened(path)) as journal:
        write(journal, 1, 12)
        before, wal = (file.read_bytes() for file in files(path))
        checkpoint(path)
        after = path.read_bytes()
    assert before != after

    for again in range(60):
        assert survivors(lay(tmp_path, again, torn(before, after, random), wal)) == 12


def test_a_log_that_is_written_over_holds_nothing_of_its_first_round(path: Path, tmp_path: Path) -> None:
    snapshots: list[tuple[int, bytes, bytes]] = []
    random = Random(17)
    db, wal = files(path)
    with closing(opened(path)) as journal:
        write(journal, 1, 15)
        checkpoint(path)
        longest = wal.stat().st_size
        write(journal, 16, 22, lambda n: snapshots.append((n, db.read_bytes(), wal.read_bytes())))
    assert wal.exists() is False
    assert all(len(data) == longest for _, _, data in snapshots)

    for (n, kept, before), (_, _, after) in pairwise(snapshots):
        assert survivors(lay(tmp_path, n, kept, before)) == n
        for again in range(6):
            there = survivors(lay(tmp_path, f"{n}-{again}", kept, torn(before, after, random)))

            assert there in (n, n + 1)
