"""What an app with lifetime "driver" lives by: its driver's links to the supervisors."""

import os
import threading
from contextlib import suppress

from runtime.shells.folders import DRIVER
from runtime.shells.link import BlockingLink, Hello, LinkLost

LOOK_EVERY = 0.5
"""Seconds. A supervisor waits longer for its driver (`DRIVER_GRACE_S`)."""


class Lifeline:
    """Held by the driver: when it breaks for good, the app ends. Goes with this process, however it ends.

    A supervisor that was taken for dead may go on beside its successor, and each of them ends the app when its driver
    is gone: a link to every one is held. Each listens on a socket of its own, which replaces the one before it.
    """

    def __init__(self, folder: str, token: str) -> None:
        self._path = os.path.join(folder, DRIVER)
        self._hello = Hello("driver", str(os.getpid()), token)
        self._closed = threading.Event()
        self._links: list[BlockingLink] = []
        self._thread = threading.Thread(target=self._hold, name="trunkline-lifeline", daemon=True)
        self._thread.start()

    def _hold(self) -> None:
        held: tuple[int, int] | None = None
        while not self._closed.is_set():
            # No socket: the app has ended. Nobody listens: the supervisor has died, and its successor will.
            with suppress(OSError, LinkLost):
                found = os.stat(self._path)
                if (found.st_ino, found.st_mtime_ns) != held:
                    self._links.append(BlockingLink(self._path, self._hello))
                    held = (found.st_ino, found.st_mtime_ns)
            self._closed.wait(LOOK_EVERY)
        for link in self._links:
            link.close()

    def close(self) -> None:
        self._closed.set()
