"""What the players of a demo buy, drawn from a seed."""

from random import Random

from apps.prankcall.events import AttemptedPurchase

PLAYERS = ("ada", "grace", "linus", "guido", "barbara", "edsger", "donald", "frances", "ken", "radia")
AMOUNTS = (5, 10, 10, 20, 20, 50, 13, 66)
"""The sandbox declines 13 and 66: a quarter of the orders."""


def orders(seed: int, players: int, purchases: int) -> list[AttemptedPurchase]:
    """The purchases of a run; each has an order number of its own, which is its idempotency key."""
    random = Random(seed)
    names = [PLAYERS[n] if n < len(PLAYERS) else f"player-{n}" for n in range(players)]
    return [
        AttemptedPurchase(player_id=random.choice(names), credits=random.choice(AMOUNTS), order=f"order-{seed}-{n:05}")
        for n in range(purchases)
    ]
