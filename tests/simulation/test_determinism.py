"""One seed, one history: else a failure could not be seen again."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from runtime.simulation.play import SCENARIOS, Outcome, play
from runtime.simulation.violation import Violation

ROOT = Path(__file__).resolve().parent.parent.parent
SEEDS = range(6)


def outcome(seed: int, scenario: str) -> Outcome | str:
    try:
        return play(seed, scenario=scenario)
    except Violation as violation:
        return str(violation)


@pytest.mark.parametrize("scenario", sorted(SCENARIOS))
def test_a_seed_gives_the_same_history_again(scenario: str) -> None:
    first = [outcome(seed, scenario) for seed in SEEDS]

    again = [outcome(seed, scenario) for seed in reversed(SEEDS)]

    assert again[::-1] == first


def test_seeds_differ() -> None:
    digests = {play(seed).digest for seed in SEEDS}

    assert len(digests) == len(SEEDS)


@pytest.mark.parametrize("scenario", sorted(SCENARIOS))
def test_a_seed_gives_the_same_history_in_a_process_that_hashes_otherwise(scenario: str) -> None:
    told = [traced(scenario, hash_seed) for hash_seed in ("1", "2")]

    assert told[0] == told[1]
    assert re.search("digest='[0-9a-f]{32}'", told[0]), told[0]


def traced(scenario: str, hash_seed: str) -> str:
    """All that a process prints of a history."""
    command = [sys.executable, "-m", "runtime.simulation", "--seed", "5", "--app", scenario, "--trace"]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert not run.stderr, run.stderr
    return run.stdout
