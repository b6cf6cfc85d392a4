"""The purchase chain of the game; also an order that is made again."""

from apps.prankcall.app import app
from apps.prankcall.events import AttemptedPurchase, PaymentDue
from apps.prankcall.order import Order
from apps.prankcall.payments import DECLINED_AMOUNTS, Declined, Payments
from apps.prankcall.receipts import Receipts
from apps.prankcall.wallet import Wallet
from tests.scenarios.story import Story, Wait, say

PLAYERS = ("ada", "grace", "linus")


class PromptPayments(Payments):
    """Answers at once: in a simulation nothing would come for which it could wait."""

    async def ask(self, due: PaymentDue) -> str:
        if due.credits in DECLINED_AMOUNTS:
            raise Declined("card declined")
        return f"ch_{due.order}"


def order(number: int, player: str, credits: int) -> AttemptedPurchase:
    return AttemptedPurchase(player_id=player, credits=credits, order=f"order-{number}")


STORY = Story(
    app.using(Payments=PromptPayments()),
    [
        say(order(1, "ada", 10)),
        say(order(2, "ada", 13), order(3, "grace", 50)),
        Wait(60),
        say(order(1, "ada", 10), order(3, "ada", 20)),
        say(*(order(10 + n, PLAYERS[n % 3], (5, 66, 20)[n % 3]) for n in range(9))),
    ],
    [
        *((cls, player) for cls in (Wallet, Receipts) for player in (*PLAYERS, "nobody")),
        *((Order, f"order-{number}") for number in (1, 2, 3, 18)),
    ],
)
