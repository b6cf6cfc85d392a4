"""What is shown of a game on a terminal: the live view, and tables."""

import asyncio
import io
import sys
from contextlib import redirect_stderr, redirect_stdout

import pytest
import ray
from rich.console import Console

from apps.prankcall import cli, demo
from apps.prankcall.events import AnsweredCall, RefusedCall
from apps.prankcall.leaderboard import Leaderboard
from apps.prankcall.report import show_board
from apps.prankcall.view import View

from .world import recorded


def test_what_ray_prints_meanwhile_goes_where_the_demo_has_it_go() -> None:
    """Else the demo could not drop it, and a paragraph of Ray's would stand between the lines of the game."""
    shown, printed = io.StringIO(), io.StringIO()

    async def watch() -> None:
        async with View(Console(file=shown, force_terminal=True), 1, frozenset()) as view:
            print("(raylet) A worker died")
            print("(raylet) as well", file=sys.stderr)
            view.note("killed")

    with redirect_stdout(printed), redirect_stderr(printed):
        asyncio.run(watch())

    assert "killed" in shown.getvalue()
    assert "raylet" not in shown.getvalue()
    assert printed.getvalue() == "(raylet) A worker died\n(raylet) as well\n"


def test_what_ray_prints_as_it_ends_is_no_part_of_the_demo(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", lambda **_: None)
    monkeypatch.setattr(ray, "shutdown", lambda: print("(raylet) [repeated 2x]", file=sys.stderr))

    with demo._ray(cli.output()):
        print("the books balance")

    said = capsys.readouterr()
    assert "the books balance" in said.out
    assert said.err == ""


def test_the_live_view_shows_what_has_just_happened_and_how_many_calls_are_over() -> None:
    shown = io.StringIO()

    async def watch() -> None:
        terminal = Console(file=shown, force_terminal=True, width=120, color_system=None)
        async with View(terminal, 2, frozenset({"refused_call"})) as view:
            view.hear(recorded("answered_call", "client", AnsweredCall(call_id="c-1", provider_id="SIM1")))
            view.hear(recorded("refused_call", "Call/c-2", RefusedCall(call_id="c-2", player_id="ada", reason="busy")))
            view.note("killed")

    asyncio.run(watch())

    text = shown.getvalue()
    assert "20:00:00  answered_call  client    call_id=c-1 provider_id=SIM1" in text
    assert "20:00:00  refused_call   Call/c-2  call_id=c-2 player_id=ada reason=busy" in text
    assert "  1/2 calls over" in text, "beside the bar"
    assert "1/2 calls over: 1 refused_call, 1 answered_call" in text.splitlines()[-1]


def test_a_name_that_looks_like_markup_is_shown_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    show_board(cli.output(), Leaderboard(standings={"[/red]": 2, "[bold]ada": 1}))

    out = capsys.readouterr().out
    assert "[/red]" in out
    assert "[bold]ada" in out
