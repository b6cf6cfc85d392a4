"""A router's hosts: their links, and what it asks of the supervisors that start and end their processes."""

import asyncio

import msgspec

from runtime.core.messages import Answer, encode
from runtime.core.router import RouterCore
from runtime.shells.clock import Clock
from runtime.shells.link import Kind, Peer

ASK_AGAIN_S = 1.0
"""Between two wishes for a host that is needed and not there."""
_ANSWER = msgspec.msgpack.Decoder(Answer)


class Hosts:
    """Between the core and the hosts."""

    def __init__(self, clock: Clock) -> None:
        self.core: RouterCore
        self._clock = clock
        self._peers: dict[str, Peer] = {}
        self._number = 0
        self._numbers: dict[Peer, int] = {}
        """Which of its lives each is in: what an earlier one says means nothing."""
        self._supervisors: list[Peer] = []
        """Mostly one; a second one for a while, when the first was taken for dead."""
        self._asking: asyncio.TimerHandle | None = None
        self._app_ends = False

    def names(self) -> list[str]:
        """Those that are there."""
        return sorted(self._peers)

    # ------------------------------------------------------------ links

    def connected(self, name: str, peer: Peer) -> None:
        old = self._peers.get(name)
        if old is not None:
            self._end(name, old)
        self._peers[name] = peer
        self._reset(name, peer)

    def lost(self, name: str, peer: Peer) -> None:
        self._numbers.pop(peer, None)
        if self._peers.get(name) is peer:
            del self._peers[name]
            if not self._app_ends:
                self.core.host_lost(name, self._clock.now())

    def begin_anew(self, core: RouterCore) -> None:
        """The core starts again from the journal; the links stay, and what they hold is void."""
        self.core = core
        for name, peer in self._peers.items():
            self._reset(name, peer)

    def app_ends(self) -> None:
        """They are ended from now on: they do not die of what they were handling."""
        self._app_ends = True

    def close(self) -> None:
        for peer in [*self._peers.values(), *self._supervisors]:
            peer.close()

    def _reset(self, name: str, peer: Peer) -> None:
        self._number += 1
        self._numbers[peer] = self._number
        peer.send(Kind.RESET, self._number)
        self.core.host_up(name)

    def _end(self, name: str, peer: Peer) -> None:
        self.lost(name, peer)
        peer.close()

    # ------------------------------------------------------------ turns

    def deliver(self) -> None:
        """Send each what it may have now."""
        for name, batch in self.core.take_deliveries():
            peer = self._peers.get(name)
            if peer is not None:
                peer.send(Kind.DELIVER, self._numbers[peer], encode(batch))

    def answered(self, peer: Peer, number: int, payload: bytes, now: int) -> None:
        if self._numbers.get(peer) == number and peer.hello is not None:
            self.core.answer(peer.hello.name, _ANSWER.decode(payload), now)

    # ------------------------------------------------------------ supervisors

    def supervised_by(self, peer: Peer) -> None:
        """It hears from now on which hosts are needed."""
        self._supervisors.append(peer)
        # Those that are there as well: it is to start them again should they die when nobody else is left to.
        self._ask_for(self.core.needed_hosts())

    def unsupervised_by(self, peer: Peer) -> None:
        self._supervisors.remove(peer)

    def start_and_release(self) -> None:
        """Say which are needed, and which no longer."""
        for name in self.core.take_releases():
            self._tell(Kind.RELEASE, name)
            peer = self._peers.get(name)
            if peer is not None:
                # Should it be needed again, that is another process.
                self._end(name, peer)
        self._ask_for(self.core.take_hosts())

    def _ask_for(self, names: list[str]) -> None:
        """Ask until they are there: a supervisor may die that was asked, and the next one not find them."""
        for name in names:
            self._tell(Kind.START, name)
        if names and self._asking is None:
            self._asking = asyncio.get_running_loop().call_later(ASK_AGAIN_S, self._ask_again)

    def _ask_again(self) -> None:
        self._asking = None
        if not self._app_ends:
            self._ask_for(self.core.missing_hosts())

    def _tell(self, kind: Kind, name: str) -> None:
        for supervisor in self._supervisors:
            supervisor.send(kind, 0, name.encode())
