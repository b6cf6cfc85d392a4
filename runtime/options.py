"""What `start` and `attach` may be given: checked before anything is started, since a start takes seconds."""

import os
from typing import Any, get_args

from actors.app import App
from actors.errors import TrunklineError
from runtime.core.plan import Placement
from runtime.fields import codec_of
from runtime.shells.clock import Clock
from runtime.shells.launch import Lifetime

PARTITIONS_MIN = 4
"""As many as a cell has at least."""
PARTITIONS_MAX = 16_384
"""Each costs a start some time, whatever stands in it."""


def check_app(app: object, *, names: bool) -> None:
    """It is an app that the runtime can keep; or, if `names` do as well, an app's name.

    Raises:
        TrunklineError: it is neither.
    """
    if isinstance(app, App):
        codec_of(app.catalogue)
        return
    if names and isinstance(app, str) and app:
        return
    if names:
        raise TrunklineError(
            f"Runtime.attach was given {app!r}, which is no App and no name of one", hint='Runtime.attach("name").'
        )
    raise TrunklineError(
        f"Runtime.start was given {app!r}, which is no App",
        hint='app = App("name", ...); Runtime.attach("name") joins one that runs.',
    )


def check_options(*, journal: Any, placement: Any, clock: Any, lifetime: Any, partitions: Any) -> None:
    """What can be known of the options before the start.

    Raises:
        TrunklineError: one means nothing.
    """
    if journal is not None and not isinstance(journal, str | os.PathLike):
        raise TrunklineError(f"journal={journal!r} is no place", hint='a path, or a URL: journal="books.db".')
    _check_one_of("placement", placement, (None, *get_args(Placement)))
    _check_one_of("lifetime", lifetime, get_args(Lifetime))
    if clock is not None and not (callable(getattr(clock, "now", None)) and callable(getattr(clock, "wait", None))):
        raise TrunklineError(
            f"clock={clock!r} is no clock: it has no now() and wait()",
            hint=f"an object as {Clock.__module__}.Clock describes it: ScaledClock.starting_now(60); or leave it out.",
        )
    if partitions is not None and (type(partitions) is not int or not PARTITIONS_MIN <= partitions <= PARTITIONS_MAX):
        raise TrunklineError(
            f"partitions={partitions!r} can't be: a whole number from {PARTITIONS_MIN} to {PARTITIONS_MAX:,}",
            hint="leave it out for 64: they are fixed when the journal is made, at least four for each cell to come.",
        )


def _check_one_of(name: str, value: object, known: tuple[object, ...]) -> None:
    if value not in known:
        raise TrunklineError(
            f"{name}={value!r} means nothing", hint=" or ".join(f"{name}={one!r}" for one in known if one) + "."
        )
