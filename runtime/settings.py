"""The environment variables that the runtime listens to, read here alone. Ray's are read where a cluster is looked for.

TRUNKLINE_JOURNAL     where journals are, if `journal=` is not given: a path or URL; a folder holds `<app>.db`
TRUNKLINE_PLACEMENT   `sharded` or `dedicated`: overrides what classes say, for a whole deployment
TRUNKLINE_DASHBOARD   1: an embedded Ray comes with its dashboard, which `ray list actors` needs (two seconds more)
TRUNKLINE_QUIET       1: nothing is printed about starting
TRUNKLINE_HOSTS       processes among which sharded instances are spread (1)
TRUNKLINE_DEDICATED   dedicated instances of a node that get a Ray actor of their own; the others share (64)
TRUNKLINE_IDLE        seconds without an event after which an instance leaves memory (600)
TRUNKLINE_TURN_LIMIT  seconds that a turn may take, before its process is ended (30)
TRUNKLINE_PATIENCE    seconds without an answer after which a process counts as stopped, and is ended (10)
"""

import json
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from actors.errors import TrunklineError
from runtime.errors import JournalReadOnly
from runtime.journal.place import MISNAMED

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
    """This driver was submitted as a job."""
    passing: bool
    """Its working directory is a copy that Ray made for the job, and deletes."""
    hosts: int
    dedicated: int
    idle: float
    turn_limit: float
    patience: float


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
    submitted, passing = _job(os.environ.get(_JOB_CONFIG))
    return Settings(
        os.environ.get("TRUNKLINE_JOURNAL") or None,
        placement,  # type: ignore[arg-type]
        _flag("TRUNKLINE_DASHBOARD"),
        _flag("TRUNKLINE_QUIET"),
        submitted,
        passing,
        hosts=int(_number("TRUNKLINE_HOSTS", 1, least=1, whole=True)),
        dedicated=int(_number("TRUNKLINE_DEDICATED", 64, least=0, whole=True)),
        idle=_number("TRUNKLINE_IDLE", 600),
        turn_limit=_number("TRUNKLINE_TURN_LIMIT", 30),
        patience=_number("TRUNKLINE_PATIENCE", 10),
    )


def journal_place(app: str, journal: str | os.PathLike[str] | None, settings: Settings) -> str:
    """Where an app's journal is: a URL, or an absolute path that means the same in every process.

    Given neither here nor in the environment it is `<app>.db` in the working directory; for a submitted job, whose
    directory is deleted with it, in `~/.trunkline`, which is made if need be.

    Raises:
        TrunklineError: it names no journal, or one that would be deleted with its job.
        JournalReadOnly: `~/.trunkline` can't be made.
    """
    name = f"{app}.db"
    if journal is None:
        journal = settings.journal
        if journal is not None and "://" not in journal and Path(journal).expanduser().is_dir():
            journal = os.path.join(journal, name)
    if journal is None:
        if settings.submitted:
            folder = Path.home() / ".trunkline"
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise JournalReadOnly(
                    f"{folder}, where a submitted job's journal is kept, can't be made: {error}",
                    hint="let HOME be a folder that can be written, or say where: journal=, TRUNKLINE_JOURNAL.",
                ) from error
            journal = folder / name
        else:
            journal = name
    place = os.fspath(journal)
    if not place:
        raise TrunklineError("journal='' names no journal", hint="a path or URL; leave it out for the default place.")
    if place in MISNAMED or (place.startswith("sqlite:///") and "?" in place):
        # What the journal refuses, in words of its own: not the name of a file.
        return place
    place = place.removeprefix("sqlite:///")
    if "://" in place:
        return place
    place = os.path.abspath(os.path.expanduser(place))
    if settings.passing and Path(place).is_relative_to(Path.cwd()):
        raise TrunklineError(
            f"the journal {place} would be in this job's working directory, which Ray deletes after the job",
            hint=f"give an absolute path outside of it; or none, for ~/.trunkline/{name}.",
        )
    return place


def named_cluster() -> str | None:
    """The Ray cluster that is meant, if RAY_ADDRESS says it. Ray itself obeys it."""
    return os.environ.get("RAY_ADDRESS") or None


def _flag(name: str) -> bool:
    return os.environ.get(name, "").lower() not in ("", "0", "false", "no")


def _number(name: str, default: float, *, least: float = 0.001, whole: bool = False) -> float:
    text = os.environ.get(name) or str(default)
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not least <= value < math.inf or (whole and value != int(value)):
        kind = "a whole number" if whole else "a number"
        raise TrunklineError(f"{name}={text!r} is not {kind} of {least:g} or more", hint=f"{name}={default:g}, say.")
    return value


def _job(config: str | None) -> tuple[bool, bool]:
    """Is this a submitted job, and one with a working directory of its own?"""
    try:
        read = json.loads(config or "{}")
        submitted = "job_submission_id" in (read.get("metadata") or {})
        return submitted, submitted and bool((read.get("runtime_env") or {}).get("working_dir"))
    except (ValueError, AttributeError, TypeError):
        return False, False
