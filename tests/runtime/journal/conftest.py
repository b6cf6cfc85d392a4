"""Every test that takes `place` runs once for each kind of journal."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from .places import KINDS, Place


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Of a SQLite journal."""
    return tmp_path / "shop.db"


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    made = KINDS[request.param](tmp_path)
    yield made
    made.close()


@pytest.fixture(params=[kind for kind, place in KINDS.items() if place.outlives])
def lasting_place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """A journal's place that outlives the process."""
    made = KINDS[request.param](tmp_path)
    yield made
    made.close()
