"""`prankcall` on the command line."""

import argparse
import sys
from collections.abc import Sequence

from rich.console import Console

from actors import TrunklineError

EXAMPLES = """examples:
  python -m apps.prankcall demo
  python -m apps.prankcall demo --players 10 --calls 6 --speed 120 --kill 3
  python -m apps.prankcall demo --seed 7 --kill none
"""
INTERRUPTED = 130
"""What a shell gives for a program that Ctrl-C ended."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; its exit status: 0 done, 1 it went wrong, 2 it was asked wrongly, 130 interrupted."""
    parser = argparse.ArgumentParser(
        prog="prankcall",
        description="The prank-call game on Trunkline. No account, key or network is needed.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    demo = commands.add_parser(
        "demo",
        help="players buy credits and have friends called; processes are killed; the books are checked",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    demo.add_argument("--seed", type=int, default=1, help="repeats a game: the same events (default 1)")
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
    demo.add_argument("--journal", help="path or URL (default prankcall.db here); an unfinished game goes on")
    options = parser.parse_args(arguments)
    console = Console(file=sys.stdout, highlight=False, soft_wrap=not sys.stdout.isatty())
    try:
        # Ray takes a second to import: not for --help.
        from apps.prankcall.demo import Wish, run
        from apps.prankcall.harm import victims

        try:
            whom = victims(options.kill, options.seed)
        except ValueError as error:
            demo.error(f"--kill {error}")
        wish = Wish(options.seed, options.players, options.calls, options.speed, whom, options.journal)
        return run(console, wish)
    except KeyboardInterrupt:
        console.print("\ninterrupted: run it again, and it goes on where it stopped", style="yellow")
        return INTERRUPTED
    except TrunklineError as error:
        console.print(str(error), style="red", markup=False)
        return 1


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def _above_0(text: str) -> float:
    number = float(text)
    if not number > 0:
        raise argparse.ArgumentTypeError("must be above 0")
    return number


__all__ = ["main"]
