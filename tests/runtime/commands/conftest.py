"""A shop's journal at rest, and the command line as a program sees it."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from runtime.cli import main
from runtime.journal.memory import MemoryStore

from .journals import kept, played
from .shop import Announced, AttemptedPurchase, Spent, app


class Said(NamedTuple):
    """What a command said."""

    status: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


Trunkline = Callable[..., Said]


@pytest.fixture(scope="session")
def store() -> MemoryStore:
    """Ada buys twice and hears something; grace buys, and spends more than she has: that is parked."""
    return played(
        app,
        [
            AttemptedPurchase(player_id="ada", credits=10),
            AttemptedPurchase(player_id="grace", credits=5),
            AttemptedPurchase(player_id="ada", credits=7),
            Announced(text="hear, hear"),
            Spent(player_id="grace", credits=99),
            Spent(player_id="grace", credits=1),
        ],
    )


@pytest.fixture
def journal(store: MemoryStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The shop's journal, alone in the working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.delenv("TRUNKLINE_JOURNAL", raising=False)
    monkeypatch.setenv("COLUMNS", "400")
    return kept(store, tmp_path / "shop.db")


@pytest.fixture
def trunkline(capsys: pytest.CaptureFixture[str]) -> Trunkline:
    """Runs a command."""

    def run(*arguments: str) -> Said:
        capsys.readouterr()
        status = main(arguments)
        return Said(status, *capsys.readouterr())

    return run
