"""The balance sheet of games that were really played, without Ray."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from random import Random

import pytest

from apps.prankcall.app import app
from apps.prankcall.books import Books, balance
from apps.prankcall.events import (
    AnsweredCall,
    AttemptedPurchase,
    CompletedCall,
    CompletedPurchase,
    ConsentGiven,
    DeclinedPurchase,
    RequestedCall,
)
from apps.prankcall.leaderboard import Leaderboard
from apps.prankcall.payments import Payments
from apps.prankcall.player import Player
from apps.prankcall.rules import BOARD_SIZE
from apps.prankcall.telephony.network import us_of
from runtime import AsyncRuntime, KeyReused, ScaledClock
from runtime.shells.clock import RealClock
from tests.runtime.shells.inside import inside

from .world import EIGHT, whim


@asynccontextmanager
async def game(*, speed: float) -> AsyncIterator[AsyncRuntime]:
    """One that begins at eight, so many times as fast as life."""
    clock = ScaledClock(speed, us_of(EIGHT), RealClock().now())
    async with inside(app.using(Payments=Payments(latency=0)), clock=clock) as parts:
        rt = parts.client()
        yield rt
        await rt.close()


async def call(rt: AsyncRuntime, lasted: dict[str, int]) -> Books:
    """Each of these players buys credits, and has a friend called, who stays on for so many seconds; then the books."""
    await rt.publish(ConsentGiven(friend="friend", player_id=name) for name in lasted)
    await rt.publish(AttemptedPurchase(player_id=name, credits=20, order=f"order-{name}") for name in lasted)
    await rt.drain()
    await rt.publish(
        RequestedCall(call_id=f"call-{name}", player_id=name, friend="friend", prank="fish") for name in lasted
    )
    await rt.drain()
    for name, seconds in lasted.items():
        of = {"call_id": f"call-{name}", "provider_id": "SIM1"}
        await rt.publish(AnsweredCall(**of), time=EIGHT, wait=False)
        await rt.publish(CompletedCall(**of), time=EIGHT + timedelta(seconds=seconds), wait=False)
    await rt.drain()
    return await balance(rt, [f"order-{name}" for name in lasted])


def test_they_balance_with_more_players_than_the_board_shows() -> None:
    async def main() -> None:
        async with game(speed=1) as rt:
            books = await call(rt, {f"player-{n:03}": 10 + n for n in range(BOARD_SIZE + 1)})

            board, last = await rt.get(Leaderboard), await rt.get(Player, "player-000")
            assert board is not None
            assert last is not None
            assert (len(board.standings), "player-000" in board.standings, last.points) == (BOARD_SIZE, False, 10)
            assert [line for line in books.lines if not line.holds] == []
            assert books.balanced

    asyncio.run(main())


def test_an_order_that_is_made_again_without_a_key_does_not_stand_in_them_twice() -> None:
    async def main() -> None:
        async with game(speed=1) as rt:
            await rt.publish(AttemptedPurchase(player_id="ada", credits=20, order="order-1") for _ in range(3))
            await rt.drain()

            books = await balance(rt, [])

            assert books.players == {"ada": (20, 20, 0, 0)}
            assert books.balanced

    asyncio.run(main())


@pytest.mark.parametrize("seed", range(8))
def test_they_balance_whatever_is_asked_for_and_reported_again_and_out_of_order(seed: int) -> None:
    async def main() -> None:
        random = Random(seed)
        orders = set()
        # Nobody is to wait for a timer of an hour.
        async with game(speed=20_000) as rt:
            for _ in range(60):
                order, credits = f"order-{random.randrange(8)}", random.choice((10, 13, 30))
                wish = AttemptedPurchase(player_id=random.choice(("ada", "grace")), credits=credits, order=order)
                with suppress(KeyReused):
                    await rt.request(wish, CompletedPurchase, DeclinedPurchase, idempotency_key=order)
                    orders.add(order)
                await rt.publish(whim(random), time=EIGHT + timedelta(seconds=random.randrange(1_500)))
            await rt.drain(timers=True)

            books, letters = await balance(rt, orders), await rt.dead_letters.list()

            assert [line for line in books.lines if not line.holds] == []
            assert books.balanced
            assert {reserved for _, _, reserved, _ in books.players.values()} == {0}
            assert letters == []

    asyncio.run(main())
