"""A figure, how it is shown, and the machine it was measured on."""

import json
import os
import platform
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value; `target` is what the ratio should reach, in words."""

    what: str
    value: float
    unit: str
    ratio: float | None = None
    to: str = ""
    """What the ratio is to, measured in the same run."""
    target: str = ""


def machine() -> str:
    """The machine, in a line."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} cores ({model}), {memory:.0f} GiB, Linux {platform.release()}, "
        f"Python {platform.python_version()}, {datetime.now(UTC):%Y-%m-%d}"
    )


def progress(text: str) -> None:
    """Say what is being measured."""
    print(f"{text} ...", file=sys.stderr, flush=True)


def show(figures: Iterable[Figure], as_json: bool) -> None:
    """A table, or JSON for a program."""
    if as_json:
        print(json.dumps({"machine": machine(), "figures": [asdict(f) for f in figures]}, indent=2))
        return
    table = Table(title=machine(), title_justify="left")
    table.add_column("what")
    table.add_column("value", justify="right")
    table.add_column("ratio", justify="right")
    table.add_column("target")
    for f in figures:
        value = f"{f.value:,.0f}" if f.value >= 100 else f"{f.value:,.2f}"
        ratio = "" if f.ratio is None else f"{f.ratio:.1f} x {f.to}"
        table.add_row(f.what, f"{value} {f.unit}", ratio, f.target)
    Console(width=None if sys.stdout.isatty() else 140).print(table)
