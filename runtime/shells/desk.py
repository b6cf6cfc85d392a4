"""What clients, tools and the supervisor ask of a router, and what each is told when it is durable."""

import os
from typing import Any, NamedTuple

import msgspec

from actors.errors import TrunklineError
from runtime.core.messages import PublishBatch, PublishReply, Taken, Wire, encode
from runtime.core.router import RouterCore
from runtime.core.rows import Entry, KeyRow
from runtime.core.staging import Decided, Drained, Known, RequestReply
from runtime.journal import Journal
from runtime.shells.link import Kind, Peer, packed_error
from runtime.shells.reads import Reads

_PUBLISH = msgspec.msgpack.Decoder(PublishBatch)
_LETTER = msgspec.msgpack.Decoder(tuple[int, str])


class RequestAnswer(Wire, frozen=True):
    """What a request led to: the publish's result, and the reply event if there is one."""

    reply: PublishReply
    entry: Entry | None


class Ticket(NamedTuple):
    """A question whose answer must wait until something is durable."""

    peer: Peer
    number: int
    op: str
    payload: bytes


class Desk:
    """Takes questions, remembers who waits for what, and answers."""

    def __init__(self, journal: Journal, reads: Reads, place: str) -> None:
        self.core: RouterCore
        self._journal = journal
        self._reads = reads
        self._place = place
        self._tickets: dict[int, Ticket] = {}
        self._requests: dict[int, PublishReply] = {}
        self._next = 0

    def asked(self, peer: Peer, number: int, op: str, payload: bytes, now: int, hosts: list[str]) -> None:
        """One question.

        Raises:
            TrunklineError: nobody knows such a question.
        """
        core = self.core
        if op in ("publish", "request"):
            batch = _PUBLISH.decode(payload)
            ticket = self._ticket(Ticket(peer, number, op, payload if op == "request" else b""))
            core.publish(ticket, batch, now, self._keys(batch), self._sent(batch))
        elif op == "drain":
            core.drain(self._ticket(Ticket(peer, number, op, payload)), payload == b"timers")
        elif op in ("retry", "skip"):
            at, address = _LETTER.decode(payload)
            ticket = self._ticket(Ticket(peer, number, op, payload))
            (core.retry if op == "retry" else core.skip)(ticket, at, address, now)
        elif op == "has":
            ticket = self._ticket(Ticket(peer, number, op, b""))
            if not core.writes_key(ticket, payload):
                del self._tickets[ticket]
                peer.send(Kind.REPLY, number, encode(bool(self._journal.keys([payload]))))
        elif op == "read":
            self._reads.read(payload, lambda kind, answer: peer.send(kind, number, answer))
        elif op == "status":
            status: dict[str, Any] = {"hosts": hosts, "pid": os.getpid(), "where": core.where(), "journal": self._place}
            peer.send(Kind.REPLY, number, encode(core.stats() | status))
        elif op == "schedules":
            peer.send(Kind.REPLY, number, encode(core.schedules()))
        else:
            raise TrunklineError(f"a router knows no operation {op!r}", hint="client and runtime differ in version.")

    def tell(self) -> None:
        """Answer all whose answer is durable now."""
        for number, reply in self.core.take_replies():
            held = self._tickets.get(number)
            if held is None:
                continue
            if isinstance(reply, PublishReply):
                if held.op == "request" and not reply.refused and reply.results[0][0] in (Taken.NEW, Taken.REPEATED):
                    self._requests[number] = reply
                    if reply.results[0][0] == Taken.REPEATED:
                        self._reply_of_old(number, held)
                    continue
                answer = encode(reply) if held.op == "publish" else encode(RequestAnswer(reply, None))
            elif isinstance(reply, RequestReply):
                if self._requests[number].results[0][0] == Taken.REPEATED:
                    # What is recorded now need not be the first: that one may be read just now.
                    self._reply_of_old(number, held)
                    continue
                answer = encode(RequestAnswer(self._requests.pop(number), reply.entry))
            elif isinstance(reply, Decided):
                answer = encode(reply.done)
            elif isinstance(reply, Known):
                answer = encode(True)
            else:
                assert isinstance(reply, Drained)
                answer = b""
            del self._tickets[number]
            held.peer.send(Kind.REPLY, held.number, answer)

    def lost(self, peer: Peer) -> None:
        """Who asked has gone."""
        for number in [t for t, held in self._tickets.items() if held.peer is peer]:
            self._drop(number)

    def _drop(self, ticket: int) -> None:
        del self._tickets[ticket]
        self._requests.pop(ticket, None)
        self.core.cancel(ticket)

    def forget(self, peer: Peer, number: int) -> None:
        """Who asked this waits no longer."""
        for ticket in [t for t, held in self._tickets.items() if held.peer is peer and held.number == number]:
            self._drop(ticket)

    def clear(self, refusal: TrunklineError | None) -> list[Ticket]:
        """A commit failed: what was asked is answered by `refusal`, or is to be asked again over a new link.

        Returns:
            Those who wait for a drain; they go on waiting.
        """
        tickets, self._tickets = self._tickets, {}
        self._requests.clear()
        for held in tickets.values():
            if held.op == "drain":
                continue
            if refusal is not None:
                held.peer.send(Kind.ERROR, held.number, packed_error(refusal))
            else:
                # Its client sends again over a new link, and what was taken is recognised.
                held.peer.close()
        return [held for held in tickets.values() if held.op == "drain"]

    def drain_again(self, drains: list[Ticket]) -> None:
        """After a new start from the journal."""
        for held in drains:
            self.core.drain(self._ticket(held), held.payload == b"timers")

    def _ticket(self, ticket: Ticket) -> int:
        self._next += 1
        self._tickets[self._next] = ticket
        return self._next

    def _reply_of_old(self, number: int, held: Ticket) -> None:
        """A request whose key was taken before: its reply may have been recorded long ago."""
        root = self._requests[number].results[0][1]
        types = _PUBLISH.decode(held.payload).await_types

        def found(entry: Entry | None) -> None:
            if entry is not None and number in self._requests:
                answer = RequestAnswer(self._requests.pop(number), entry)
                self.core.cancel(number)
                del self._tickets[number]
                held.peer.send(Kind.REPLY, held.number, encode(answer))

        self._reads.of_root(root, types, found)

    def _keys(self, batch: PublishBatch) -> dict[bytes, KeyRow]:
        wanted = self.core.wants_keys(batch)
        return self._journal.keys(wanted) if wanted else {}

    def _sent(self, batch: PublishBatch) -> dict[tuple[int, int], int]:
        found = {}
        for partition, client, seqs, last in self.core.wants_sent(batch):
            for seq, id in self._journal.find_sent(partition, client, seqs, last).items():
                found[partition, seq] = id
        return found


__all__ = ["Desk", "RequestAnswer", "Ticket"]
