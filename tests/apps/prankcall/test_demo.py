"""The demo as a user runs it: a process of its own, killed processes, an interrupt."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.slow


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


def left_behind(folder: Path) -> list[str]:
    """Processes that have this demo's journal in what they were told, or its folder as their own."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                if (process / "cwd").resolve() == folder:
                    found.append((process / "cmdline").read_text().replace("\0", " "))
            except OSError:
                continue
    return found


@pytest.mark.parametrize("victim", ["router", "host", "gateways", "supervisor"])
def test_the_books_balance_whatever_is_killed_and_nothing_is_left(tmp_path: Path, victim: str) -> None:
    demo = start(tmp_path, "--kill", victim, "--purchases", "200", "--rate", "100")

    text, _ = demo.communicate(timeout=120)

    assert demo.returncode == 0, text
    assert "with SIGKILL" in text
    assert "is back as process" in text
    assert "DIFFERS" not in text
    assert "What one purchase led to" in text
    assert "Which Ray actor held what" in text
    assert "Traceback" not in text
    assert "(raylet)" not in text
    assert left_behind(tmp_path) == []


def test_an_interrupted_demo_ends_cleanly_and_goes_on_when_run_again(tmp_path: Path) -> None:
    first = start(tmp_path, "--purchases", "300", "--rate", "50")
    assert first.stdout is not None
    for line in first.stdout:
        if "with SIGKILL" in line:
            break
    os.killpg(first.pid, signal.SIGINT)

    rest = first.stdout.read()
    status = first.wait(timeout=60)
    again = start(tmp_path, "--purchases", "300", "--rate", "500", "--kill", "none")
    text, _ = again.communicate(timeout=120)

    assert status == 130, rest
    assert "Traceback" not in rest
    assert "goes on where it stopped" in rest
    assert again.returncode == 0, text
    assert "300/300 orders done" in text
    assert left_behind(tmp_path) == []
