"""A link between two processes, on the event loops that Ray may run."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
import uvloop

from runtime.shells.link import ClientLink, Hello, Kind, Peer, listen


class Owner:
    """Sends back what it is sent."""

    token = "secret"

    def __init__(self) -> None:
        self.lost_peers = 0

    def connected(self, peer: Peer) -> None:
        pass

    def received(self, peer: Peer, kind: int, number: int, payload: bytes) -> None:
        peer.send(Kind.CALL, number, payload)

    def lost(self, peer: Peer) -> None:
        self.lost_peers += 1


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_frames_go_both_ways_on_any_event_loop(loop: Callable[[], asyncio.AbstractEventLoop], tmp_path: Path) -> None:
    async def main() -> list[tuple[int, bytes]]:
        heard: asyncio.Queue[tuple[int, bytes]] = asyncio.Queue()
        server = await listen(Owner(), str(tmp_path / "s"))
        link = await ClientLink.connect(
            str(tmp_path / "s"),
            Hello("gateways", "1", "secret"),
            lambda _, number, body: heard.put_nowait((number, body)),
        )
        for number in range(3):
            link.send(Kind.CALL, number, b"x" * number)
        answers = [await heard.get() for _ in range(3)]
        link.close()
        server.close()
        return answers

    with asyncio.Runner(loop_factory=loop) as runner:
        answers = runner.run(main())

    assert answers == [(0, b""), (1, b"x"), (2, b"xx")]
