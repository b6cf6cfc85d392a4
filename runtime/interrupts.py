"""Ctrl-C (SIGINT) where something begins or ends that can't be broken off without leaving processes behind.

Ray, broken off while it starts, leaves agents of its node behind for a minute, or dies of SIGSEGV at the exit; and
whoever presses Ctrl-C does so again when nothing seems to happen. Python raises `KeyboardInterrupt` in the main thread
only: in another one nothing is done here.
"""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

PATIENCE = 20.0
"""Seconds after the first Ctrl-C until another takes effect at once. Ray starts in 2 to 10 s, an app ends in 1 to 3."""

Handler = Callable[[int, FrameType | None], object]


@dataclass(slots=True)
class _State:
    """Of all blocks of this process: coroutines may enter and leave theirs in any order."""

    usual: Handler
    blocks: int = 0
    holding: int = 0
    held: bool = False
    first: float | None = None
    """When Ctrl-C was first pressed in these blocks, as `time.monotonic` has it."""
    said: str = ""

    def handle(self, number: int, frame: FrameType | None) -> None:
        if self.first is None:
            self.first = time.monotonic()
            if self.holding:
                self.held = True
                if self.said:
                    # Past `sys.stderr`: whoever was interrupted may be in the middle of writing to it.
                    os.write(2, f"\n{self.said}\n".encode())
                return
        elif time.monotonic() - self.first < PATIENCE:
            return
        self.held = False
        self.usual(number, frame)


_state: _State | None = None


@contextmanager
def held_back(said: str = "") -> Iterator[None]:
    """Let Ctrl-C in this block take effect at its end. `said` goes to stderr when it is pressed."""
    with _entered() as state:
        if state is None:
            yield
            return
        state.holding += 1
        state.said = said
        try:
            yield
        finally:
            state.holding -= 1
            state.said = ""
        if state.held and not state.holding:
            state.held = False
            state.usual(signal.SIGINT, None)


@contextmanager
def once() -> Iterator[None]:
    """Let the first Ctrl-C in this block take effect, and others none: it ends, which takes a moment."""
    with _entered():
        yield


@contextmanager
def _entered() -> Iterator[_State | None]:
    global _state
    if threading.current_thread() is not threading.main_thread():
        yield None
        return
    if _state is None:
        usual = signal.getsignal(signal.SIGINT)
        if not callable(usual):
            yield None
            return
        _state = _State(usual)
        signal.signal(signal.SIGINT, _state.handle)
    state = _state
    state.blocks += 1
    try:
        yield state
    finally:
        state.blocks -= 1
        if not state.blocks:
            _state = None
            signal.signal(signal.SIGINT, state.usual)


__all__ = ["held_back", "once"]
