"""The environment variables that the runtime listens to. Nothing else reads the environment.

TRUNKLINE_JOURNAL     where journals are, if `journal=` is not given: a path or URL; a folder holds `<app>.db`
TRUNKLINE_PLACEMENT   `sharded` or `dedicated`: overrides what classes say, for a whole deployment
TRUNKLINE_DASHBOARD   1: an embedded Ray comes with its dashboard, which `ray list actors` needs (two seconds more)
TRUNKLINE_QUIET       1: nothing is printed about starting
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from actors.errors import TrunklineError

_JOB_CONFIG = "RAY_JOB_CONFIG_JSON_ENV_VAR"
"""Set by `ray job submit` for the driver that it starts."""


@dataclass(frozen=True, slots=True)
class Settings:
    """As found when `start` was called."""

    journal: str | None
    placement: Literal["sharded", "dedicated"] | None
    dashboard: bool
    quiet: bool
    submitted: bool
    """This driver was submitted as a job: its working directory is deleted with it."""


def read_settings() -> Settings:
    """Read the environment.

    Raises:
        TrunklineError: a variable has a value that means nothing.
    """
    placement = os.environ.get("TRUNKLINE_PLACEMENT") or None
    if placement is not None and placement not in ("sharded", "dedicated"):
        raise TrunklineError(
            f"TRUNKLINE_PLACEMENT={placement!r} means nothing", hint="TRUNKLINE_PLACEMENT=sharded, or =dedicated."
        )
    return Settings(
        os.environ.get("TRUNKLINE_JOURNAL") or None,
        placement,  # type: ignore[arg-type]
        _flag("TRUNKLINE_DASHBOARD"),
        _flag("TRUNKLINE_QUIET"),
        _submitted(os.environ.get(_JOB_CONFIG)),
    )


def journal_place(app: str, journal: str | os.PathLike[str] | None, settings: Settings) -> str:
    """Where an app's journal is: a URL, or an absolute path that means the same in every process.

    Given neither here nor in the environment it is `<app>.db` in the working directory; for a submitted job, whose
    directory is deleted with it, in `~/.trunkline`, which is made if need be.
    """
    name = f"{app}.db"
    if journal is None:
        journal = settings.journal
        if journal is not None and "://" not in journal and Path(journal).expanduser().is_dir():
            journal = os.path.join(journal, name)
    if journal is None:
        if settings.submitted:
            folder = Path.home() / ".trunkline"
            folder.mkdir(parents=True, exist_ok=True)
            journal = folder / name
        else:
            journal = name
    place = os.fspath(journal)
    if not place:
        raise TrunklineError("journal='' names no journal", hint="a path or URL; leave it out for the default place.")
    if place.startswith("sqlite:///"):
        place = place.removeprefix("sqlite:///")
    if "://" in place:
        return place
    return os.path.abspath(os.path.expanduser(place))


def _flag(name: str) -> bool:
    return os.environ.get(name, "").lower() not in ("", "0", "false", "no")


def _submitted(job_config: str | None) -> bool:
    if not job_config:
        return False
    try:
        metadata = json.loads(job_config).get("metadata", {})
    except (ValueError, AttributeError):
        return False
    return "job_submission_id" in metadata
