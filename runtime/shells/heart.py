"""The supervisor's link to the router: what is due goes out over it, which hosts are needed comes in."""

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress

import msgspec

from actors.app import App
from actors.errors import TrunklineError
from actors.schedule import Due, Schedule
from runtime.core.messages import Publish, PublishBatch, PublishReply, Taken, encode
from runtime.core.outgoing import Outgoing
from runtime.core.partition import partition_of
from runtime.core.supervisor import SupervisorCore
from runtime.shells.link import ClientLink, Hello, LinkLost
from runtime.shells.router import RouterConfig

RECONNECT = 0.05
AGAIN = 0.5
"""Seconds until what was refused is published again."""
LOOK = 60.0
"""Seconds after which the clock is looked at in any case: it may have been set."""


class Heart:
    """Beats the heartbeat and the schedules, as long as this supervisor's epoch is the newest."""

    def __init__(
        self, app: App, config: RouterConfig, core: SupervisorCore, heard: Callable[[int, int, bytes], None]
    ) -> None:
        self._config = config
        self._clock = config.clock
        self._core = core
        self._heard = heard
        self._outgoing = Outgoing(app.catalogue, config.plan.partitions)
        self._link: ClientLink | None = None
        self._epoch = 0
        self._seq = 0
        self._ended = False

    async def run(self) -> None:
        """Stay linked to the router, whichever it is, and beat."""
        hello = Hello("supervisor", str(os.getpid()), self._config.token)
        while not self._ended:
            lost = asyncio.Event()
            try:
                self._link = await ClientLink.connect(self._config.socket, hello, self._heard, lost.set)
            except LinkLost:
                await asyncio.sleep(RECONNECT)
                continue
            beating = asyncio.get_running_loop().create_task(self._beat(self._link))
            await lost.wait()
            beating.cancel()
            with suppress(LinkLost, asyncio.CancelledError):
                await beating

    def end(self) -> None:
        self._ended = True
        if self._link is not None:
            self._link.close()

    async def _beat(self, link: ClientLink) -> None:
        core = self._core
        claimed = False
        while True:
            try:
                if not claimed:
                    await self._claim(link)
                    claimed = True
                refused = not all([await self._publish(link, *due) for due in core.ticks(self._clock.now())])
            except TrunklineError:
                # A full disk, perhaps: the router has said so, and to whom it may concern.
                refused = True
            following = core.next_tick(self._clock.now())
            if following is None and claimed:
                return
            pause = LOOK
            if following is not None:
                pause = min(max(self._clock.wait(following - self._clock.now()), 0.001), LOOK)
            if not claimed:
                pause = AGAIN
            await asyncio.sleep(max(pause, AGAIN) if refused else pause)

    async def _publish(self, link: ClientLink, schedule: Schedule, due: Due) -> bool:
        """Publish what is due. False: it is to be published again."""
        batch = encode(self._tick(schedule, due))
        reply = msgspec.msgpack.decode(await link.ask("publish", batch), type=PublishReply)
        if reply.refused:
            return False
        self._core.taken[schedule.name] = due.moment
        if reply.results[0][0] == Taken.FENCED:
            # Another supervisor has claimed, or has published this moment: what it took is taken.
            taken = msgspec.msgpack.decode(await link.ask("schedules"), type=dict[str, int])
            if self._core.fenced(schedule, due, taken):
                await self._claim(link)
            return taken.get(schedule.name, -1) >= due.moment
        return True

    async def _claim(self, link: ClientLink) -> None:
        answer = msgspec.msgpack.decode(await link.ask("claim"), type=tuple[int, int, dict[str, int]])
        self._epoch, self._core.started, self._core.taken = answer

    def _tick(self, schedule: Schedule, due: Due) -> PublishBatch:
        plan, place, body = self._outgoing.origin(due.event, source=schedule.name)
        partition = partition_of(schedule.name, self._config.plan.partitions)
        self._seq += 1
        item = Publish(
            partition, self._seq, plan.type, due.time, place.targets, body, None, None, self._epoch,
            (schedule.name, due.moment, self._core.taken.get(schedule.name, -1)),
        )  # fmt: skip
        return PublishBatch(f"supervisor-{self._epoch}", (item,), True)
