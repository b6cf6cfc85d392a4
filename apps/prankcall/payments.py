"""The payment provider, as a sandbox: no account, no key, no network.

It behaves like a real one where that matters: it takes time, it remembers what it charged under an idempotency key, and
it declines known amounts, so that a declined order can be ordered on purpose.
"""

import asyncio
import hashlib
from datetime import timedelta

from actors import At, Gateway, on
from apps.prankcall.events import AttemptedPurchase, CompletedPurchase, DeclinedPurchase

DECLINED_AMOUNTS = frozenset({13, 66})
"""Credits that the sandbox always declines, as payment sandboxes do with test cards."""


class Payments(Gateway, concurrency=32):
    """Charges a player for credits."""

    latency: float = 0.02
    """Seconds that the sandbox takes to answer."""

    @on(retries=5, timeout=30, idempotent=True)
    async def charge(self, event: AttemptedPurchase) -> At[CompletedPurchase] | At[DeclinedPurchase]:
        await asyncio.sleep(self.latency)
        # The provider's own clock: a second after it was asked, however often that was.
        at = self.event.time + timedelta(seconds=1)
        if event.credits in DECLINED_AMOUNTS:
            declined = DeclinedPurchase(
                player_id=event.player_id, credits=event.credits, order=event.order, reason="card declined"
            )
            return At(declined, at)
        # One charge for an order, however often this call is tried: providers answer a repeated key as at first.
        reference = "ch_" + hashlib.blake2b(event.order.encode(), digest_size=6).hexdigest()
        completed = CompletedPurchase(
            player_id=event.player_id, credits=event.credits, order=event.order, reference=reference
        )
        return At(completed, at)
