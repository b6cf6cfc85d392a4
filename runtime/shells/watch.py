"""The router's eye on the supervisor: Ray restarts one that has died, and does not notice one that is stopped."""

import asyncio
import os
import signal
import sys
from contextlib import suppress

from runtime.core.supervisor import ping_every
from runtime.shells.link import Peer


class Watch:
    """Ends a supervisor that is connected and says nothing, so that Ray starts another."""

    def __init__(self, app: str, patience: float) -> None:
        self._app = app
        self._patience = patience
        self.supervisor: Peer | None = None
        self._silence = 0.0
        """Seconds without a word, as far as this process was there to hear it."""

    def connected(self, peer: Peer) -> None:
        """It is there; an older one is watched no longer."""
        self.supervisor = peer
        self._silence = 0.0

    def heard(self, peer: Peer) -> None:
        if peer is self.supervisor:
            self._silence = 0.0

    def lost(self, peer: Peer) -> None:
        if peer is self.supervisor:
            self.supervisor = None

    async def run(self) -> None:
        every = ping_every(self._patience)
        while True:
            await asyncio.sleep(every)
            # Counted, not measured: when this process itself stood still, nobody is late.
            self._silence += every
            peer = self.supervisor
            if peer is not None and peer.hello is not None and self._silence > self._patience:
                print(f"router {self._app}: the supervisor is silent; ending its process", file=sys.stderr, flush=True)
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(int(peer.hello.name), signal.SIGKILL)
                peer.close()
                self.supervisor = None
