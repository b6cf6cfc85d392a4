"""`python -m benchmarks`: all figures of the README; or some, by name."""

import argparse
import importlib
import sys

from benchmarks.figures import Figure, show
from benchmarks.sizes import FULL, SMALL

ALL = ("purchases", "clients", "many", "million")


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(ALL)}; all by default")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--small", action="store_true", help="measure next to nothing: to see that all of it runs")
    options = parser.parse_args()
    unknown = set(options.names) - set(ALL)
    if unknown:
        parser.error(f"no benchmark {', '.join(sorted(unknown))}: there are {', '.join(ALL)}")
    figures: list[Figure] = []
    for name in options.names or ALL:
        figures += importlib.import_module(f"benchmarks.{name}").main(SMALL if options.small else FULL)
    show(figures, options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
