"""The balance sheet: what the log says was bought, beside what wallets and receipts hold."""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple, TypeVar

from actors import Aggregate
from apps.prankcall.events import AttemptedPurchase, CompletedPurchase, CreditsGranted, DeclinedPurchase, ReceiptSent
from apps.prankcall.receipts import Receipts
from apps.prankcall.wallet import Wallet
from runtime import Runtime

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
    """All lines, and the credits of each player: bought by the log, held by the wallet."""

    lines: list[Line]
    players: dict[str, tuple[int, int]]

    @property
    def balanced(self) -> bool:
        return all(line.holds for line in self.lines) and all(bought == held for bought, held in self.players.values())


def balance(rt: Runtime, acknowledged: Iterable[str]) -> Books:
    """Read the whole log and every state, and put them side by side.

    Args:
        acknowledged: the orders that were acknowledged when they were published.
    """
    attempted: Counter[str] = Counter()
    outcomes: Counter[str] = Counter()
    bought: Counter[str] = Counter()
    granted = declined = sent = completed = 0
    for recorded in rt.tail():
        event = recorded.event
        if isinstance(event, AttemptedPurchase):
            attempted[event.order] += 1
        elif isinstance(event, CompletedPurchase):
            outcomes[event.order] += 1
            bought[event.player_id] += event.credits
            completed += 1
        elif isinstance(event, DeclinedPurchase):
            outcomes[event.order] += 1
            declined += 1
        elif isinstance(event, CreditsGranted):
            granted += event.credits
        elif isinstance(event, ReceiptSent):
            sent += 1
    wallets = {id: _state(rt, Wallet, id) for id in rt.instances(Wallet)}
    receipts = [_state(rt, Receipts, id) for id in rt.instances(Receipts)]
    orders = set(acknowledged)
    held = sum(wallet.credits for wallet in wallets.values())
    lines = [
        Line("orders acknowledged = orders in the log, each once", len(orders), sum(attempted[o] for o in orders)),
        Line("orders in the log = orders with one outcome", len(attempted), _once(attempted, outcomes)),
        Line("credits bought = credits granted", sum(bought.values()), granted),
        Line("credits bought = credits held in wallets", sum(bought.values()), held),
        Line("payments completed = purchases in wallets", completed, sum(w.purchases for w in wallets.values())),
        Line("payments declined = refusals in receipts", declined, sum(r.declined for r in receipts)),
        Line("receipts counted = receipts sent", sum(r.paid + r.declined for r in receipts), sent),
    ]
    players = {
        id: (bought[id], wallets[id].credits if id in wallets else 0) for id in sorted(bought.keys() | wallets.keys())
    }
    return Books(lines, players)


def _once(attempted: Counter[str], outcomes: Counter[str]) -> int:
    return sum(1 for order in attempted if attempted[order] == outcomes[order] == 1)


def _state(rt: Runtime, cls: type[A], id: str) -> A:
    state = rt.get(cls, id)
    assert state is not None, "an instance that was listed is live"
    return state
