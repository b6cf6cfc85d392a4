"""`prankcall` on the command line."""

import argparse
import sys
from collections.abc import Sequence

from rich.console import Console

from actors import TrunklineError

EXAMPLES = """examples:
  python -m apps.prankcall demo
  python -m apps.prankcall demo --purchases 2000 --rate 500 --kill supervisor
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
        help="players buy credits; a process is killed in the middle; the books are checked",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    demo.add_argument("--seed", type=int, default=1, help="repeats a run: the same purchases (default 1)")
    demo.add_argument("--players", type=int, default=8, help="default 8")
    demo.add_argument("--purchases", type=int, default=400, help="default 400")
    demo.add_argument("--rate", type=float, default=60.0, help="purchases a second (default 60)")
    demo.add_argument(
        "--kill",
        choices=("router", "host", "gateways", "supervisor", "none"),
        default="router",
        help="the process to kill half-way (default router)",
    )
    demo.add_argument("--journal", help="path or URL (default prankcall.db here); an unfinished run goes on")
    options = parser.parse_args(arguments)
    console = Console(file=sys.stdout, highlight=False, soft_wrap=not sys.stdout.isatty())
    try:
        # Ray takes a second to import: not for --help.
        from apps.prankcall.demo import run

        return run(
            console,
            seed=options.seed,
            players=options.players,
            purchases=options.purchases,
            rate=options.rate,
            victim=options.kill,
            journal=options.journal,
        )
    except KeyboardInterrupt:
        console.print("\ninterrupted: run it again, and it goes on where it stopped", style="yellow")
        return INTERRUPTED
    except TrunklineError as error:
        console.print(str(error), style="red", markup=False)
        return 1


__all__ = ["main"]
