"""The balance sheet: what the log says, beside what the instances hold."""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple, TypeVar

from actors import Aggregate
from apps.prankcall.events import (
    AttemptedPurchase,
    CompletedPurchase,
    CreditsCaptured,
    CreditsGranted,
    DeclinedPurchase,
    PlacedCall,
    ReceiptSent,
    RefusedCall,
    RefusedPurchase,
    RequestedCall,
    ScoredCall,
    UnconnectedCall,
)
from apps.prankcall.leaderboard import Leaderboard
from apps.prankcall.player import Player
from apps.prankcall.receipts import Receipts
from apps.prankcall.rules import BOARD_SIZE
from apps.prankcall.wallet import Wallet
from runtime import AsyncRuntime

A = TypeVar("A", bound=Aggregate)


class Line(NamedTuple):
    """Two figures from different places that must be equal."""

    says: str
    left: int
    right: int

    @property
    def holds(self) -> bool:
        return self.left == self.right


class Books(NamedTuple):
    """All lines; and of each player's credits what was bought, by the log, and what is held, reserved and spent."""

    lines: list[Line]
    players: dict[str, tuple[int, int, int, int]]

    @property
    def balanced(self) -> bool:
        return all(line.holds for line in self.lines) and all(
            bought == held + reserved + spent for bought, held, reserved, spent in self.players.values()
        )


async def balance(rt: AsyncRuntime, acknowledged: Iterable[str]) -> Books:
    """Read the whole log and every state, and put them side by side.

    Args:
        acknowledged: the orders that were acknowledged when they were published.
    """
    attempted: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    outcomes: Counter[str] = Counter()
    bought: Counter[str] = Counter()
    count: Counter[type] = Counter()
    granted = captured = points = 0
    async for recorded in rt.tail():
        event = recorded.event
        count[type(event)] += 1
        if isinstance(event, AttemptedPurchase):
            attempted[event.order] += 1
        elif isinstance(event, RefusedPurchase):
            refused[event.order] += 1
        elif isinstance(event, CompletedPurchase | DeclinedPurchase):
            outcomes[event.order] += 1
            if isinstance(event, CompletedPurchase):
                bought[event.player_id] += event.credits
        elif isinstance(event, CreditsGranted):
            granted += event.credits
        elif isinstance(event, CreditsCaptured):
            captured += event.credits
        elif isinstance(event, ScoredCall):
            points += event.points
    wallets, receipts, players = await _all(rt, Wallet), await _all(rt, Receipts), await _all(rt, Player)
    board = await rt.get(Leaderboard)
    orders = set(acknowledged)
    lines = [
        Line("orders acknowledged = orders in the log, each once", len(orders), sum(attempted[o] for o in orders)),
        Line("orders in the log = orders with one outcome", len(attempted), _once(attempted - refused, outcomes)),
        Line("credits bought = credits granted", sum(bought.values()), granted),
        Line(
            "credits bought = credits held, reserved or spent",
            sum(bought.values()),
            sum(w.credits + sum(w.reserved.values()) + w.spent for w in wallets.values()),
        ),
        Line("credits captured for calls = credits spent", captured, sum(w.spent for w in wallets.values())),
        Line(
            "calls requested = refused, not answered or scored",
            count[RequestedCall],
            count[RefusedCall] + count[UnconnectedCall] + count[ScoredCall],
        ),
        Line("calls placed = not answered or scored", count[PlacedCall], count[UnconnectedCall] + count[ScoredCall]),
        Line("points of calls = points of players", points, sum(p.points for p in players.values())),
        Line(
            "points of the best players = points on the board",
            sum(sorted((p.points for p in players.values()), reverse=True)[:BOARD_SIZE]),
            sum(board.standings.values()) if board else 0,
        ),
        Line(
            "receipts counted = receipts sent",
            sum(r.paid + r.declined + r.unsettled + r.charged + r.released for r in receipts.values()),
            count[ReceiptSent],
        ),
    ]
    held = {id: (bought[id], w.credits, sum(w.reserved.values()), w.spent) for id, w in sorted(wallets.items())}
    for id in bought.keys() - wallets.keys():
        held[id] = (bought[id], 0, 0, 0)
    return Books(lines, held)


def _once(attempted: Counter[str], outcomes: Counter[str]) -> int:
    return sum(1 for order in attempted if attempted[order] == outcomes[order] == 1)


async def _all(rt: AsyncRuntime, cls: type[A]) -> dict[str, A]:
    found = {}
    async for id in rt.instances(cls):
        state = await rt.get(cls, id)
        if state is not None:
            found[id] = state
    return found
