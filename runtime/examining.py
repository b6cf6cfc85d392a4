"""What a doctor looks at: an app's processes, how far it has come, its journal, this machine."""

import importlib.metadata
import os
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from actors.app import App
from actors.errors import TrunklineError
from actors.schedule import Due
from runtime.core.messages import HOME, POSITION_MASK
from runtime.core.partition import partition_of
from runtime.core.rows import SUPERVISOR, Entry, Status, local_targets
from runtime.encode import time_us
from runtime.errors import JournalError, Unreachable
from runtime.journal.schema import connect
from runtime.merging import newest
from runtime.reading import Reading, moment_of
from runtime.wire import decode_body

if TYPE_CHECKING:
    from runtime.client import AsyncRuntime

ROOM_BAD, ROOM_LOOK = 256 << 20, 2 << 30
"""Bytes that a disk should have left."""
WAL_LOOK = 256 << 20
"""Bytes of a journal's WAL from which somebody keeps it from being written back."""
LAG_LOOK_S = 10.0
LATE_S = 5.0
"""Seconds that a tick may be due and not be taken."""
LOOK_BACK = 5_000
"""Entries that are searched for a schedule's last event."""
NICENESS = 15
"""What Ray gives its workers if nobody says otherwise."""


class Finding(NamedTuple):
    """One thing that was looked at."""

    sign: Literal["ok", "look", "bad"]
    about: str
    said: str
    fix: str = ""


# ------------------------------------------------------------ a running app


async def of_processes(rt: "AsyncRuntime", patience: float) -> list[Finding]:
    """Supervisor, router, hosts, gateways. Each has so many seconds for its answer."""
    found = []
    try:
        for name, pid in sorted((await rt.processes()).items()):
            niceness = _niceness(pid)
            nice = "" if niceness is None else f", nice {niceness}"
            found.append(Finding("ok", name, f"process {pid}{nice}"))
    except Unreachable as error:
        found.append(of_silent("Supervisor", rt.app.name, error))
    try:
        found += of_cell(await rt.status(timeout=patience))
    except Unreachable as error:
        found.append(of_silent("Router", rt.app.name, error))
    return found


def of_silent(process: Literal["Supervisor", "Router"], app: str, error: TrunklineError) -> Finding:
    """One that does not answer."""
    others = {"Supervisor": "the others end it, and Ray starts it again", "Router": "the supervisor restarts it"}
    fix = (
        f"{others[process]}, after TRUNKLINE_PATIENCE seconds (10): ask once more; if it stays silent, end it: "
        f"`ps -ef | grep ray::{process}`, `kill -9 PID`. Nothing acknowledged is lost"
    )
    return Finding("bad", f"{app}:{process}", error.message, fix)


def of_cell(status: dict[str, Any]) -> list[Finding]:
    """What a router says of itself."""
    found = []
    counts = ", ".join(
        f"{value:,} {name}" for name, value in status.items() if isinstance(value, int) and name != "pid"
    )
    found.append(Finding("ok", "cell 0", f"router {status['pid']}, hosts {', '.join(status['hosts'])}: {counts}"))
    niceness_of_router = _niceness(status["pid"])
    if niceness_of_router is not None and niceness_of_router >= NICENESS:
        said = f"nice {niceness_of_router}: anything else on this machine goes first"
        found.append(Finding("look", "niceness", said, "RAY_worker_niceness=0 before Ray starts"))
    return found


def _niceness(pid: int) -> int | None:
    try:
        return os.getpriority(os.PRIO_PROCESS, pid)
    except OSError:
        # On another node.
        return None


# ------------------------------------------------------------ how far it has come


async def of_app(reading: Reading, app: App | None) -> list[Finding]:
    """Epochs, lag, heartbeat and schedules, dead letters, timers: as the journal has them."""
    found = []
    now = datetime.now(UTC)
    info = await reading.info()
    heads, watermarks, epochs = await reading.heads(), await reading.watermarks(), await reading.epochs()
    events = sum(heads.values())
    begun = f"{info.partitions} partitions, {events:,} entries, first started {moment_of(info.started):%Y-%m-%d %H:%M}"
    found.append(Finding("ok", "app", f"{info.app}: {begun}"))
    supervisor = epochs.pop(SUPERVISOR, 0)
    if epochs:
        low, high = min(epochs.values()), max(epochs.values())
        of_cells = str(low) if low == high else f"{low} to {high}"
        found.append(Finding("ok", "epochs", f"supervisor {supervisor}, partitions {of_cells}"))
    found.append(_lag(await waiting(reading, heads, watermarks), now))
    found += await _schedules(reading, app, now)
    letters = await reading.deliveries(Status.PARKED)
    if letters:
        fix = "`trunkline dead-letters list`, then retry or skip"
        found.append(Finding("bad", "dead letters", f"{len(letters):,} wait for a decision", fix))
    else:
        found.append(Finding("ok", "dead letters", "none"))
    timers = await reading.timers()
    next_due = f", the next due {moment_of(timers[0].due):%Y-%m-%d %H:%M:%S} UTC" if timers else ""
    found.append(Finding("ok", "timers", f"{len(timers):,} pending{next_due}"))
    return found


async def waiting(reading: Reading, heads: dict[int, int], watermarks: dict[int, int]) -> list[Entry]:
    """An entry for each delivery that nobody has handled, and that is not parked; not of broadcasts.

    What is behind a watermark has a row of its own if it waits; of the rest a cursor says it, or a row that it is done.
    """
    rows = await reading.deliveries()
    own = {(row.at, row.address) for row in rows}
    held = {row.address for row in rows if row.status == Status.PARKED}
    found = []
    for row in rows:
        if row.status in (Status.WAITING, Status.STARTED) and row.address not in held:
            entry = await reading.entry(row.at)
            assert entry is not None, "a delivery's event stays in the log"
            found.append(entry)
    for partition, head in heads.items():
        after = watermarks.get(partition, 0)
        while after < head and (page := await reading.log(partition, after)):
            targets = [(entry, address) for entry in page for where, address in local_targets(entry) if where >= HOME]
            cursors = await reading.instances(sorted({address for _, address in targets}))
            for entry, address in targets:
                row_of = cursors.get(address)
                handled = row_of is not None and row_of.cursor >= entry.at
                if not handled and (entry.at, address) not in own and address not in held:
                    found.append(entry)
            after = page[-1].at & POSITION_MASK
    return found


def _lag(waiting: list[Entry], now: datetime) -> Finding:
    if not waiting:
        return Finding("ok", "lag", "nothing waits")
    oldest = moment_of(min(entry.recorded for entry in waiting))
    ago = (now - oldest).total_seconds()
    said = f"{len(waiting):,} deliveries wait, the oldest for {ago:,.1f} s"
    if ago > LAG_LOOK_S:
        return Finding("look", "lag", said, "does the app run? `trunkline show INSTANCE` has its mailbox")
    return Finding("ok", "lag", said)


async def _schedules(reading: Reading, app: App | None, now: datetime) -> list[Finding]:
    """The heartbeat and what is scheduled: which moments were taken last, and whether others are due since."""
    info = await reading.info()
    since = {row.name: row.since for row in info.begun}
    known = {schedule.name: schedule for schedule in app.schedules} if app is not None else {}
    found = []
    for name, taken in sorted((await reading.schedules()).items()):
        last = await _last_of(reading, name, partition_of(name, info.partitions))
        said = (
            "none is to be seen"
            if last is None
            else f"last {_when(last)} UTC, {(now - last).total_seconds():,.0f} s ago"
        )
        due = known[name].due(taken, since.get(name, info.started), time_us(now)) if name in known else None
        if due is not None and (_missed(due) or (now - moment_of(due.time)).total_seconds() > LATE_S):
            late = f"{said}; since {_when(moment_of(due.time))} UTC another is due"
            found.append(Finding("look", name, late, "does the app run? its supervisor beats"))
        else:
            found.append(Finding("ok", name, said))
    return found


def _missed(due: Due) -> bool:
    """Were others due between the one that was taken last and this one?"""
    return bool(due.event.model_dump()["missed"])


def _when(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"


async def _last_of(reading: Reading, source: str, partition: int) -> datetime | None:
    """When a source's last event happened, of those that were recorded last in a partition."""
    looked = 0
    async for entry in newest(reading, {partition: (await reading.heads())[partition]}):
        looked += 1
        if looked > LOOK_BACK:
            break
        if decode_body(entry.body).source == source:
            return moment_of(entry.time)
    return None


# ------------------------------------------------------------ the journal's file


def of_journal(journal: str, *, quick: bool) -> list[Finding]:
    """A file's pages, its size, the room that is left."""
    if os.path.isdir(os.path.dirname(journal)) and not os.path.exists(journal):
        fix = "stop the app, put the file back, start it again; or, if another node has it, run this there"
        return [Finding("bad", "journal", f"{journal} is not in its folder", fix)]
    if "://" in journal or not os.path.exists(journal):
        return [Finding("look", "journal", f"{journal} can't be seen from here", "run this on the node that has it")]
    found = []
    wal = _size(journal + "-wal")
    size = f"{os.path.getsize(journal) / 1e6:,.1f} MB, {wal / 1e6:,.1f} MB of it not yet written back"
    sign: Literal["ok", "look"] = "look" if wal > WAL_LOOK else "ok"
    found.append(Finding(sign, "journal", f"{journal}: {size}", "end what reads it for long" if sign == "look" else ""))
    found.append(_room("journal's disk", os.path.dirname(journal)))
    if not quick:
        found.append(_pages(journal))
    return found


def _pages(journal: str) -> Finding:
    try:
        db = connect(journal, read_only=True)
        try:
            said = [row[0] for row in db.execute("pragma quick_check(3)")]
        finally:
            db.close()
    except (sqlite3.Error, JournalError) as error:
        said = [str(error)]
    if said == ["ok"]:
        return Finding("ok", "pages", "PRAGMA quick_check finds nothing")
    return Finding("bad", "pages", "; ".join(said), "keep a copy; `sqlite3 JOURNAL .recover`, or restore a backup")


def _size(path: str) -> int:
    try:
        return os.path.getsize(path)
    except OSError:
        return 0


def _room(about: str, folder: str) -> Finding:
    free = shutil.disk_usage(folder).free
    said = f"{folder}: {free / 1e9:,.1f} GB free"
    if free < ROOM_BAD:
        return Finding("bad", about, said, "make room: nothing is taken when it is full")
    return Finding("look" if free < ROOM_LOOK else "ok", about, said, "make room" if free < ROOM_LOOK else "")


# ------------------------------------------------------------ this machine


def of_machine(*, connected: bool) -> list[Finding]:
    """Versions, and what is known to go wrong with Ray."""
    versions = {name: importlib.metadata.version(name) for name in ("ray", "pydantic", "trunkline")}
    said = f"Python {sys.version.split()[0]}, SQLite {sqlite3.sqlite_version}"
    found = [Finding("ok", "versions", ", ".join([said, *(f"{name} {v}" for name, v in versions.items())]))]
    if tuple(map(int, versions["pydantic"].split(".")[:2])) < (2, 14):
        found.append(
            Finding("bad", "pydantic", "loses fields of code that goes by value", "pip install 'pydantic>=2.14'")
        )
    found += _token(connected)
    found.append(_room("Ray's disk", tempfile.gettempdir()))
    memory = Path("/dev/shm")
    if memory.exists():
        found.append(_room("shared memory", str(memory)))
    return found


def _token(connected: bool) -> Iterator[Finding]:
    """`ray start --head` asks for a token if it found one, whatever its clients are told; else it lets in anybody."""
    asks = os.environ.get("RAY_AUTH_MODE", "").lower() == "token"
    cluster = Path(tempfile.gettempdir()) / "ray" / "ray_current_cluster"
    if asks and not _has_token():
        fix = "RAY_AUTH_TOKEN, or `ray get-auth-token --generate`"
        yield Finding("bad", "token", "RAY_AUTH_MODE=token, and there is no token here", fix)
    elif not asks and cluster.exists() and not connected:
        if _has_token():
            said = "a cluster runs here, which asks for the token that is here, and RAY_AUTH_MODE is not `token`"
            yield Finding("look", "token", said, "RAY_AUTH_MODE=token, for clients that are told an address")
        else:
            said = "a cluster runs here, and there is no token: started so, it lets in whoever reaches it"
            yield Finding("look", "token", said, "`ray get-auth-token --generate`, then start the cluster again")
    address = os.environ.get("RAY_ADDRESS")
    if address:
        yield Finding("ok", "RAY_ADDRESS", address)


def _has_token() -> bool:
    """Where Ray looks for one."""
    if os.environ.get("RAY_AUTH_TOKEN"):
        return True
    path = os.environ.get("RAY_AUTH_TOKEN_PATH")
    return (Path(path) if path else Path.home() / ".ray" / "auth_token").exists()


__all__ = [
    *("Finding", "of_app", "of_cell", "of_journal", "of_machine", "of_processes", "of_silent"),
    "waiting",
]
