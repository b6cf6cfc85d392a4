"""The live view of a game."""

import asyncio
import io
import sys
from contextlib import redirect_stderr, redirect_stdout

from rich.console import Console

from apps.prankcall.view import View


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
