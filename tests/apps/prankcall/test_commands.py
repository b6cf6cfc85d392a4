"""What the commands of a terminal say when a running game does not answer as it should."""

import io
from typing import Any

import pytest
from rich.console import Console

from actors import TrunklineError
from apps.prankcall.cli import main
from apps.prankcall.commands import Terminal
from runtime import NotRunning, RequestTimeout, Runtime


class Silent:
    """A running game that takes what is asked for, and does not answer in time."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    def __enter__(self) -> "Silent":
        return self

    def __exit__(self, *_: object) -> None: ...

    def request(self, *_: object, idempotency_key: str) -> None:
        self.keys.append(idempotency_key)
        raise RequestTimeout("nothing came of it", hint="it may still come.")


def test_who_hears_nothing_of_an_order_or_a_call_is_told_how_to_ask_for_the_same_again() -> None:
    game: Any = Silent()
    terminal = Terminal(Console(file=io.StringIO()), None, False)
    terminal._attached = lambda: game  # type: ignore[method-assign]

    with pytest.raises(TrunklineError) as bought:
        terminal.buy("ada", 10, None)
    with pytest.raises(TrunklineError) as called:
        terminal.call("ada", "grace", "fish", None)

    order, call = game.keys
    assert f"--order {order}" in bought.value.hint
    assert f"--call-id {call}" in called.value.hint


def test_where_no_game_runs_it_is_told_how_to_open_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def attach(*_: object, address: str | None) -> None:
        raise NotRunning("no app 'prankcall' was found", hint="start the app: Runtime.start(app).")

    monkeypatch.setattr(Runtime, "attach", attach)

    status = main(["board"])

    assert status == 1
    assert "no game runs here" in (said := capsys.readouterr().out)
    assert "fix: `prankcall serve` opens one" in said


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("buy", "--player", "ada", "--credits", "abc"), "'abc' is no whole number"),
        (("demo", "--speed", "fast"), "'fast' is no number"),
    ],
)
def test_what_is_no_number_is_told_in_words(
    arguments: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert ended.value.code == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("command", ["demo", "serve", "buy", "consent", "call", "hangup", "board", "receipts"])
def test_a_command_shows_examples_of_itself_alone(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([command, "--help"])

    examples = capsys.readouterr().out.partition("examples:\n")[2].splitlines()
    assert examples
    assert all(line.split()[:2] == ["prankcall", command] for line in examples)


def test_of_a_board_without_points_it_is_said_when_they_come(monkeypatch: pytest.MonkeyPatch) -> None:
    class New:
        """A game in which no call has ended."""

        def __enter__(self) -> "New":
            return self

        def __exit__(self, *_: object) -> None: ...

        def get(self, cls: type) -> None: ...

    shown = io.StringIO()
    terminal = Terminal(Console(file=shown), None, False)
    monkeypatch.setattr(terminal, "_attached", New)

    status = terminal.board()

    assert status == 0
    assert "nobody has points yet" in shown.getvalue()
