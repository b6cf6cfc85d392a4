"""A host's process: a thread that receives deliveries, runs their turns, sends the answers; a watchdog beside it."""

import faulthandler
import os
import sys
import threading
import time
from typing import Any

import msgspec

from runtime.core.host import HostCore
from runtime.core.messages import DeliverBatch, encode
from runtime.shells.clock import steady
from runtime.shells.code import load_app
from runtime.shells.link import BlockingLink, Hello, Kind, LinkLost

TURN_LIMIT = 30.0
"""Seconds that a turn may take."""
RECONNECT = 0.05
"""Seconds between two attempts to reach a router that is not there."""


class HostShell:
    """One host. Its links come and go; each begins with an empty core."""

    def __init__(
        self,
        name: str,
        code: bytes,
        schema_hash: str,
        partitions: int,
        path: str,
        token: str,
        *,
        run_on: bool = True,
        turn_limit: float = TURN_LIMIT,
    ) -> None:
        app = load_app(code, schema_hash)
        self.name = name
        self._core = HostCore(app.catalogue, partitions, run_on=run_on, app=app.name, clock=steady)
        self._path = path
        self._hello = Hello("host", name, token)
        self._limit = turn_limit
        self._decode = msgspec.msgpack.Decoder(DeliverBatch).decode
        self._stop = threading.Event()
        threading.Thread(target=self._work, name="turns", daemon=True).start()
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def _work(self) -> None:
        while not self._stop.is_set():
            try:
                link = BlockingLink(self._path, self._hello)
            except LinkLost:
                self._stop.wait(RECONNECT)
                continue
            try:
                self._serve(link)
            except LinkLost:
                pass
            except BaseException:
                # A bug of ours, or a handler that ended its thread: the process goes, and the router finds the culprit.
                import traceback

                traceback.print_exc()
                sys.stderr.flush()
                os._exit(1)
            finally:
                link.close()
                self._core.reset()

    def _serve(self, link: BlockingLink) -> None:
        incarnation = 0
        core = self._core
        while True:
            kind, number, payload = link.receive()
            if kind == Kind.RESET:
                core.reset()
                incarnation = number
            elif kind == Kind.DELIVER and number == incarnation:
                answer = core.deliver(self._decode(payload))
                link.send(Kind.ANSWER, incarnation, encode(answer))

    def _watch(self) -> None:
        """End the process when one turn takes too long: no other way stops a handler that does not return."""
        seen: Any = None
        since = 0.0
        while not self._stop.wait(self._limit / 10):
            current = self._core.current
            if current is None or current != seen:
                seen, since = current, time.monotonic()
            elif time.monotonic() - since > self._limit:
                address, event, at, _ = current
                print(
                    f"host {self.name}: {address} has handled {event} ({at >> 40}-{at & ((1 << 40) - 1)}) for over "
                    f"{self._limit:g} s; ending the process. Its stacks:",
                    file=sys.stderr,
                    flush=True,
                )
                faulthandler.dump_traceback(file=sys.stderr, all_threads=True)
                os._exit(1)

    def stop(self) -> None:
        self._stop.set()
