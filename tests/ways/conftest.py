"""Whether this machine can have hosts for tests."""

import os

import pytest

from tests.ways.hosts import what_is_missing


@pytest.fixture(scope="session")
def hosts_possible() -> None:
    missing = what_is_missing()
    if missing:
        # Where landings are tested it must run.
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)
