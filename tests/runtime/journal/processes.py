"""Work done in a process of its own, that may be killed at any moment."""

import os
import resource
import signal
import struct
import traceback
from collections.abc import Callable
from typing import Self

NUMBER = struct.Struct("<i")
NOBODY = 65534
Say = Callable[[int], None]


class Child:
    """A fork of this process. What it says are numbers; they arrive even if it is killed right after."""

    def __init__(self, work: Callable[[Say], None]) -> None:
        self._read, write = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            code = 1
            try:
                os.close(self._read)
                work(lambda n: assert_whole(os.write(write, NUMBER.pack(n))))
                code = 0
            except BaseException:
                traceback.print_exc()
            finally:
                # Nothing of the test runner may run here: no fixtures, no reports.
                os._exit(code)
        os.close(write)
        self.said: list[int] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *why: object) -> None:
        if self.pid:
            self.kill()

    def hear(self) -> bool:
        """Wait for the next number, to be appended to `said`. False: it has ended."""
        data = os.read(self._read, NUMBER.size)
        if data:
            self.said.append(*NUMBER.unpack(data))
        return bool(data)

    def kill(self) -> int:
        os.kill(self.pid, signal.SIGKILL)
        return self.wait()

    def wait(self) -> int:
        """Hear all that it has said, and give how it ended: its exit code, or minus the signal that killed it."""
        while self.hear():
            pass
        os.close(self._read)
        _, status = os.waitpid(self.pid, 0)
        self.pid = 0
        return os.waitstatus_to_exitcode(status)


def assert_whole(written: int) -> None:
    assert written == NUMBER.size


def limit_files(size: int, *, deadly: bool) -> None:
    """From now on no file of this process grows beyond `size`: a write is cut off at that very byte.

    The next one kills the process if `deadly`, else it fails.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL if deadly else signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def unlimit_files() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def stay(say: Say) -> None:
    """Say that one is there, and stay until one is killed."""
    say(1)
    while True:
        signal.pause()


def be_nobody() -> None:
    """Give up what root may do, if this process is root's."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
