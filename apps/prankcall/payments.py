"""The payment provider, as a sandbox: no account, no key, no network.

It behaves like a real one where that matters: it takes time, it remembers what it charged under an idempotency key, and
it declines known amounts, so that a declined order can be ordered on purpose.
"""

import asyncio
import hashlib
from datetime import timedelta

from actors import At, Gateway, GaveUp, on
from apps.prankcall.events import CompletedPurchase, DeclinedPurchase, PaymentDue, UnsettledPurchase

DECLINED_AMOUNTS = frozenset({13, 66})
"""Credits that the sandbox always declines, as payment sandboxes do with test cards."""


class Declined(Exception):
    """The provider will not charge this order, and has not. Its text is a reason in few words."""


class Payments(Gateway, concurrency=32):
    """Charges a player for credits."""

    latency: float = 0.02
    """Seconds that the sandbox takes to answer."""

    @on(retries=5, timeout=30, idempotent=True)
    async def charge(self, event: PaymentDue) -> At[CompletedPurchase] | At[DeclinedPurchase]:
        about = {"player_id": event.player_id, "credits": event.credits, "order": event.order}
        # The provider's own clock: a second after it was asked, however often that was.
        at = self.event.time + timedelta(seconds=1)
        try:
            reference = await self.ask(event)
        except Declined as declined:
            return At(DeclinedPurchase(**about, reason=str(declined)), at)
        return At(CompletedPurchase(**about, reference=reference), at)

    @charge.failed
    async def unsettled(self, event: PaymentDue, error: GaveUp) -> UnsettledPurchase:
        """Not declined: any of the calls may have charged, whatever became of the last one."""
        return UnsettledPurchase(player_id=event.player_id, credits=event.credits, order=event.order, reason=str(error))

    async def ask(self, due: PaymentDue) -> str:
        """Have the provider charge an order; its reference.

        The idempotency key is the order's, not `self.idempotency_key`: an order whose payment was not settled is asked
        for again by another event. This provider remembers its keys for good; one that forgets them has to be asked for
        the order first.

        Raises:
            Declined: see there.
        """
        await asyncio.sleep(self.latency)
        if due.credits in DECLINED_AMOUNTS:
            raise Declined("card declined")
        return "ch_" + hashlib.blake2b(due.order.encode(), digest_size=6).hexdigest()
