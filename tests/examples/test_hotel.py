"""The example runs, and its sums hold whatever it kills."""

from pathlib import Path

import pytest

from tests.runtime.lifetimes.programs import run_python

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_the_sums_of_the_hotel_hold(tmp_path: Path) -> None:
    outcome = run_python([str(ROOT / "examples" / "hotel.py"), "8", "3"], tmp_path)

    assert "all sums hold" in outcome.text, str(outcome)
    assert "killed hotel:" in outcome.text
    assert outcome.status == 0
