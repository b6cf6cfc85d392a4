"""The stories once more, on Ray: nothing depends on who executes them, where instances are placed, or on running on."""

from pathlib import Path

import pytest

from tests.conftest import Start
from tests.scenarios.in_process import in_process
from tests.scenarios.on_ray import on_ray
from tests.scenarios.stories import STORIES


@pytest.mark.parametrize("name", STORIES)
def test_ray_ends_as_the_test_harness_does(name: str, start: Start, tmp_path: Path) -> None:
    expected = in_process(STORIES[name]())

    ending = on_ray(STORIES[name](), start, tmp_path)

    assert ending == expected


def test_an_app_that_is_wholly_dedicated_ends_as_one_that_is_wholly_sharded(start: Start, tmp_path: Path) -> None:
    expected = in_process(STORIES["crowd"]())

    dedicated = on_ray(STORIES["crowd"](), start, tmp_path, placement="dedicated")

    assert dedicated == expected


def test_an_app_that_does_not_run_on_ends_as_one_that_does(start: Start, tmp_path: Path) -> None:
    expected = in_process(STORIES["purchases"]())

    one_by_one = on_ray(STORIES["purchases"](), start, tmp_path, run_on=False)

    assert one_by_one == expected
