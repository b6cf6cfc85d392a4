"""The runtime's errors: one tree under `TrunklineError`.

TrunklineError
├── Overloaded            not taken: publish again later
├── OutcomeUnknown        may have been taken: ask `has`
├── KeyReused             an idempotency key with another payload
├── RequestTimeout        published, but no reply in time
├── DrainTimeout          still work under way
├── AlreadyRunning        the journal is in use: attach
├── NotRunning            nothing to attach to, or closed
├── NodeLost              the embedded runtime's node died
├── Unreachable           a question found nobody to answer it in time
├── StartFailed           the runtime's processes did not come up
├── CodeError             the app's code does not reach them, or is not the same there
├── EventRejected         a malformed or unpublishable event (in `actors.errors`)
└── JournalError
    ├── Fenced            another owner has taken the partition
    ├── JournalFull       no space left
    ├── JournalReadOnly   the file can't be written
    ├── JournalMismatch   another app's, or of a newer version
    ├── JournalLost       its file was deleted, moved or replaced
    └── JournalFailed     anything else the store said
"""

from actors.errors import TrunklineError


class Overloaded(TrunklineError):
    """The event was not taken, as the runtime was full, or starting again, for the whole timeout: publish it later."""


class OutcomeUnknown(TrunklineError):
    """The event was sent, and no answer came in time: it may have been taken.

    Ask `has`, or publish it again under the same idempotency key.
    """


class KeyReused(TrunklineError):
    """The idempotency key was used before, with another payload."""


class RequestTimeout(TrunklineError):
    """The event was sent, and may have been taken; no reply came in time. It may still come."""


class DrainTimeout(TrunklineError):
    """Events were still under way when the time was over."""


class AlreadyRunning(TrunklineError):
    """The app runs already, or another one on this journal: `attach` joins it."""


class NotRunning(TrunklineError):
    """No app of this name runs on this cluster, or this runtime of it is closed."""


class NodeLost(TrunklineError):
    """The Ray node that held the runtime died: start the app again on its journal, nothing acknowledged is lost."""


class Unreachable(TrunklineError):
    """The runtime did not answer a question in time. Nothing was changed by asking."""


class StartFailed(TrunklineError):
    """The runtime's processes did not come up."""


class CodeError(TrunklineError):
    """The app's code can't be sent to the processes that are to run it, or loaded there, or is another one there."""

    def __init__(self, message: str, *, module: str = "", hint: str = "") -> None:
        self.module = module
        """The module that was not found there, if that is why."""
        super().__init__(message, hint=hint)


class JournalError(TrunklineError):
    """Base of what a journal says."""


class Fenced(JournalError):
    """Another owner has taken these partitions: this one must stop writing."""

    def __init__(self, partitions: tuple[int, ...]) -> None:
        self.partitions = partitions
        super().__init__(
            f"partitions {', '.join(map(str, partitions))} have a newer owner",
            hint="nothing to do: the newer owner goes on from the journal.",
        )


class JournalFull(JournalError):
    """The disk has no room; nothing of the batch was written. With room, publish it again."""


class JournalReadOnly(JournalError):
    """The journal's file or folder can't be written."""


class JournalMismatch(JournalError):
    """The journal belongs to another app, or was written by a newer Trunkline."""


class JournalLost(JournalError):
    """The journal's file was deleted, moved or replaced while an app ran on it: nothing more is taken."""


class JournalFailed(JournalError):
    """The store failed in some other way; its message follows."""
