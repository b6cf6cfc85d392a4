"""The mailbox of one instance: its unhandled deliveries in log order, and what its host has been told."""

from collections import deque

from runtime.core.rows import Entry, InstanceRow


class Pending:
    """One delivery that is not handled yet."""

    __slots__ = ("at", "broadcast", "entry", "gen", "since")

    def __init__(self, at: int, entry: Entry | None, since: int, gen: int, broadcast: bool) -> None:
        self.at = at
        self.entry = entry
        """None: the mailbox had grown long; it is read from the journal when its turn comes."""
        self.since = since
        """Since when it has been there."""
        self.gen = gen
        """Which drain it counts for."""
        self.broadcast = broadcast


class Mailbox:
    """One instance as the router sees it.

    new → loading (its row is being read) → idle ⇄ active (its host has the state as activation number `activation`).
    The first `sent` of the queue are with the host. `activation` and `turn` together are the compare-and-set token of
    an answer: a host's turn counts only if it names both.
    """

    __slots__ = (
        "activation",
        "active",
        "address",
        "awaiting",
        "cursor",
        "deaths",
        "group",
        "held",
        "host",
        "last_broadcast",
        "live",
        "loading",
        "partition",
        "queue",
        "ready",
        "retry_at",
        "row",
        "sent",
        "suspects",
        "tries",
        "turn",
        "used",
    )

    def __init__(self, address: str, partition: int, group: str, host: str, now: int) -> None:
        self.address = address
        self.partition = partition
        self.group = group
        self.host = host
        self.queue: deque[Pending] = deque()
        self.sent = 0
        self.loading = False
        self.row: InstanceRow | None = None
        """The committed row as loaded, until its state has gone to the host."""
        self.cursor = 0
        self.live = False
        self.active = False
        self.activation = 0
        self.turn = 0
        self.tries = 0
        self.retry_at = 0
        self.held = False
        """Behind a dead letter, which is the queue's head."""
        self.ready = False
        """Stands in its host's ready queue."""
        self.deaths = 0
        """Deaths of the spare host while it had the queue's head alone."""
        self.suspects = 0
        """So many of the queue's head were with a host that died: they go to the spare host, one by one."""
        self.last_broadcast = 0
        """`at` of the newest broadcast that was put in."""
        self.awaiting = False
        """A body that it needs next is being read from the journal."""
        self.used = now

    def insert(self, pending: Pending) -> None:
        """Put in by position: nearly always at the end."""
        queue = self.queue
        if not queue or queue[-1].at < pending.at:
            queue.append(pending)
            return
        index = len(queue)
        while index and queue[index - 1].at > pending.at:
            index -= 1
        assert index >= self.sent, "a delivery before one that is already with the host"
        queue.insert(index, pending)
