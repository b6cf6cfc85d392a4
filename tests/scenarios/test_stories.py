"""One story, three executors, the same final states and the same events. The third, Ray, is in `test_on_ray`."""

import pytest

from runtime.core.plan import Placement
from tests.scenarios.in_process import in_process
from tests.scenarios.simulated import simulated
from tests.scenarios.stories import STORIES

SEEDS = 5


@pytest.mark.parametrize("name", STORIES)
def test_a_story_tells_of_something(name: str) -> None:
    story = STORIES[name]()

    ending = in_process(story)

    assert any(state is not None for state in ending.states.values())
    assert len(ending.facts) > sum(len(getattr(step, "events", ())) for step in story.steps)


@pytest.mark.parametrize("placement", ["sharded", "dedicated"])
@pytest.mark.parametrize("run_on", [True, False], ids=["running on", "one by one"])
@pytest.mark.parametrize("name", STORIES)
def test_the_runtimes_cores_end_as_the_test_harness_does(name: str, run_on: bool, placement: Placement) -> None:
    expected = in_process(STORIES[name]())

    for seed in range(SEEDS):
        ending = simulated(STORIES[name](), seed, run_on=run_on, placement=placement)

        assert ending.states == expected.states
        assert ending.facts == expected.facts
        assert ending.dead == expected.dead
