"""A host's process minds the time that a chain of turns takes."""

import asyncio

from actors import Aggregate, App, Event, on
from runtime import Recorded
from runtime.core.host import CHAIN_US
from runtime.shells.clock import steady

from .inside import inside


class Begun(Event, origin=True):
    who: str


class Step(Event):
    who: str
    left: int


class Walker(Aggregate, key="who"):
    @on
    def begin(self, event: Begun) -> Step:
        return Step(who=self.id, left=2)

    @on(max_hops=8)
    def step(self, event: Step) -> Step | None:
        """Takes as long as a chain may."""
        until = steady() + CHAIN_US
        while steady() < until:
            pass
        return Step(who=self.id, left=event.left - 1) if event.left else None


def test_the_turns_of_a_slow_chain_are_committed_as_they_come_and_not_all_together() -> None:
    async def main() -> list[Recorded]:
        async with inside(App("walk", Walker)) as walk:
            rt = walk.client()
            await rt.publish(Begun(who="ada"))
            await rt.drain()
            begun = await rt.publish(Begun(who="ada"))
            await rt.drain()
            chain = await rt.chain(begun)
            await rt.close()
            return chain

    _, *steps = asyncio.run(main())

    assert len(steps) == 3
    assert steps[0].recorded < steps[2].recorded
