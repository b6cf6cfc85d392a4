"""What the next commit will write, and what may be said once it is durable.

Inputs are staged as they come. `begin` moves the stage into the one commit that may be under way; what arrives
meanwhile gathers on a fresh stage. Nothing that tells the outside world of an effect leaves before `committed`.
"""

from dataclasses import dataclass, field

from runtime.core.messages import Call, PublishReply
from runtime.core.rows import Batch, Entry, KeyRow


@dataclass(frozen=True, slots=True)
class Drained:
    """All that a drain waited for is handled, parked or held, durably."""


@dataclass(frozen=True, slots=True)
class RequestReply:
    """The first event of the awaited types that a request led to."""

    entry: Entry


@dataclass(frozen=True, slots=True)
class Decided:
    """A dead letter is retried or skipped, durably; not `done`: there was none."""

    done: bool


@dataclass(frozen=True, slots=True)
class Known:
    """An idempotency key that was asked for while it was being written is durable."""


Reply = PublishReply | Drained | RequestReply | Decided | Known


@dataclass(slots=True)
class Stage:
    """One batch in the making."""

    batch: Batch = field(default_factory=Batch.empty)
    partitions: set[int] = field(default_factory=set)
    replies: list[tuple[int, Reply]] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    keys: dict[bytes, KeyRow] = field(default_factory=dict)
    sent: dict[tuple[int, str, int], int] = field(default_factory=dict)
    """(partition, client, seq) → id, for a resend that arrives before the commit."""


class Staging:
    """The stage, the commit under way, and what has become sayable."""

    def __init__(self) -> None:
        self.stage = Stage()
        self.committing: Stage | None = None
        self._replies: list[tuple[int, Reply]] = []
        self._calls: list[Call] = []

    def key(self, key: bytes) -> KeyRow | None:
        """An idempotency key that was taken but is not yet durable."""
        row = self.stage.keys.get(key)
        if row is None and self.committing is not None:
            row = self.committing.keys.get(key)
        return row

    def sent(self, partition: int, client: str, seq: int) -> int | None:
        found = self.stage.sent.get((partition, client, seq))
        if found is None and self.committing is not None:
            found = self.committing.sent.get((partition, client, seq))
        return found

    def writes(self, address: str) -> bool:
        """Is there a row of this instance that is not durable yet?"""
        batch = self.stage.batch
        if address in batch.instances or address in batch.cursors:
            return True
        if self.committing is None:
            return False
        batch = self.committing.batch
        return address in batch.instances or address in batch.cursors

    def holds_entries(self) -> bool:
        """Are there entries that are not durable yet?"""
        return bool(self.stage.batch.entries or (self.committing is not None and self.committing.batch.entries))

    def begin(self) -> Batch | None:
        """The stage becomes the commit under way. None: one is under way already, or there is nothing to write."""
        if self.committing is not None:
            return None
        stage = self.stage
        if not stage.batch:
            self._say(stage)
            stage.replies, stage.calls = [], []
            return None
        self.committing, self.stage = stage, Stage()
        return stage.batch

    def committed(self) -> None:
        assert self.committing is not None, "no commit is under way"
        self._say(self.committing)
        self.committing = None

    def _say(self, stage: Stage) -> None:
        self._replies += stage.replies
        self._calls += stage.calls

    def take_replies(self) -> list[tuple[int, Reply]]:
        replies, self._replies = self._replies, []
        return replies

    def take_calls(self) -> list[Call]:
        calls, self._calls = self._calls, []
        return calls
