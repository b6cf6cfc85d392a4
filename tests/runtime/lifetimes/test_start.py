"""What stands in the way of a start is named, with what to do about it."""

import sys
from pathlib import Path

import pytest

from tests.runtime.lifetimes.programs import BOUGHT, BUY, ROOT, SHOP, Outcome, environment, run

pytestmark = pytest.mark.slow


def start(folder: Path, **variables: str) -> Outcome:
    (folder / "shop.py").write_text(SHOP + BUY)
    return run([sys.executable, "shop.py"], folder, env=environment(PYTHONPATH=str(ROOT), **variables))


def test_no_home_to_keep_rays_token_in(tmp_path: Path) -> None:
    outcome = start(tmp_path, HOME="/dev/null")

    assert outcome.status == 1, str(outcome)
    assert "StartFailed" in outcome.text, str(outcome)
    assert "set RAY_AUTH_TOKEN" in outcome.text, str(outcome)


def test_no_home_but_a_token(tmp_path: Path) -> None:
    outcome = start(tmp_path, HOME="/dev/null", RAY_AUTH_TOKEN="0123456789abcdef" * 4)

    outcome.must_have_said(BOUGHT)
