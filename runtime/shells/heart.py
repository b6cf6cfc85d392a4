"""The supervisor's link to the router: what is due goes out over it, which hosts are needed comes in."""

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress

import msgspec

from actors.app import App
from actors.errors import TrunklineError
from runtime.core.heart import AskTaken, Claim, HeartCore, Question
from runtime.core.messages import PublishReply, encode
from runtime.core.supervisor import SupervisorCore
from runtime.shells.link import ClientLink, Hello, LinkLost
from runtime.shells.router import RouterConfig

RECONNECT = 0.05
AGAIN = 0.5
"""Seconds until what was refused is published again."""
LOOK = 60.0
"""Seconds after which the clock is looked at in any case: it may have been set."""


_CLAIMED = tuple[int, int, dict[str, int], dict[str, int]]
"""The epoch, the app's first start, what was taken of each schedule, and from where each counts."""


class Heart:
    """Beats the heartbeat and the schedules, as long as this supervisor's epoch is the newest."""

    def __init__(
        self, app: App, config: RouterConfig, core: SupervisorCore, heard: Callable[[int, int, bytes], None]
    ) -> None:
        self._config = config
        self._clock = config.clock
        self._core = HeartCore(core, app.catalogue, config.plan.partitions)
        self._heard = heard
        self._link: ClientLink | None = None
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
        core.linked()
        while True:
            while (question := core.question(self._clock.now())) is not None:
                try:
                    await self._ask(link, question)
                except TrunklineError:
                    # The router has said it, and to whom it may concern.
                    core.failed()
                    break
            following = core.next_tick(self._clock.now())
            if following is None and core.claims:
                return
            pause = LOOK
            if following is not None:
                pause = min(max(self._clock.wait(following - self._clock.now()), 0.001), LOOK)
            if not core.claims:
                pause = AGAIN
            await asyncio.sleep(max(pause, AGAIN) if core.refused else pause)

    async def _ask(self, link: ClientLink, question: Question) -> None:
        core = self._core
        if isinstance(question, Claim):
            core.claimed(*msgspec.msgpack.decode(await link.ask("claim"), type=_CLAIMED))
        elif isinstance(question, AskTaken):
            core.learnt(msgspec.msgpack.decode(await link.ask("schedules"), type=dict[str, int]))
        else:
            answer = await link.ask("publish", encode(question.batch))
            core.published(msgspec.msgpack.decode(answer, type=PublishReply))
