"""What crosses a simulated link besides the core's own messages: greetings, tickets, and what is wished for."""

from runtime.core.messages import PublishBatch, PublishReply, Wire


class Hello(Wire, frozen=True):
    """A router greets a host or the gateways: from now on this link is the only one."""

    incarnation: int
    """An older router's is refused."""


class Welcome(Wire, frozen=True):
    """The answer to `Hello`: empty, and ready. What comes before it on a link answers an older greeting."""

    incarnation: int


class Publishing(Wire, frozen=True):
    """A client's batch; the ticket comes back with the reply."""

    ticket: int
    batch: PublishBatch


class Published(Wire, frozen=True):
    ticket: int
    reply: PublishReply


class NotWritten(Wire, frozen=True):
    """There was no room for what came under this ticket."""

    ticket: int


class Replied(Wire, frozen=True):
    """The first event of the awaited types."""

    root: int
    type: str
    id: int


class Draining(Wire, frozen=True):
    ticket: int
    timers: bool


class DrainOver(Wire, frozen=True):
    ticket: int


class Decide(Wire, frozen=True):
    """An operator says what becomes of a dead letter."""

    at: int
    address: str
    retry: bool


class DecisionMade(Wire, frozen=True):
    done: bool


class Supervising(Wire, frozen=True):
    """A supervisor greets a router, to be told which hosts it needs."""


class Needed(Wire, frozen=True):
    """A router needs this host."""

    name: str


class NotNeeded(Wire, frozen=True):
    """A router needs this host no longer."""

    name: str


class Claiming(Wire, frozen=True):
    """A supervisor wants an epoch."""

    ticket: int


class Claimed(Wire, frozen=True):
    ticket: int
    epoch: int
    started: int
    """The app's first start."""
    taken: dict[str, int]
    """The last moment taken of each schedule."""


class AskingTaken(Wire, frozen=True):
    """A supervisor's tick was refused: which moments were taken?"""

    ticket: int


class TakenSoFar(Wire, frozen=True):
    ticket: int
    taken: dict[str, int]
