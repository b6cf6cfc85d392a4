"""What a start prints: its slow steps while they take their time, then where the journal is."""

from functools import partial
from pathlib import Path

import pytest

from actors import Aggregate, App, Event, on
from runtime import Runtime
from runtime.progress import Progress


class Knocked(Event, origin=True):
    door: str


class Door(Aggregate, key="door"):
    @on
    def knock(self, event: Knocked) -> None: ...


@pytest.fixture(autouse=True)
def aloud(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not quiet, and without patience: every step that takes any time is told."""
    monkeypatch.delenv("TRUNKLINE_QUIET", raising=False)
    monkeypatch.setattr("runtime.launching.Progress", partial(Progress, patience=0))


def said(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().err.splitlines()


def test_it_says_what_takes_long_and_where_the_journal_is(
    nothing_left: None,
    app_name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)

    with Runtime.start(App(app_name, Door), journal="doors.db"):
        lines = said(capsys)

    assert "trunkline: starting router, hosts and gateways ..." in lines
    assert lines[-1] == f"trunkline: {app_name} runs; its journal is {tmp_path / 'doors.db'}"


def test_it_says_that_a_journal_in_memory_does_not_last(
    nothing_left: None, app_name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with Runtime.start(App(app_name, Door), journal="memory://"):
        lines = said(capsys)

    assert lines[-1] == (
        f"trunkline: {app_name} runs; its journal is memory://, and is lost when its router's process dies"
    )


def test_it_says_that_a_detached_app_ends_with_a_ray_of_this_process(
    nothing_left: None, app_name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rt = Runtime.start(App(app_name, Door), journal=tmp_path / "doors.db", lifetime="detached")
    lines = said(capsys)
    rt.stop()

    assert lines[-1].startswith(f"trunkline: {app_name} is detached, and yet ends with this process")
