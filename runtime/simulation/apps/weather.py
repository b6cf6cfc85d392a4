"""What the apps of a simulation let go wrong: the one thing in their handlers that is no function of state and event.

A turn that fails leaves no trace, so whether and how often it fails may not change any result. The world sets these
before each step; the reference replay leaves them calm.
"""

from collections.abc import Callable


class HostKilled(BaseException):
    """A handler has killed its process. Only the simulated host catches it."""


class Weather:
    """Whether a flaky handler fails this time, and whether a deadly one kills."""

    def __init__(self) -> None:
        self.calm()

    def calm(self) -> None:
        """Nothing goes wrong any more."""
        self.fails: Callable[[], bool] = lambda: False
        self.kills: Callable[[], bool] = lambda: False

    def flaky(self) -> None:
        """Called by handlers that may fail."""
        if self.fails():
            raise ConnectionError("bad weather")

    def deadly(self) -> None:
        """Called by handlers that may kill their process."""
        if self.kills():
            raise HostKilled


WEATHER = Weather()
