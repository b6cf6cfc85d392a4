"""A small disk that can be filled."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from .journal.disks import Disk, NoMounts


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    try:
        disk = Disk(folder)
    except NoMounts as error:
        pytest.skip(f"needs the right to mount a tmpfs (root in a container with SYS_ADMIN): {error}")
    yield disk
    disk.close()
