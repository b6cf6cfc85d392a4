"""What the players of a demo do, drawn from a seed, one thing after the other.

A player waits for what became of an order or a call before the next, and the next comes a drawn time after it, by the
times that the events carry. So a seed gives the same events with the same times, however fast the machine is.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

from actors import Event
from apps.prankcall.events import (
    AttemptedPurchase,
    CompletedPurchase,
    ConsentGiven,
    DeclinedPurchase,
    RefusedCall,
    RequestedCall,
    ScoredCall,
    UnconnectedCall,
)
from apps.prankcall.pranks import PRANKS
from apps.prankcall.rules import CALL_PRICE
from runtime import Recorded

BEGIN = datetime(2026, 1, 1, 20, tzinfo=UTC)
"""When an evening begins, by the clock of the game."""
NAMES = ("ada", "grace", "linus", "guido", "barbara", "edsger", "donald", "frances", "ken", "radia")
AMOUNTS = (10, 10, 20, 20, 30, 13, 66)
"""Credits of an order; the sandbox declines 13 and 66."""
FRIENDS = 3
"""Friends of a player; the last one has not agreed to anything."""

Publish = Callable[[Event, datetime, str], Awaitable[object]]
"""Publish an event once its time has come: (event, time, idempotency key)."""


class Outcomes:
    """What became of orders and calls, as the log tells it, and who waits for it."""

    def __init__(self) -> None:
        self._known: dict[str, asyncio.Future[Recorded]] = {}
        self.finished = 0
        """Calls."""

    def hear(self, recorded: Recorded) -> None:
        """Something was recorded."""
        event = recorded.event
        if isinstance(event, CompletedPurchase | DeclinedPurchase):
            self._tell(event.order, recorded)
        elif isinstance(event, RefusedCall | UnconnectedCall | ScoredCall):
            self.finished += 1
            self._tell(event.call_id, recorded)

    async def of(self, name: str) -> Recorded:
        """What became of an order or a call."""
        return await self._future(name)

    def _tell(self, name: str, recorded: Recorded) -> None:
        future = self._future(name)
        if not future.done():
            future.set_result(recorded)

    def _future(self, name: str) -> "asyncio.Future[Recorded]":
        return self._known.setdefault(name, asyncio.get_running_loop().create_future())


@dataclass(frozen=True, slots=True)
class Player:
    """One of the demo's players."""

    name: str
    seed: int
    calls: int
    orders_made: list[str]
    """Orders that were acknowledged, in order."""

    async def play(self, publish: Publish, outcomes: Outcomes) -> None:
        """The whole evening."""
        random = Random(f"{self.seed} {self.name}")
        at = BEGIN + timedelta(milliseconds=random.randrange(10_000))
        friends = [f"friend-{n}-of-{self.name}" for n in range(FRIENDS)]
        for friend in friends[:-1]:
            await publish(ConsentGiven(friend=friend, player_id=self.name), at, f"consent {friend}")
        credits = orders = 0
        for number in range(self.calls):
            while credits < CALL_PRICE and random.random() < 0.9:
                order = f"order-{self.seed}-{self.name}-{orders}"
                orders += 1
                at += _think(random)
                amount = random.choice(AMOUNTS)
                await publish(AttemptedPurchase(player_id=self.name, credits=amount, order=order), at, order)
                self.orders_made.append(order)
                outcome = await outcomes.of(order)
                at = max(at, outcome.time)
                credits += amount if isinstance(outcome.event, CompletedPurchase) else 0
            at += _think(random)
            call_id = f"call-{self.name}-{number}"
            friend = random.choices(friends, (6, 6, 1))[0]
            call = RequestedCall(
                call_id=call_id, player_id=self.name, friend=friend, prank=random.choice(sorted(PRANKS))
            )
            await publish(call, at, call_id)
            outcome = await outcomes.of(call_id)
            at = max(at, outcome.time)
            credits -= CALL_PRICE if isinstance(outcome.event, ScoredCall) else 0


def players(seed: int, count: int, calls: int) -> list[Player]:
    """So many players, with so many calls each."""
    names = [NAMES[n] if n < len(NAMES) else f"player-{n}" for n in range(count)]
    return [Player(name, seed, calls, []) for name in names]


def seed_of(order: str) -> int | None:
    """Of the game in which an order was made; None if it was no demo's."""
    found = re.fullmatch(r"order-(-?[0-9]+)-.+-[0-9]+", order)
    return int(found[1]) if found else None


def _think(random: Random) -> timedelta:
    return timedelta(milliseconds=random.randrange(2_000, 20_000))
