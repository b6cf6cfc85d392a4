"""`prankcall` on the command line."""

import argparse
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TextIO

from rich.console import Console

from actors import TrunklineError
from apps.prankcall.pranks import PRANKS

if TYPE_CHECKING:
    from apps.prankcall.commands import Terminal

EXAMPLES = """examples:
  prankcall demo
  prankcall demo --players 10 --calls 6 --speed 120 --kill 3
  prankcall demo --seed 7 --kill none

  prankcall serve                                    # in one terminal; in another:
  prankcall buy --player ada --credits 50
  prankcall consent --friend grace --player ada
  prankcall call --player ada --friend grace
  prankcall hangup call-5f0c12aa
  prankcall board
  prankcall receipts --player ada
"""
SEED = (
    "repeats a game: the same events from every instance, in the same order, the same points (default 1). It holds "
    "while the machine keeps up with the clock of the game; where a report comes minutes of the game too late, its "
    "call's limit may be reached first: a hangup more in the log, the same points. Over an hour late, the call is "
    "given up. A lower --speed helps, and the game says if it was needed"
)
WIDE = 160
"""Columns of tables and trees where no terminal says how many there are: enough to cut little."""
INTERRUPTED = 130
"""What a shell gives for a program that Ctrl-C ended."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; its exit status: 0 done, 1 it went wrong, 2 it was asked wrongly, 130 interrupted."""
    options = _parser().parse_args(arguments)
    console = output()
    try:
        status: int = options.run(console, options)
        return status
    except KeyboardInterrupt:
        # Nor is the end of this process to be interrupted.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if options.command == "demo":
            console.print("\ninterrupted: run it again, and it goes on where it stopped", style="yellow")
        return INTERRUPTED
    except TrunklineError as error:
        return _went_wrong(error)
    except ExceptionGroup as group:
        # Of what several tasks did at once.
        trouble, others = group.split(TrunklineError)
        if trouble is None or others is not None:
            raise
        return _went_wrong(_first(trouble))


def output(file: TextIO | None = None) -> Console:
    """Where commands print: standard output, or this. No name is markup, whatever a player calls herself."""
    file = file or sys.stdout
    if file.isatty():
        return Console(file=file, highlight=False, markup=False)
    return Console(file=file, highlight=False, markup=False, soft_wrap=True, width=WIDE)


def _went_wrong(error: TrunklineError) -> int:
    # Not where a program reads what it asked for.
    output(sys.stderr).print(str(error), style="red")
    return 1


def _first(group: ExceptionGroup[TrunklineError]) -> TrunklineError:
    error = group.exceptions[0]
    return _first(error) if isinstance(error, ExceptionGroup) else error


# Ray takes a second to import: the functions that need it do so when they run, not for --help.


def _demo(console: Console, options: argparse.Namespace) -> int:
    from apps.prankcall.harm import victims

    try:
        whom = victims(options.kill, options.seed)
    except ValueError as error:
        options.parser.error(f"argument --kill: {error}")
    from apps.prankcall.demo import Wish, run, watch

    if options.attach:
        return watch(console, options.address)
    return run(console, Wish(options.seed, options.players, options.calls, options.speed, whom, options.journal))


def _serve(console: Console, options: argparse.Namespace) -> int:
    from apps.prankcall.serving import serve

    serve(console, journal=options.journal, seed=options.seed, host=options.host, port=options.port)
    return 0


def _terminal(console: Console, options: argparse.Namespace) -> "Terminal":
    from apps.prankcall.commands import Terminal

    return Terminal(console, options.address, options.json)


def _parser() -> argparse.ArgumentParser:
    how: dict[str, Any] = {"formatter_class": argparse.RawDescriptionHelpFormatter}
    parser = argparse.ArgumentParser(
        prog="prankcall",
        description="The prank-call game on Trunkline. No account, key or network is needed.",
        epilog=EXAMPLES,
        **how,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    demo = commands.add_parser(
        "demo", help="players buy credits and have friends called; processes are killed; the books are checked", **how
    )
    demo.set_defaults(run=_demo, parser=demo)
    demo.add_argument("--seed", type=int, default=1, help=SEED)
    demo.add_argument("--players", type=_positive, default=6, help="default 6")
    demo.add_argument("--calls", type=_positive, default=4, help="of each player (default 4)")
    demo.add_argument("--speed", type=_above_0, default=60.0, help="times as fast as life (default 60)")
    demo.add_argument(
        "--kill",
        metavar="WHAT",
        default="router",
        help="processes to kill while it plays: a number (at random), or router, host, gateways, supervisor, "
        "several with commas, or none (default router)",
    )
    demo.add_argument("--journal", help="a file (default prankcall-demo.db here); an unfinished game goes on")
    demo.add_argument("--attach", action="store_true", help="join a game that runs, and watch it to its end")
    demo.add_argument("--address", help="of the Ray cluster that it runs on (default: the one of this machine)")

    serve = commands.add_parser("serve", help="open a game for the commands below, until Ctrl-C or SIGTERM", **how)
    serve.set_defaults(run=_serve)
    serve.add_argument("--journal", help="path or URL (default prankcall.db here)")
    serve.add_argument("--seed", type=int, default=1, help="of the simulated telephones (default 1)")
    serve.add_argument("--host", default="127.0.0.1", help="where Twilio's reports are heard (default 127.0.0.1)")
    serve.add_argument("--port", type=_positive, default=8000, help="default 8000")

    buy = _command(commands, "buy", "buy credits for a player", how)
    buy.set_defaults(run=lambda c, o: _terminal(c, o).buy(o.player, o.credits, o.order))
    buy.add_argument("--player", required=True, type=_name)
    buy.add_argument("--credits", type=_positive, required=True, help="the sandbox declines 13 and 66")
    buy.add_argument("--order", type=_name, help="an order number: the same one again is no new order")

    consent = _command(commands, "consent", "a friend agrees to be called by a player", how)
    consent.set_defaults(run=lambda c, o: _terminal(c, o).consent(o.friend, o.player, withdraw=o.withdraw))
    consent.add_argument("--friend", required=True, type=_name)
    consent.add_argument("--player", required=True, type=_name)
    consent.add_argument("--withdraw", action="store_true", help="does not agree any longer")

    call = _command(commands, "call", "have a friend called", how)
    call.set_defaults(run=lambda c, o: _terminal(c, o).call(o.player, o.friend, o.prank, o.call_id))
    call.add_argument("--player", required=True, type=_name)
    call.add_argument("--friend", required=True, type=_name)
    call.add_argument("--prank", choices=sorted(PRANKS), default="fish")
    call.add_argument("--call-id", type=_name, help="a name for the call (default: a new one)")

    hangup = _command(commands, "hangup", "end a call", how)
    hangup.set_defaults(run=lambda c, o: _terminal(c, o).hang_up(o.call_id))
    hangup.add_argument("call_id", type=_name, metavar="CALL")

    board = _command(commands, "board", "who leads", how)
    board.set_defaults(run=lambda c, o: _terminal(c, o).board())

    receipts = _command(commands, "receipts", "what was written to a player, and the credits held", how)
    receipts.set_defaults(run=lambda c, o: _terminal(c, o).receipts(o.player))
    receipts.add_argument("--player", required=True, type=_name)
    for name, command in commands.choices.items():
        command.epilog = _examples(name)
    return parser


def _examples(command: str) -> str:
    """Those of one command."""
    lines = [line.partition("#")[0].rstrip() for line in EXAMPLES.splitlines()]
    return "\n".join(["examples:", *(line for line in lines if line.split()[:2] == ["prankcall", command])])


def _command(commands: Any, name: str, help: str, how: dict[str, Any]) -> argparse.ArgumentParser:
    """A command on a running game."""
    parser: argparse.ArgumentParser = commands.add_parser(name, help=help, **how)
    parser.add_argument("--address", help="of the Ray cluster that the game runs on (default: the one of this machine)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


def _name(text: str) -> str:
    if not text or not text.isprintable():
        raise argparse.ArgumentTypeError(f"{text!r} is no name: it must be printable, and not empty")
    return text


def _positive(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number") from None
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def _above_0(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number") from None
    if not number > 0:
        raise argparse.ArgumentTypeError("must be above 0")
    return number


__all__ = ["main"]
