"""The purchase chain of the game, with a payment sandbox that says when it charged."""

from datetime import timedelta

from actors import At, on
from apps.prankcall.app import app
from apps.prankcall.events import AttemptedPurchase, CompletedPurchase, DeclinedPurchase
from apps.prankcall.payments import DECLINED_AMOUNTS, Payments
from apps.prankcall.receipts import Receipts
from apps.prankcall.wallet import Wallet
from tests.scenarios.story import Story, Wait, say

PLAYERS = ("ada", "grace", "linus")


class PunctualPayments(Payments):
    """Takes two seconds, by its own clock, and a reference that depends on the order alone."""

    @on(retries=5, timeout=30, idempotent=True)
    async def charge(self, event: AttemptedPurchase) -> At[CompletedPurchase] | At[DeclinedPurchase]:
        paid_at = self.event.time + timedelta(seconds=2)
        declined = event.credits in DECLINED_AMOUNTS
        if declined:
            no = DeclinedPurchase(player_id=event.player_id, credits=event.credits, order=event.order, reason="card")
            return At(no, paid_at)
        reference = f"ch_{event.order}"
        return At(
            CompletedPurchase(player_id=event.player_id, credits=event.credits, order=event.order, reference=reference),
            paid_at,
        )


def order(number: int, player: str, credits: int) -> AttemptedPurchase:
    return AttemptedPurchase(player_id=player, credits=credits, order=f"order-{number}")


STORY = Story(
    app.using(Payments=PunctualPayments()),
    [
        say(order(1, "ada", 10)),
        say(order(2, "ada", 13), order(3, "grace", 50)),
        Wait(60),
        say(*(order(10 + n, PLAYERS[n % 3], (5, 66, 20)[n % 3]) for n in range(9))),
    ],
    [(cls, player) for cls in (Wallet, Receipts) for player in (*PLAYERS, "nobody")],
)
