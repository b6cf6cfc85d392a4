"""The benchmarks measure what the README shows, and what they measure is done right; how fast, no test says."""

import json
import math
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.runtime.lifetimes.programs import environment

ROOT = Path(__file__).resolve().parent.parent
ROWS = {
    "plain Ray calls, not durable": ("purchases", "plain Ray calls, not durable"),
    "one round trip to an async Ray actor": ("purchases", "one round trip to an async Ray actor"),
    "`eventsourcing` 9.5, SQLite, a purchase alone": ("purchases", "eventsourcing, SQLite, a purchase alone, p50"),
    "in bulk, at most": ("purchases", "in bulk, at most"),
    "streamed": ("purchases", "streamed"),
    "gathered from": ("purchases", "tasks publish one at a time each, gathered"),
    "64 tasks": ("purchases", "64 tasks, each waits for its receipt"),
    "`wait=False` in a loop": ("purchases", "wait=False in a loop"),
    "a purchase alone, running on / not": ("purchases", "known to be, running on off, p50"),
    "`publish` of one event, one thread": ("purchases", "publish of one event, durable, one thread"),
    "in bulk, payments as a gateway": ("purchases", "in bulk, payments as a gateway"),
    "one client process / ten": ("clients", "client processes, one event at a time each"),
    "100,000 instances activated": ("many", "instances activated"),
    "router's CPU an event": ("many", "router's CPU an event"),
    "start on a journal of 1,000,000 events": ("many", "beyond Ray's start"),
    "`trunkline why` in 1,000,000 events": ("million", "why, of a purchase in the middle"),
}
"""How a row of the README's figures begins: which benchmark measures it, and what stands in what that says."""


def test_every_figure_in_the_readme_has_a_benchmark() -> None:
    figures = (ROOT / "README.md").read_text().partition("\n## Figures\n")[2].partition("\n## ")[0]
    shown = re.findall(r"^\| (.+?) \|", figures, re.MULTILINE)[1:]

    assert shown
    assert [row for row in shown if not row.startswith(tuple(ROWS))] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ["purchases", "clients", "many", "million"])
def test_a_benchmark_yields_its_figures(name: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", name, "--small", "--json"],
        cwd=tmp_path,
        env=environment(PYTHONPATH=str(ROOT), TRUNKLINE_QUIET="1"),
        capture_output=True,
        text=True,
        timeout=300,
    )

    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)["figures"]
    assert all(math.isfinite(figure["value"]) for figure in figures)
    assert [part for by, part in ROWS.values() if by == name and not any(part in f["what"] for f in figures)] == []
