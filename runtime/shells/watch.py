"""The children's eye on their supervisor: Ray restarts one that has died, and does not notice one that is stopped."""

import asyncio
import os
import signal
import sys
from contextlib import suppress

from runtime.core.supervisor import ping_every


class Watch:
    """Ends a supervisor that has started or pinged this process and then falls silent, so that Ray starts another.

    Made in the loop that hears the pings: while that is busy, it counts no silence.
    """

    def __init__(self, patience: float, supervisor: int) -> None:
        self._patience = patience
        self._supervisor = 0
        self._handle: int | None = None
        """Means that process and no other, even when its id is given away again."""
        self._silence = 0.0
        """Seconds without a ping, as far as this process was there to hear it."""
        self.pinged(supervisor)
        self._task = asyncio.get_running_loop().create_task(self._count())

    def pinged(self, supervisor: int) -> None:
        """The supervisor with this process id lives."""
        self._silence = 0.0
        if supervisor != self._supervisor:
            self._forget()
            with suppress(ProcessLookupError):
                self._handle = os.pidfd_open(supervisor)
                self._supervisor = supervisor

    async def _count(self) -> None:
        every = ping_every(self._patience)
        while True:
            await asyncio.sleep(every)
            # Counted, not measured: when this process itself stood still, nobody is late.
            self._silence += every
            if self._handle is not None and self._silence > self._patience:
                print(f"supervisor {self._supervisor} is silent; ending its process", file=sys.stderr, flush=True)
                with suppress(ProcessLookupError, PermissionError):
                    signal.pidfd_send_signal(self._handle, signal.SIGKILL)
                self._forget()

    def end(self) -> None:
        """Look no longer: this process ends."""
        self._task.cancel()
        self._forget()

    def _forget(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
        self._handle, self._supervisor = None, 0
