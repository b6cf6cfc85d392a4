"""A game played from a terminal, against one that is open."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.apps.prankcall.twilio_api.standin import SID, TOKEN, send, signed
from tests.processes import descendants, those_that_go_on

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


@contextmanager
def opened(
    folder: Path, *options: str, until: str, end: signal.Signals, group: bool = False, **variables: str
) -> Iterator[str]:
    """A game that is open, in a folder, and what it said up to then; told to end, it closes cleanly.

    With `group` its whole process group is told, as by `timeout` or a terminal: Ray's node too.
    """
    serving = subprocess.Popen(
        [sys.executable, "-m", "apps.prankcall", "serve", *options],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"} | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert serving.stdout is not None
    try:
        said = ""
        for line in serving.stdout:
            said += line
            if until in line:
                break
        assert until in said, said
        processes = descendants(serving.pid)
        yield said
        (os.killpg if group else os.kill)(serving.pid, end)
        said += serving.stdout.read()
        assert serving.wait(timeout=60) == 0, said
        assert "closed" in said
        assert "Traceback" not in said
        assert "SIGTERM received" not in said, "Ray aborts the process after that"
        assert {pid: processes[pid] for pid in those_that_go_on(processes)} == {}
    finally:
        serving.kill()
        serving.communicate()


@pytest.fixture
def game(tmp_path: Path) -> Iterator[Play]:
    """Commands on a game that is open."""
    with opened(tmp_path, until="--address", end=signal.SIGINT) as said:
        found = re.search(r"--address (\S+)\)", said)
        assert found, said

        def play(command: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
            return prankcall(tmp_path, command, "--address", found[1], *arguments)

        yield play


def test_a_person_plays_from_a_terminal(game: Play) -> None:
    declined = game("buy", "--player", "ada", "--credits", "13")
    bought = game("buy", "--player", "ada", "--credits", "50", "--json")
    without = game("call", "--player", "ada", "--friend", "grace")
    agreed = game("consent", "--friend", "grace", "--player", "ada")
    placed = game("call", "--player", "ada", "--friend", "grace", "--call-id", "c-1")
    hung_up = game("hangup", "c-1")
    board, lines = game("board", "--json"), game("board")
    receipts = game("receipts", "--player", "ada", "--json")

    assert (declined.returncode, bought.returncode, without.returncode) == (1, 0, 1), declined.stderr + bought.stdout
    assert "declined" in declined.stdout
    assert json.loads(bought.stdout)["credits"] == 50
    assert "no consent" in without.stdout
    assert agreed.returncode == placed.returncode == hung_up.returncode == 0, placed.stdout + placed.stderr
    assert "c-1 is placed" in placed.stdout
    assert isinstance(json.loads(board.stdout), list)
    assert "┃" not in lines.stdout, "a program reads it"
    assert {r["what"] for r in json.loads(receipts.stdout)["receipts"]} >= {"declined", "paid"}


def test_what_is_asked_for_again_is_done_once(game: Play) -> None:
    order = ("buy", "--credits", "50", "--order", "o-1", "--json", "--player")

    bought, again = game(*order, "ada"), game(*order, "ada")
    other = game(*order, "linus")
    game("consent", "--friend", "grace", "--player", "ada")
    call = ("call", "--friend", "grace", "--call-id", "c-1", "--json", "--player")
    placed, called = game(*call, "ada"), game(*call, "ada")
    taken = game(*call, "linus")
    receipts = game("receipts", "--player", "ada", "--json")
    unknown = game("hangup", "c-0")
    game("call", "--player", "linus", "--friend", "grace", "--call-id", "c-2")
    refused = game("hangup", "c-2")

    assert bought.returncode == again.returncode == 0, again.stdout + again.stderr
    assert json.loads(again.stdout) == json.loads(bought.stdout)
    assert other.returncode == 1
    assert "o-1 was another order" in other.stderr
    assert placed.returncode == called.returncode == 0, called.stdout + called.stderr
    assert json.loads(called.stdout) == json.loads(placed.stdout)
    assert taken.returncode == 1
    assert "c-1 is another call" in taken.stderr
    assert json.loads(receipts.stdout)["credits"] in (50, 40), "whether it was answered by now"
    assert unknown.returncode == 1
    assert "there is no call c-0" in unknown.stderr
    assert "c-2 is over already" in refused.stdout


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM], ids=lambda end: end.name)
def test_a_game_on_twilio_ends_in_order_whoever_ends_it(tmp_path: Path, end: signal.Signals) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = str(held.getsockname()[1])
    twilio = {
        "TWILIO_ACCOUNT_SID": SID,
        "TWILIO_AUTH_TOKEN": TOKEN,
        "TWILIO_FROM_NUMBER": "+15550199",
        "PRANKCALL_CALLBACK_URL": "https://game.example",
    }

    with opened(tmp_path, "--port", port, until="on Twilio", end=end, **twilio):
        answer = send(signed(f"http://127.0.0.1:{port}/twilio/status", {}, token="another"))

    assert answer == 403


@pytest.mark.parametrize("group", [False, True], ids=["alone", "with its group"])
def test_a_game_on_simulated_telephones_ends_in_order_when_it_is_terminated(tmp_path: Path, group: bool) -> None:
    with opened(tmp_path, until="--address", end=signal.SIGTERM, group=group):
        pass


def test_without_a_game_it_says_how_to_open_one(tmp_path: Path) -> None:
    outcome = prankcall(tmp_path, "board")

    assert outcome.returncode == 1
    assert "fix:" in outcome.stdout + outcome.stderr
    assert "Traceback" not in outcome.stdout + outcome.stderr
