"""A small disk of its own, that can be filled and made read-only. Needs the right to mount."""

import subprocess
from pathlib import Path

SIZE = "1m"
BLOCK = 4096


class NoMounts(Exception):
    """This process may not mount: says what it was told."""


class Disk:
    """A file system in memory, of 1 MiB."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"
        _run("mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder))

    def fill(self, *, room: int = 0) -> None:
        """Leave room for so many blocks."""
        with self._ballast.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * BLOCK)
            except OSError:
                file.truncate(file.tell() - room * BLOCK)

    def make_room(self) -> None:
        self._ballast.unlink()

    def make_read_only(self) -> None:
        # On the mount alone: the file system itself would refuse while files are open for writing.
        _run("mount", "-o", "remount,bind,ro", str(self.folder))

    def make_writable(self) -> None:
        _run("mount", "-o", "remount,bind,rw", str(self.folder))

    def close(self) -> None:
        _run("umount", str(self.folder))


def _run(*command: str) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise NoMounts(getattr(error, "stderr", "") or str(error)) from error
