"""A game played from a terminal, against one that is open."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.slow


Play = Callable[..., "subprocess.CompletedProcess[str]"]


def prankcall(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "apps.prankcall", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "TRUNKLINE_QUIET": "1", "RAY_AUTH_MODE": "token"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def game(tmp_path: Path) -> Iterator[Play]:
    """Commands on a game that is open; it closes cleanly."""
    serving = subprocess.Popen(
        [sys.executable, "-m", "apps.prankcall", "serve"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert serving.stdout is not None
    said = ""
    for line in serving.stdout:
        said += line
        if "--address" in line:
            break
    found = re.search(r"--address (\S+)\)", said)
    assert found, said

    def play(command: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return prankcall(tmp_path, command, "--address", found[1], *arguments)

    yield play
    serving.send_signal(signal.SIGINT)
    said += serving.stdout.read()
    assert serving.wait(timeout=60) == 0, said
    assert "closed" in said
    assert "Traceback" not in said


def test_a_person_plays_from_a_terminal(game: Play) -> None:
    declined = game("buy", "--player", "ada", "--credits", "13")
    bought = game("buy", "--player", "ada", "--credits", "50", "--json")
    without = game("call", "--player", "ada", "--friend", "grace")
    agreed = game("consent", "--friend", "grace", "--player", "ada")
    placed = game("call", "--player", "ada", "--friend", "grace", "--call-id", "c-1")
    hung_up = game("hangup", "c-1")
    board = game("board", "--json")
    receipts = game("receipts", "--player", "ada", "--json")

    assert (declined.returncode, bought.returncode, without.returncode) == (1, 0, 1), declined.stderr + bought.stderr
    assert "declined" in declined.stdout
    assert json.loads(bought.stdout)["credits"] == 50
    assert "no consent" in without.stdout
    assert agreed.returncode == placed.returncode == hung_up.returncode == 0, placed.stdout + placed.stderr
    assert "c-1 is placed" in placed.stdout
    assert isinstance(json.loads(board.stdout), list)
    assert {r["what"] for r in json.loads(receipts.stdout)["receipts"]} >= {"declined", "paid"}


def test_without_a_game_it_says_how_to_open_one(tmp_path: Path) -> None:
    outcome = prankcall(tmp_path, "board")

    assert outcome.returncode == 1
    assert "fix:" in outcome.stdout + outcome.stderr
    assert "Traceback" not in outcome.stdout + outcome.stderr
