"""The payment provider, as a sandbox: no account, no key, no network.

It behaves like a real one where that matters: it takes time, it remembers what it charged under an idempotency key, and
it declines known amounts, so that a declined order can be ordered on purpose.
"""

import asyncio
import hashlib

from actors import Gateway, on
from apps.prankcall.events import AttemptedPurchase, CompletedPurchase, DeclinedPurchase

DECLINED_AMOUNTS = frozenset({13, 66})
"""Credits that the sandbox always declines, as payment sandboxes do with test cards."""


class Payments(Gateway, concurrency=32):
    """Charges a player for credits."""

    latency: float = 0.02
    """Seconds that the sandbox takes to answer."""

    @on(retries=5, timeout=30, idempotent=True)
    async def charge(self, event: AttemptedPurchase) -> CompletedPurchase | DeclinedPurchase:
        await asyncio.sleep(self.latency)
        if event.credits in DECLINED_AMOUNTS:
            return DeclinedPurchase(
                player_id=event.player_id, credits=event.credits, order=event.order, reason="card declined"
            )
        reference = "ch_" + hashlib.blake2b(self.idempotency_key.encode(), digest_size=6).hexdigest()
        return CompletedPurchase(
            player_id=event.player_id, credits=event.credits, order=event.order, reference=reference
        )
