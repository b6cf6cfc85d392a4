"""The demo as a user runs it: a process of its own, killed processes, an interrupt, the same seed again."""

import os
import pty
import signal
import subprocess
import sys
import time
from collections import defaultdict
from contextlib import suppress
from pathlib import Path

import pytest

from runtime.core.rows import Entry
from runtime.journal import open_reader
from runtime.wire import decode_body
from tests.processes import descendants, those_that_go_on

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.slow
QUICK = ("--players", "2", "--calls", "2", "--speed", "30")
"""Slow enough for a game's clock not to run away from a busy machine: what comes after a limit is another game."""

ERASED = "\x1b[1A\x1b[2K"
"""The terminal goes a line up, and clears it."""


def start(folder: Path, *options: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "apps.prankcall", "demo", *options],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def played(folder: Path, *options: str) -> str:
    """What a game prints that goes well to its end, and leaves nothing behind."""
    demo = start(folder, *options)
    text, _ = demo.communicate(timeout=200)
    assert demo.returncode == 0, text
    assert_well(text, folder)
    return text


def played_on_a_terminal(folder: Path, *options: str) -> str:
    """What a game writes to a terminal that goes well to its end."""
    ours, theirs = pty.openpty()
    terminal = {"TERM": "xterm-256color", "COLUMNS": "120", "LINES": "40"}
    demo = subprocess.Popen(
        [sys.executable, "-m", "apps.prankcall", "demo", *options],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | terminal,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    shown = bytearray()
    # A terminal ends with an error, when the last who writes to it has gone.
    with suppress(OSError):
        while data := os.read(ours, 65536):
            shown += data
    os.close(ours)
    text = shown.decode()
    assert demo.wait(timeout=60) == 0, text
    assert_well(text, folder)
    return text


def assert_well(text: str, folder: Path) -> None:
    assert "DIFFERS" not in text
    assert "Traceback" not in text
    assert "(raylet)" not in text
    assert left_behind(folder) == []


def left_behind(folder: Path) -> list[str]:
    """Processes that have this demo's folder as their own, and do not end by themselves."""
    found: dict[int, str] = {}
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                if (process / "cwd").resolve() == folder:
                    found[int(process.name)] = (process / "cmdline").read_text().replace("\0", " ")
            except OSError:
                continue
    return [found[pid] for pid in those_that_go_on(found)]


def test_the_books_balance_whatever_is_killed(tmp_path: Path) -> None:
    text = played(tmp_path, "--players", "3", "--calls", "4", "--kill", "router,host,gateways,supervisor")

    assert text.count("with SIGKILL") == 4
    assert text.count("is back as process") == 4
    assert "each once" in text
    assert "What one purchase led to" in text
    assert "requested_call of" in text
    assert "Which Ray actor held what" in text
    assert "all points the same" in text


def test_a_seed_repeats_a_game_also_when_processes_are_killed(tmp_path: Path) -> None:
    stories = []
    for name, kill in (("calm", "none"), ("rough", "host,router")):
        folder = tmp_path / name
        folder.mkdir()
        text = played(folder, *QUICK, "--seed", "5", "--kill", kill)
        (journal,) = folder.glob("prankcall-demo-*.db")
        stories.append((board(text), emitted(journal), states(journal)))

    calm, rough = stories
    assert calm[0] == rough[0]
    assert calm[2] == rough[2]
    assert calm[1] == rough[1]


def board(text: str) -> list[str]:
    lines = text.splitlines()
    return lines[lines.index("Leaderboard") : lines.index("Balance sheet")]


Fact = tuple[str, str, bytes, int, str]


def emitted(journal: Path) -> dict[str, list[Fact]]:
    """By instance: (type, subject, payload, time, what caused it) of what it emitted, in order; no ticks."""
    reader = open_reader(str(journal))
    try:
        entries: list[Entry] = []
        for partition in range(reader.info.partitions):
            entries += [e for e in reader.log(partition, 0, 1_000_000) if e.at == e.id]
    finally:
        reader.close()
    by_id = {entry.id: entry for entry in entries}
    found: dict[str, list[Fact]] = defaultdict(list)
    for entry in entries:
        body = decode_body(entry.body)
        if entry.type == "heartbeat" or "/" not in body.source:
            continue
        cause = by_id[entry.cause]
        why = f"{cause.type} {decode_body(cause.body).data.decode()}"
        found[body.source].append((entry.type, body.subject, body.data, entry.time, why))
    return dict(found)


def states(journal: Path) -> dict[str, bytes | None]:
    reader = open_reader(str(journal))
    try:
        groups = ("Order", "Wallet", "Consent", "Call", "Player", "Leaderboard", "Receipts")
        return {row.address: row.state for group in groups for row in reader.group(group)}
    finally:
        reader.close()


def test_an_interrupted_game_ends_cleanly_and_goes_on_when_run_again(tmp_path: Path) -> None:
    first = start(tmp_path, "--players", "3", "--calls", "4")
    assert first.stdout is not None
    for line in first.stdout:
        if "calls over: " in line and "answered_call" in line:
            break
    first.send_signal(signal.SIGINT)
    text, _ = first.communicate(timeout=120)

    assert first.returncode == 130, text
    assert "interrupted" in text
    assert "Traceback" not in text
    assert left_behind(tmp_path) == []
    assert (tmp_path / "prankcall-demo.db").exists()

    live = played_on_a_terminal(tmp_path, "--players", "3", "--calls", "4")

    # The view is drawn over what it was, again and again, and is gone in the end; what was noted stays.
    assert live.count(ERASED) > 100
    assert "12/12 calls over" in live
    assert "killed prankcall:Router" in live
    assert "Balance sheet" in live.rpartition(ERASED)[2]
    assert not (tmp_path / "prankcall-demo.db").exists()


def test_an_interrupt_while_ray_starts_leaves_nothing_behind(tmp_path: Path) -> None:
    demo = start(tmp_path)
    try:
        until = time.monotonic() + 60
        while not any("/raylet/raylet" in title for title in descendants(demo.pid).values()):
            assert demo.poll() is None
            assert time.monotonic() < until

        # Whoever sees nothing happen presses again.
        for _ in range(3):
            os.killpg(demo.pid, signal.SIGINT)
        text, _ = demo.communicate(timeout=60)
    finally:
        demo.kill()

    assert demo.returncode == 130, text
    assert "it ends as soon as Ray has started" in text
    assert "Traceback" not in text
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize("options", [("--players", "0"), ("--speed", "-1"), ("--kill", "everything")])
def test_a_wrong_option_is_named(tmp_path: Path, options: tuple[str, str]) -> None:
    demo = start(tmp_path, *options)

    text, _ = demo.communicate(timeout=60)

    assert demo.returncode == 2
    assert options[0] in text
    assert "Traceback" not in text
