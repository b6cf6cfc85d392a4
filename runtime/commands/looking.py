"""What a command looks into: an app that runs, or a journal at rest; named, or the only one there is."""

import asyncio
import functools
import os
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec

import click

from actors.app import App
from actors.errors import TrunklineError
from runtime.commands.code import Code, import_from_here
from runtime.commands.output import Output, note
from runtime.errors import JournalMismatch, NotRunning, StartFailed
from runtime.journal import absolute, open_reader
from runtime.journal.place import user_of
from runtime.journal.schema import APPLICATION_ID
from runtime.progress import Progress
from runtime.reading import Reading
from runtime.settings import named_cluster, read_settings
from runtime.shells.folders import Noted, folders_here, running_here
from runtime.source import JournalAtRest

if TYPE_CHECKING:
    from runtime.client import AsyncRuntime

P = ParamSpec("P")

CLUSTER = Path("/tmp/ray/ray_current_cluster")
"""Written by Ray while a cluster of this machine's runs."""


@dataclass(frozen=True, slots=True)
class Named:
    """What the options said."""

    app: str | None
    address: str | None
    journal: str | None
    code: App | None


@dataclass(frozen=True, slots=True)
class Look:
    """What is looked into."""

    name: str
    app: App | None
    """Its code; None: a journal at rest, without `--code`, or an app whose code can't be imported here."""
    reading: Reading
    partitions: int
    journal: str
    """Its path or URL."""
    runtime: "AsyncRuntime | None"
    """None: the journal is at rest, as far as this command cares."""
    progress: Progress


def naming(
    *, running: bool = False
) -> Callable[[Callable[Concatenate[Named, Output, P], Awaitable[int | None]]], Callable[..., int]]:
    """Options for what to look into, and `--json`."""

    def decorate(body: Callable[Concatenate[Named, Output, P], Awaitable[int | None]]) -> Callable[..., int]:
        @click.option("--app", metavar="NAME", shell_complete=complete_app, help="An app that runs, by its name.")
        @click.option("--address", metavar="HOST:PORT", help="The Ray cluster it runs on (else RAY_ADDRESS, or here).")
        @click.option(
            "--journal",
            metavar="PATH",
            type=click.Path(),
            help="A journal, whether an app runs on it or not." if not running else "The journal of the app.",
        )
        @click.option("--code", type=Code(), metavar="MODULE:APP", help="The app's code, to show typed values.")
        @click.option("--json", "as_json", is_flag=True, help="An object a line, for programs.")
        @functools.wraps(body)
        def command(*arguments: P.args, **options: P.kwargs) -> int:
            app, address, journal, code, as_json = map(options.pop, ("app", "address", "journal", "code", "as_json"))
            named = Named(app, address, journal, code)  # type: ignore[arg-type]

            async def run() -> int:
                return await body(named, Output(bool(as_json)), *arguments, **options) or 0

            return asyncio.run(run())

        return command

    return decorate


def looking(
    *, running: bool = False
) -> Callable[[Callable[Concatenate[Look, Output, P], Awaitable[int | None]]], Callable[..., int]]:
    """As `naming`; the body gets what was named opened. `running`: a journal is not enough."""

    def decorate(body: Callable[Concatenate[Look, Output, P], Awaitable[int | None]]) -> Callable[..., int]:
        @naming(running=running)
        @functools.wraps(body)
        async def look_into(named: Named, out: Output, /, *arguments: P.args, **options: P.kwargs) -> int | None:
            async with opened(named, running) as look:
                return await body(look, out, *arguments, **options)

        return look_into

    return decorate


@asynccontextmanager
async def opened(named: Named, running: bool, *, patience: float | None = None) -> AsyncIterator[Look]:
    """Open what was named, or the only one there is.

    Args:
        patience: seconds that an app has for its first answers; its own, if it is not given.

    Raises:
        UsageError: too much was named, or too little.
        Unreachable: the app's supervisor does not answer.
        TrunklineError: it can't be opened.
    """
    with Progress(read_settings().quiet) as progress:
        one = the_one(named, running)
        if one.app is not None:
            async with _running(one.app, named, progress, patience) as look:
                yield look
        else:
            assert one.journal is not None, "one of them is named, or was found"
            with _at_rest(one.journal, named.code, progress) as look:
                yield look


def the_one(named: Named, running: bool) -> Named:
    """Either an app that runs or a journal: what was named, or the only one there is.

    Raises:
        UsageError: too much was named, or too little.
    """
    if named.app is not None and named.journal is not None:
        raise click.UsageError("--app names one that runs, --journal a file: which of them?")
    name, journal = named.app, named.journal
    if name is None and journal is None:
        name, journal = _only_one(named.address)
    if journal is not None and running:
        name, journal = app_of(journal), None
        if name is None:
            raise click.UsageError(f"{named.journal} is no journal.")
    return replace(named, app=name, journal=journal)


@asynccontextmanager
async def _running(name: str, named: Named, progress: Progress, patience: float | None) -> AsyncIterator[Look]:
    from runtime.client import AsyncRuntime
    from runtime.launching import ASK_TIMEOUT, join

    if named.code is not None and named.code.name != name:
        raise _others_code(named.code, f"the app that runs is {name!r}")
    import_from_here()
    wanted = named.code or name
    found = await asyncio.to_thread(
        join, wanted, address=named.address, patience=patience or ASK_TIMEOUT, code_needed=False
    )
    if found.no_code is not None:
        note(f"events and states are shown as they are stored: {found.no_code.message}")
    async with AsyncRuntime.of(found) as rt:
        app, reading = (rt.app, rt.reading) if found.no_code is None else (None, rt.reading.as_stored())
        try:
            async with asyncio.timeout(patience):
                partitions = (await reading.info()).partitions
        except TimeoutError:
            # The journal can be read without its router.
            with _at_rest(rt.journal, None, progress) as look:
                yield replace(look, app=app, runtime=rt)
        else:
            yield Look(name, app, reading, partitions, rt.journal, rt, progress)


class _at_rest:
    """A journal's file, opened for reading alone."""

    def __init__(self, journal: str, code: App | None, progress: Progress) -> None:
        path = absolute(journal)
        if "://" not in path and not os.path.exists(path):
            raise click.UsageError(f"there is no journal {path}.")
        self._reader = open_reader(journal)
        info = self._reader.info
        if code is not None and code.name != info.app:
            self._reader.close()
            raise _others_code(code, f"the journal {path} belongs to {info.app!r}")
        reading = Reading(JournalAtRest(self._reader), code)
        self._look = Look(info.app, code, reading, info.partitions, path, None, progress)

    def __enter__(self) -> Look:
        return self._look

    def __exit__(self, *raised: object) -> None:
        self._reader.close()


def _others_code(code: App, what: str) -> TrunklineError:
    return JournalMismatch(f"--code is app {code.name!r}; {what}", hint="give that app's code.")


# ------------------------------------------------------------ the only one there is


def _only_one(address: str | None) -> tuple[str | None, str | None]:
    """(running app, None) or (None, journal)."""
    place = read_settings().journal
    found = [place] if place is not None and app_of(place) is not None else journals(Path.cwd())
    running = running_on(found, address)
    if running is not None:
        return running, None
    if address is None:
        if len(found) > 1:
            raise click.UsageError(
                f"which journal? --journal is one of {', '.join(found)}; or --app NAME, of an app that runs."
            )
        if found:
            note(f"reading the journal {found[0]} of app {app_of(found[0])}")
            return None, found[0]
    return only_running(address, "no app runs, and there is no journal in this folder: name the one you mean."), None


def running_on(found: list[str], address: str | None) -> str | None:
    """The app that runs on one of these journals, if it is one; of apps on the cluster that is meant, if one is named.

    Raises:
        UsageError: there are several.
    """
    cluster = _named(address)
    here = {one.app for one in running_here() if cluster is None or _is_at(one.cluster, cluster)}
    used = {path: app for path in found if (app := user_of(path)) in here}
    if len(used) > 1:
        raise click.UsageError(f"which app? {' and '.join(map(str, used.values()))} run on journals here: --app NAME.")
    if not used:
        return None
    ((path, app),) = used.items()
    assert app is not None, "it is among those that run"
    note(f"asking the app {app}, which runs on the journal {path}")
    return app


def _named(address: str | None) -> str | None:
    """The cluster that is meant; None: any of this machine's."""
    named = address or named_cluster()
    return None if named == "auto" else named


def _is_at(cluster: str, named: str) -> bool:
    """Is this cluster of an app of this machine the one that was named, perhaps as people name what is here?"""
    host, _, port = named.removeprefix("ray://").rpartition(":")
    return cluster == f"{host}:{port}" or (host in ("127.0.0.1", "localhost") and cluster.endswith(f":{port}"))


def only_running(address: str | None, nobody: str, instead: str = "--journal PATH reads a journal.") -> str:
    """The name of the one app that runs; `instead` is what to do where none can be looked for.

    Raises:
        UsageError: there is none, which is told as `nobody` says, or there are several.
    """
    names = _running_apps(address, instead)
    if not names:
        raise click.UsageError(nobody)
    if len(names) > 1:
        raise click.UsageError(f"which app? {', '.join(names)} run: --app NAME.")
    note(f"asking the app {names[0]}, which runs")
    return names[0]


def journals(folder: Path) -> list[str]:
    """The journals of a folder."""
    return [path.name for path in sorted(folder.glob("*.db")) if app_of(str(path)) is not None]


def the_journal(named: str | None) -> str | None:
    """The journal that a command would read, for the completion of what stands in it."""
    found = [named] if named is not None else journals(Path.cwd())
    return found[0] if len(found) == 1 and app_of(found[0]) is not None else None


def app_of(path: str) -> str | None:
    """Whose journal a file is; None: it is none."""
    with suppress(sqlite3.Error, OSError, TrunklineError):
        db = sqlite3.connect(f"{Path(absolute(path)).as_uri()}?mode=ro", uri=True)
        try:
            if db.execute("pragma application_id").fetchone()[0] == APPLICATION_ID:
                name: str = db.execute("select value from meta where name = 'app'").fetchone()[0]
                return name
        finally:
            db.close()
    return None


def _running_apps(address: str | None, instead: str) -> list[str]:
    """The apps of a cluster, or of this machine; none where none is to be seen: Ray would look for one for long."""
    here: list[Noted] = []
    if _named(address) is None:
        here = running_here()
        if not (here or CLUSTER.exists() or folders_here()):
            return []
    import ray
    from ray.util import list_named_actors

    from runtime.embedded import RaySession

    if here and not ray.is_initialized():
        return sorted({one.app for one in here})
    try:
        session = RaySession.begin(address or "auto", dashboard=False)
    except StartFailed as error:
        raise NotRunning(
            f"no app was found: {error.message}",
            hint=f"--address HOST:PORT, or RAY_ADDRESS, names the Ray cluster; {instead}",
        ) from error
    try:
        actors: list[Any] = list(list_named_actors(all_namespaces=True))
        names = [actor["name"].removesuffix(":Supervisor") for actor in actors if _is_supervisor(actor)]
    finally:
        session.end()
    return sorted(names)


def _is_supervisor(actor: dict[str, str]) -> bool:
    return actor["name"] == f"{actor['namespace'].removeprefix('trunkline-')}:Supervisor"


def complete_app(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """The apps whose names begin so."""
    # From the journals of this folder: to ask Ray takes seconds.
    names = {app_of(path) for path in journals(Path.cwd())}
    return sorted(name for name in names if name is not None and name.startswith(incomplete))


__all__ = [
    "Look",
    "Named",
    "app_of",
    "complete_app",
    "journals",
    "looking",
    "naming",
    "only_running",
    "opened",
    "running_on",
    "the_journal",
    "the_one",
]
