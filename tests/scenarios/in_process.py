"""The first executor: `actors.testing`, in process."""

from datetime import timedelta

from actors.aggregate import EPOCH
from actors.testing import scenario
from tests.scenarios.story import BEGINS, Ending, Fact, Say, Story

MICROSECOND = timedelta(microseconds=1)


def in_process(story: Story) -> Ending:
    start = EPOCH + BEGINS * MICROSECOND
    play = scenario(story.app, start=start)
    for step in story.steps:
        if isinstance(step, Say):
            for event in step.events:
                play.publish(event)
        else:
            play.advance(seconds=step.seconds)
    facts = [
        Fact(
            (h.time - start) // MICROSECOND,
            type(h.event).__trunkline__.name,
            h.subject,
            h.source,
            h.event.model_dump_json(),
        )
        for h in play.log
    ]
    dead = [(letter.address, type(letter.event).__trunkline__.name) for letter in play.dead_letters]
    return Ending.of(story, [play.get(cls, id) for cls, id in story.look_at], facts, dead)
