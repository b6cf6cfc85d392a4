"""What the commands of a terminal say when a running game does not answer as it should."""

import io
from typing import Any

import pytest
from rich.console import Console

from actors import Aggregate, TrunklineError
from apps.prankcall.cli import main
from apps.prankcall.commands import Terminal
from apps.prankcall.events import ReceiptSent, RefusedPurchase
from apps.prankcall.leaderboard import Leaderboard
from apps.prankcall.wallet import Wallet
from runtime import NotRunning, Recorded, RequestTimeout, Runtime

from .world import EIGHT, recorded


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
    said = capsys.readouterr()
    assert "no game runs here" in said.err
    assert "fix: `prankcall serve` opens one" in said.err
    assert said.out == "", "there a program reads the board"


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


def test_an_order_that_another_made_without_its_key_is_refused_and_that_is_said() -> None:
    class Taken(Silent):
        def request(self, *_: object, idempotency_key: str) -> Any:
            return RefusedPurchase(player_id="ada", order=idempotency_key, reason="there is an order of this name")

    said = io.StringIO()
    terminal = Terminal(Console(file=said, width=120), None, False)
    terminal._attached = lambda: Taken()  # type: ignore[assignment, method-assign, return-value]

    status = terminal.buy("ada", 10, "o-1")

    assert status == 1
    assert said.getvalue() == "o-1 is refused: there is an order of this name\n"


class Played:
    """A running game in which a player has won points, or nobody; with the receipts that a player got."""

    def __init__(self, **standings: int) -> None:
        self._standings = standings

    def __enter__(self) -> "Played":
        return self

    def __exit__(self, *_: object) -> None: ...

    def get(self, cls: type, id: str = "") -> Aggregate | None:
        if cls is Wallet:
            return Wallet(credits=30, reserved={"c-1": 10})
        return Leaderboard(standings=self._standings) if self._standings else None

    def tail(self, *_: object) -> list[Recorded]:
        return [recorded("receipt_sent", "Receipts/ada", ReceiptSent(player_id="ada", about="o-1", what="paid"))]


def shown(game: Any, *, person: bool) -> tuple[str, str]:
    """The board and Ada's receipts, as a person or a program sees them."""
    found = []
    for show in (lambda t: t.board(), lambda t: t.receipts("ada")):
        file = io.StringIO()
        terminal = Terminal(Console(file=file, force_terminal=person, color_system=None, width=120), None, False)
        terminal._attached = lambda: game  # type: ignore[method-assign]
        assert show(terminal) == 0
        found.append(file.getvalue())
    return found[0], found[1]


def test_of_a_board_without_points_a_person_is_told_when_they_come() -> None:
    assert "nobody has points yet" in shown(Played(), person=True)[0]
    assert shown(Played(), person=False)[0] == ""


def test_a_pipe_gets_board_and_receipts_as_lines_with_tabs() -> None:
    board, receipts = shown(Played(ada=12, grace=7), person=False)

    assert board == "1\tada\t12\n2\tgrace\t7\n"
    when = EIGHT.astimezone().isoformat(sep=" ", timespec="milliseconds")
    assert receipts == f"{when}\tpaid\to-1\n"


def test_a_person_gets_board_and_receipts_as_tables_with_what_the_columns_are() -> None:
    board, receipts = shown(Played(ada=12), person=True)

    assert "points" in board.splitlines()[0]
    assert "about" in receipts.splitlines()[0]
    assert "ada holds 30 credits; 10 are set aside" in receipts
    assert "\t" not in board + receipts
