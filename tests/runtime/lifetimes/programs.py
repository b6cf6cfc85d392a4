"""Programs of users, each run as a process with a start of its own, and what they said."""

import os
import re
import select
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PATIENCE = 120.0
"""Seconds after which a program hangs. Nothing is asserted about how long it takes."""

SHOP = """
from actors import Aggregate, App, Event, Gateway, on

BONUS = 3


def with_bonus(credits: int) -> int:
    return credits + BONUS


class AttemptedPurchase(Event, origin=True):
    player_id: str
    credits: int


class CompletedPurchase(Event):
    player_id: str
    credits: int


class CreditsGranted(Event):
    player_id: str
    balance: int


class Payments(Gateway):
    currency: str = "EUR"

    @on(idempotent=True)
    async def charge(self, event: AttemptedPurchase) -> CompletedPurchase:
        return CompletedPurchase(player_id=event.player_id, credits=event.credits)


class Wallet(Aggregate, key="player_id"):
    credits: int = 0

    @on
    def grant(self, event: CompletedPurchase) -> CreditsGranted:
        self._add(event.credits)
        return CreditsGranted(player_id=self.id, balance=self.credits)

    def _add(self, credits: int) -> None:
        self.credits += with_bonus(credits)


class Receipts(Aggregate, key="player_id"):
    balances: list[int] = []

    @on
    def send(self, event: CreditsGranted) -> None:
        self.balances.append(event.balance)


app = App("shop", Payments, Wallet, Receipts)
"""
"""An app with a gateway, two aggregates, a private method, a helper function and a global that it reads."""

BUY = """
from runtime import Runtime


def buy() -> None:
    with Runtime.start(app) as rt:
        rt.publish(AttemptedPurchase(player_id="ada", credits=10))
        rt.publish(AttemptedPurchase(player_id="ada", credits=20))
        rt.drain()
        print("wallet", rt.get(Wallet, "ada").credits, "receipts", sorted(rt.get(Receipts, "ada").balances)[-1:])


if __name__ == "__main__":
    buy()
"""
BOUGHT = "wallet 36 receipts [36]"
"""What `buy` says on an empty journal."""


@dataclass(frozen=True)
class Outcome:
    """How a program ended."""

    command: str
    status: int
    text: str
    """Standard output and error, as they came."""

    def __str__(self) -> str:
        return f"`{self.command}` ended with {self.status} and said:\n{self.text}"

    def must_have_said(self, words: str) -> None:
        assert self.status == 0, str(self)
        assert words in self.text, f"not a word of {words!r}:\n{self}"
        assert "Traceback" not in self.text, str(self)


def environment(**variables: str) -> dict[str, str]:
    """This process's, without what other programs of Ray or of a test run have left in it."""
    bare = {k: v for k, v in os.environ.items() if not k.startswith(("RAY_", "TRUNKLINE_", "PYTEST_"))}
    bare.pop("PYTHONPATH", None)
    return bare | {"RAY_USAGE_STATS_ENABLED": "0", "PYTHONUNBUFFERED": "1"} | variables


def run(
    command: Sequence[str | Path],
    folder: Path,
    *,
    stdin: str = "",
    env: Mapping[str, str] | None = None,
    patience: float = PATIENCE,
) -> Outcome:
    """Run a command to its end. One that hangs is killed, with all that it started, and fails the test."""
    said = " ".join(map(str, command))
    process = subprocess.Popen(
        [str(word) for word in command],
        cwd=folder,
        env=dict(env) if env is not None else environment(PYTHONPATH=str(ROOT)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        text, _ = process.communicate(stdin, timeout=patience)
    except subprocess.TimeoutExpired as hanging:
        os.killpg(process.pid, signal.SIGKILL)
        text, _ = process.communicate()
        raise AssertionError(f"`{said}` hangs; it said:\n{text}") from hanging
    return Outcome(said, process.returncode, text)


def run_python(arguments: Sequence[str | Path], folder: Path, *, stdin: str = "", path: Sequence[Path] = ()) -> Outcome:
    """Run this Python, in a folder, with the checkout and `path` to import from."""
    paths = os.pathsep.join(map(str, (*path, ROOT)))
    return run([sys.executable, *arguments], folder, stdin=stdin, env=environment(PYTHONPATH=paths))


@contextmanager
def running(arguments: Sequence[str | Path], folder: Path, until: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """This Python at work, which has said a line that begins with `until`; and what it said so far."""
    process = subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        cwd=folder,
        env=environment(PYTHONPATH=str(ROOT)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if line.startswith(until):
                break
        else:
            raise AssertionError(f"it ended before it said {until!r}:\n{said}")
        yield process, said
    finally:
        process.kill()
        process.communicate()


def said_processes(text: str) -> list[int]:
    """The processes that a program says its app has."""
    found = re.search(r"^processes (.*)$", text, re.MULTILINE)
    assert found, f"it ended before it said which processes it has:\n{text}"
    return [int(pid) for pid in found[1].split()]


def wait_for_the_end_of(pids: list[int]) -> None:
    """Return when these processes have ended."""
    for pid in pids:
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        ended, _, _ = select.select([handle], [], [], PATIENCE)
        os.close(handle)
        assert ended, f"process {pid} goes on: {Path(f'/proc/{pid}/cmdline').read_text()}"
