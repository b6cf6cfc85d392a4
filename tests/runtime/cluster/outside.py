"""The world that gateways talk to: one socket, what was asked of it, and how it answers."""

import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

PATIENCE = 60.0
"""Seconds after which a call that a test waits for will not come."""


class Asked(NamedTuple):
    """One call as it arrived."""

    who: str
    """The player it is about."""
    key: str
    """The idempotency key that came with it."""
    what: str


Answers = Callable[[Asked], str]
"""What to say to a call; it may wait before it does. An empty text breaks the line without an answer."""


class Outside:
    """What has been asked, in order, and what will be answered."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self.asked: list[Asked] = []
        self.arrived: Queue[Asked] = Queue()
        self.answers: Answers = lambda asked: "yes"

    def of(self, who: str) -> list[Asked]:
        """The calls about one player."""
        return [asked for asked in self.asked if asked.who == who]

    def next(self) -> Asked:
        """The next call, as soon as it has arrived."""
        return self.arrived.get(timeout=PATIENCE)


class _Call(socketserver.StreamRequestHandler):
    server: "_Server"

    def handle(self) -> None:
        outside = self.server.outside
        asked = Asked(**json.loads(self.rfile.readline()))
        with self.server.order:
            outside.asked.append(asked)
            outside.arrived.put(asked)
        self.wfile.write(outside.answers(asked).encode())


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, outside: Outside) -> None:
        self.outside = outside
        self.order = threading.Lock()
        super().__init__(outside.path, _Call)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who asked did not wait for the answer."""


@contextmanager
def outside_world() -> Iterator[Outside]:
    """One that answers from here on."""
    # A socket's path is short, and a test's own folder may not be.
    with TemporaryDirectory(prefix="outside-") as folder:
        outside = Outside(Path(folder) / "sock")
        with _Server(outside) as server:
            thread = threading.Thread(target=server.serve_forever, daemon=True)
            thread.start()
            yield outside
            server.shutdown()
            thread.join()
