"""The game, live: players, friends, a telephone company, processes that are killed; then the books."""

import asyncio
import io
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TextIO

import ray
from rich.console import Console

from actors import App, Event, Heartbeat
from apps.prankcall.app import PARTS
from apps.prankcall.books import balance
from apps.prankcall.events import AnsweredCall, CompletedCall, CompletedPurchase, RequestedCall, ScoredCall
from apps.prankcall.harm import harm
from apps.prankcall.leaderboard import Leaderboard
from apps.prankcall.payments import DECLINED_AMOUNTS
from apps.prankcall.players import Outcomes, Player, players
from apps.prankcall.report import show_board, show_books, show_chain, show_holders
from apps.prankcall.telephony.network import Network, us_of
from apps.prankcall.telephony.simulator import SimulatedTelephony
from apps.prankcall.unfinished import begin, put_away
from apps.prankcall.view import View
from runtime import AsyncRuntime, Clock, EventId, NotRunning, ScaledClock, Unreachable
from runtime.embedded import STARTING
from runtime.interrupts import held_back, once
from runtime.replay import replay
from runtime.rivals import second_supervisor
from runtime.shells.clock import RealClock

HEARTBEAT = 60.0
"""Seconds of the game between two ticks."""
TICKS = 3
"""Ticks that two supervisors beat beside each other."""
BEHIND_LOOK_S = 240.0
"""Seconds of the game by which reports may be late: the longest call that is not cut, and the slowest report of it,
leave more than that until the limit."""
ENDS = frozenset({"refused_call", "unconnected_call", "scored_call"})


@dataclass(frozen=True, slots=True)
class Wish:
    """What a user asked for."""

    seed: int
    players: int
    calls: int
    speed: float
    victims: list[str]
    journal: str | None


def game(seed: int) -> App:
    """The app of a demo: its telephone company draws from the seed."""
    parts = [SimulatedTelephony(seed=seed) if isinstance(part, SimulatedTelephony) else part for part in PARTS]
    return App("prankcall", *parts, heartbeat=HEARTBEAT)


def run(console: Console, wish: Wish) -> int:
    """Play a game; the exit status: 0 if the books balance.

    Raises:
        TrunklineError: it can't be played on this journal.
    """
    console.print(
        f"{wish.players} players, {wish.calls} calls each, seed {wish.seed}, {wish.speed:g} times as fast as life; "
        f"the sandbox declines {' and '.join(map(str, sorted(DECLINED_AMOUNTS)))} credits"
    )
    place, since = begin(wish.journal, wish.seed)
    with _ray(console):
        return asyncio.run(_run(console, wish, place, since))


def watch(console: Console, address: str | None) -> int:
    """Join a game that another process plays, and watch it until it ends."""
    return asyncio.run(_watch(console, address))


async def _watch(console: Console, address: str | None) -> int:
    async with await AsyncRuntime.attach("prankcall", address=address) as rt, View(console, 0, ENDS) as view:
        view.note(f"joined {rt.app.name}", "bold")
        with suppress(NotRunning, Unreachable):
            async for recorded in rt.tail(follow=True):
                view.hear(recorded)
    return 0


async def _run(console: Console, wish: Wish, place: str, since: int) -> int:
    with once():
        return await _play(console, wish, place, since)


async def _play(console: Console, wish: Wish, place: str, since: int) -> int:
    app = game(wish.seed)
    clock = ScaledClock(wish.speed, since, RealClock().now())
    async with await AsyncRuntime.start(app, journal=place, clock=clock) as rt:
        processes = ", ".join(f"{name} ({pid})" for name, pid in sorted((await rt.processes()).items()))
        console.print(f"Ray actors: {processes}")
        crowd = players(wish.seed, wish.players, wish.calls)
        async with View(console, wish.players * wish.calls, ENDS) as view:
            evening = Evening(rt, view, clock, crowd, wish)
            await evening.play()
            if evening.behind > BEHIND_LOOK_S:
                said = f"this machine fell {evening.behind:,.0f} s of the game behind its clock"
                view.note(f"{said}: seed {wish.seed} may give other events next time; with a lower --speed it does not")
        letters = await rt.dead_letters.list()
        for letter in letters:
            console.print(f"not handled: {letter}", style="red")
        show_board(console, await rt.get(Leaderboard))
        books = await balance(rt, [order for player in crowd for order in player.orders_made])
        show_books(console, books)
        for what, id in await _examples(rt):
            await show_chain(console, rt, what, id)
        await show_holders(console, rt)
    # It runs a loop of its own.
    same = await asyncio.to_thread(_replayed, console, place, app)
    if not books.balanced or letters or not same:
        console.print(f"Something does not add up. The journal stays for a look: {place}", style="bold red")
        return 1
    kept = put_away(Path(place))
    console.print(f"Every credit bought is held or spent. The journal of this game: {kept}", style="bold green")
    return 0


class Evening:
    """A game under way: what the log tells goes to all who wait for it."""

    def __init__(self, rt: AsyncRuntime, view: View, clock: Clock, crowd: list[Player], wish: Wish) -> None:
        self._rt = rt
        self._view = view
        self._clock = clock
        self._crowd = crowd
        self._wish = wish
        self._outcomes = Outcomes()
        self._network = Network(rt, wish.seed, clock)
        self._ticks: asyncio.Queue[int] = asyncio.Queue()
        self._moments = [asyncio.Event() for _ in wish.victims]

    @property
    def behind(self) -> float:
        """Seconds of the game by which a report came too late; the most of all."""
        return self._network.behind

    async def play(self) -> None:
        """Until every call is over, whoever was to be killed is back, and nothing is left to handle."""
        async with asyncio.TaskGroup() as tasks:
            following = [tasks.create_task(self._follow()), tasks.create_task(self._network.run())]
            rivals = tasks.create_task(self._rivals())
            harming = tasks.create_task(harm(self._rt, self._view, self._wish.victims, self._moments))
            playing = [tasks.create_task(player.play(self._publish, self._outcomes)) for player in self._crowd]
            for task in (*playing, rivals):
                await task
            for moment in self._moments:
                moment.set()
            await harming
            await self._rt.drain(timers=True)
            for task in following:
                task.cancel()

    async def _follow(self) -> None:
        total = len(self._crowd) * self._wish.calls
        async for recorded in self._rt.tail(follow=True):
            self._view.hear(recorded)
            self._outcomes.hear(recorded)
            self._network.hear(recorded)
            if isinstance(recorded.event, Heartbeat):
                self._ticks.put_nowait(recorded.event.tick)
            for number, moment in enumerate(self._moments, 1):
                if self._outcomes.finished >= total * number // (len(self._moments) + 1):
                    moment.set()

    async def _publish(self, event: Event, at: datetime, key: str) -> None:
        wait = self._clock.wait(us_of(at) - self._clock.now())
        if wait > 0:
            await asyncio.sleep(wait)
        await self._rt.publish(event, time=at, idempotency_key=key)

    async def _rivals(self) -> None:
        """A second supervisor beside the first for some ticks: each tick comes once."""
        await self._ticks.get()
        async with second_supervisor(self._rt.app.name) as pid:
            self._view.note(f"a second supervisor (process {pid}) beats beside the first", "bold")
            while not self._ticks.empty():
                self._ticks.get_nowait()
            found = [await self._ticks.get() for _ in range(TICKS)]
        once = sorted(set(found)) == found
        text = f"two supervisors, ticks {', '.join(map(str, found))}: " + ("each once" if once else "NOT EACH ONCE")
        self._view.note(text, "bold green" if once else "bold red")


async def _examples(rt: AsyncRuntime) -> list[tuple[str, EventId]]:
    """Events from outside to show: an order that was paid, and all that was asked and reported of a scored call."""
    order: EventId | None = None
    call_id = ""
    async for recorded in rt.tail(CompletedPurchase, ScoredCall):
        if isinstance(recorded.event, CompletedPurchase):
            order = order or recorded.correlation
        elif isinstance(recorded.event, ScoredCall):
            call_id = call_id or recorded.event.call_id
    found = [("purchase", order)] if order else []
    seen: set[str] = set()
    async for recorded in rt.tail(RequestedCall, AnsweredCall, CompletedCall):
        if getattr(recorded.event, "call_id", "") == call_id and recorded.type not in seen:
            seen.add(recorded.type)
            found.append((f"{recorded.type} of {call_id}", recorded.id))
    return found


def _replayed(console: Console, journal: str, app: App) -> bool:
    """Run every turn of the journal again, as fast as it goes: the same states, all points the same."""
    outcome = replay(journal, app)
    differs = outcome.difference
    if differs is not None:
        said = f"{differs.what}: the journal says {differs.journal}, the code {differs.code}"
        console.print(f"The replay of {differs.address} differs in {said}", style="bold red")
        return False
    console.print(
        f"Replayed {outcome.turns:,} turns of {outcome.instances} instances in {outcome.seconds:.2f} s: "
        "the same events, the same states, all points the same."
    )
    return True


@contextmanager
def _ray(console: Console) -> Iterator[None]:
    """Ray for a demo: it is not to print of a killed process what we say ourselves."""
    if ray.is_initialized():
        yield
        return
    try:
        says = console.status("starting Ray ...") if console.is_terminal else _line(console, "starting Ray ...")
        with says, held_back(STARTING):
            ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
        with _without_raylet():
            yield
    finally:
        # What Ray has kept back, as it repeats itself, it prints now.
        with held_back(), _without_raylet():
            ray.shutdown()


@contextmanager
def _without_raylet() -> Iterator[None]:
    with redirect_stdout(_WithoutRaylet(sys.stdout)), redirect_stderr(_WithoutRaylet(sys.stderr)):
        yield


class _WithoutRaylet(io.TextIOBase):
    """An output without what Ray's node prints of each killed process: a paragraph where we print a line."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._drop = False

    def write(self, text: str) -> int:
        # `print` writes a line's end apart.
        drop = "(raylet)" in text or (self._drop and text == "\n")
        self._drop = drop and not text.endswith("\n")
        if not drop:
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        self._stream.flush()

    def isatty(self) -> bool:
        return self._stream.isatty()


@contextmanager
def _line(console: Console, text: str) -> Iterator[None]:
    console.print(text)
    yield


__all__ = ["Wish", "game", "run"]
