"""Run histories from the command line: `python -m runtime.simulation --seed 7 --trace`."""

import argparse
import sys
import time

from runtime.simulation.play import SCENARIOS, play, replay_command
from runtime.simulation.violation import Violation


def main() -> int:
    """Run the histories asked for; 1 if one breaks a promise."""
    parser = argparse.ArgumentParser(prog="python -m runtime.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--count", type=int, default=1, help="how many seeds, from the first on")
    parser.add_argument("--app", choices=sorted(SCENARIOS), default=None, help="else drawn from the seed")
    parser.add_argument(
        "--run-on", action=argparse.BooleanOptionalAction, default=None, help="else drawn from the seed"
    )
    parser.add_argument("--trace", action="store_true", help="print every step that is noted")
    parser.add_argument("--keep-going", action="store_true", help="go on after a broken promise")
    options = parser.parse_args()
    tell = print if options.trace else None
    begun = time.perf_counter()
    broken = 0
    for seed in range(options.seed, options.seed + options.count):
        try:
            outcome = play(seed, scenario=options.app, run_on=options.run_on, tell=tell)
        except Exception as error:
            broken += 1
            print(f"seed {seed}: {type(error).__name__}: {error}", file=sys.stderr)
            print(f"  {replay_command(seed, options.app, options.run_on)}", file=sys.stderr)
            if not isinstance(error, Violation) and not options.keep_going:
                raise
            if not options.keep_going:
                return 1
            continue
        if options.count == 1:
            print(f"seed {seed}: {outcome}")
    spent = time.perf_counter() - begun
    if options.count > 1:
        print(f"{options.count - broken} of {options.count} histories kept every promise, {spent:.1f} s")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
