"""Says what is going on while something takes longer than a second; says nothing else."""

import sys
import threading
from types import TracebackType
from typing import TextIO

from rich.console import Console
from rich.status import Status

PATIENCE = 1.0
"""Seconds that a step may take before it is worth a line."""


class Progress:
    """The steps of something slow, on stderr: a spinner on a terminal, a line elsewhere."""

    def __init__(self, quiet: bool, stream: TextIO | None = None, patience: float = PATIENCE) -> None:
        self._quiet = quiet
        self._patience = patience
        self._console = Console(file=stream or sys.stderr, highlight=False)
        self._timer: threading.Timer | None = None
        self._status: Status | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._end_step()

    def step(self, what: str) -> None:
        """The step before is over; this one has begun."""
        self._end_step()
        if not self._quiet:
            self._timer = threading.Timer(self._patience, self._show, (what,))
            self._timer.daemon = True
            self._timer.start()

    def say(self, text: str) -> None:
        """Print a line, however short the steps are."""
        if not self._quiet:
            self._console.print(text, markup=False, soft_wrap=True)

    def update(self, what: str) -> None:
        """How far the step has come: on a terminal, if it is shown."""
        with self._lock:
            if self._status is not None:
                self._status.update(f"{what} ...")

    def end(self) -> None:
        """What was slow is over; what follows speaks for itself."""
        self._end_step()

    def _show(self, what: str) -> None:
        with self._lock:
            if self._timer is None:
                return
            if self._console.is_terminal:
                self._status = self._console.status(f"{what} ...")
                self._status.start()
            else:
                self._console.print(f"trunkline: {what} ...", markup=False)

    def _end_step(self) -> None:
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if self._status is not None:
                self._status.stop()
                self._status = None
