"""Run histories from the command line: `python -m runtime.simulation --seed 7 --trace`."""

import argparse
import gc
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from runtime.progress import Progress
from runtime.simulation.play import SCENARIOS, Outcome, play, replay_command

TOGETHER = 10
"""Histories that a process is given at a time."""


def main() -> int:
    """Run the histories asked for; 1 if one breaks a promise."""
    parser = argparse.ArgumentParser(prog="python -m runtime.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--count", type=int, default=1, help="how many seeds, from the first on")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many at the same time: one a core")
    parser.add_argument("--app", choices=sorted(SCENARIOS), default=None, help="else drawn from the seed")
    parser.add_argument(
        "--run-on", action=argparse.BooleanOptionalAction, default=None, help="else drawn from the seed"
    )
    parser.add_argument("--trace", action="store_true", help="print every step that is noted")
    parser.add_argument("--keep-going", action="store_true", help="go on after a broken promise")
    options = parser.parse_args()
    begun = time.perf_counter()
    done = broken = 0
    with Progress(quiet=options.trace) as progress:
        progress.step("running histories")
        for outcome in _outcomes(options):
            done += 1
            progress.update(f"{done:,} of {options.count:,} histories, {broken} broke a promise")
            if isinstance(outcome, str):
                broken += 1
                print(outcome, file=sys.stderr)
                if not options.keep_going:
                    return 1
            elif options.count == 1:
                print(f"seed {options.seed}: {outcome}")
    spent = time.perf_counter() - begun
    if options.count > 1:
        rate = f"{60 * done / spent:,.0f} a minute"
        print(f"{done - broken} of {done} histories kept every promise, {spent:.1f} s, {rate}")
    return 1 if broken else 0


def _outcomes(options: argparse.Namespace) -> Iterator[Outcome | str]:
    seeds = range(options.seed, options.seed + options.count)
    history = partial(_history, scenario=options.app, run_on=options.run_on, trace=options.trace)
    if options.jobs == 1 or options.trace or len(seeds) <= TOGETHER:
        yield from map(history, seeds)
        return
    # What was imported stays: to look for garbage in it took a tenth of the time.
    pool = ProcessPoolExecutor(options.jobs, initializer=gc.freeze)
    try:
        yield from pool.map(history, seeds, chunksize=TOGETHER)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _history(seed: int, *, scenario: str | None, run_on: bool | None, trace: bool) -> Outcome | str:
    """One history: its outcome, or what went wrong and how to see it again."""
    try:
        return play(seed, scenario=scenario, run_on=run_on, tell=print if trace else None)
    except Exception as error:
        return f"seed {seed}: {type(error).__name__}: {error}\n  {replay_command(seed, scenario, run_on)}"


if __name__ == "__main__":
    sys.exit(main())
