"""The purchase chain, in process and in virtual time."""

import pytest

from actors.testing import given, scenario
from apps.prankcall.app import app
from apps.prankcall.events import (
    AttemptedPurchase,
    CompletedPurchase,
    CreditsGranted,
    DeclinedPurchase,
    ReceiptSent,
)
from apps.prankcall.payments import DECLINED_AMOUNTS, Payments
from apps.prankcall.receipts import Receipts
from apps.prankcall.wallet import Wallet

PAID = CompletedPurchase(player_id="ada", credits=10, order="o-1", reference="ch_1")
REFUSED = DeclinedPurchase(player_id="ada", credits=13, order="o-2", reason="card declined")


def test_a_wallet_grants_what_was_paid() -> None:
    wallet = given(Wallet, "ada", credits=5)

    emitted = wallet.when(PAID)

    assert emitted == [CreditsGranted(player_id="ada", credits=10, balance=15)]
    assert wallet.state.credits == 15


def test_every_order_gets_a_receipt_paid_or_declined() -> None:
    receipts = given(Receipts, "ada")

    emitted = [*receipts.when(PAID), *receipts.when(REFUSED)]

    assert emitted == [
        ReceiptSent(player_id="ada", about="o-1", what="paid"),
        ReceiptSent(player_id="ada", about="o-2", what="declined"),
    ]
    assert (receipts.state.paid, receipts.state.declined, receipts.state.credits) == (1, 1, 10)


@pytest.mark.parametrize("credits", [10, *sorted(DECLINED_AMOUNTS)])
def test_a_purchase_is_granted_unless_the_sandbox_declines_its_amount(credits: int) -> None:
    world = scenario(app.using(Payments=Payments(latency=0)))

    world.publish(AttemptedPurchase(player_id="ada", credits=credits, order="o-1"))

    wallet, receipts = world.get(Wallet, "ada"), world.get(Receipts, "ada")
    assert receipts is not None
    if credits in DECLINED_AMOUNTS:
        assert wallet is None
        assert receipts.declined == 1
    else:
        assert wallet is not None
        assert (wallet.credits, receipts.paid) == (credits, 1)
