"""The purchase chain, in process and in virtual time."""

import pytest

from actors.testing import given, scenario
from apps.prankcall.app import app
from apps.prankcall.events import (
    AttemptedPurchase,
    CompletedPurchase,
    CreditsGranted,
    DeclinedPurchase,
    PaymentDue,
    ReceiptSent,
    RefusedPurchase,
    UnsettledPurchase,
)
from apps.prankcall.order import Order
from apps.prankcall.payments import DECLINED_AMOUNTS, Payments
from apps.prankcall.receipts import Receipts
from apps.prankcall.rules import ASK_AGAIN
from apps.prankcall.wallet import Wallet

from .world import LosesAnswers, happened

WISH = AttemptedPurchase(player_id="ada", credits=10, order="o-1")
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


@pytest.mark.parametrize("player", ["ada", "grace"])
def test_an_order_is_made_once_whoever_makes_it_again(player: str) -> None:
    order = given(Order, "o-1")

    emitted = [*order.when(WISH), *order.when(AttemptedPurchase(player_id=player, credits=30, order="o-1"))]

    assert emitted == [
        PaymentDue(player_id="ada", credits=10, order="o-1"),
        RefusedPurchase(player_id=player, order="o-1", reason="there is an order of this name"),
    ]


def test_an_order_that_is_published_again_without_a_key_is_charged_and_granted_once() -> None:
    world = scenario(app.using(Payments=Payments(latency=0)))

    for _ in range(3):
        world.publish(WISH)

    wallet, receipts = world.get(Wallet, "ada"), world.get(Receipts, "ada")
    assert wallet is not None
    assert receipts is not None
    assert (wallet.credits, wallet.purchases, receipts.paid, receipts.credits) == (10, 1, 1, 10)
    assert len(happened(world, CompletedPurchase)) == 1


def test_a_payment_that_may_have_gone_through_is_not_declined_but_asked_for_again_until_it_is_known() -> None:
    world = scenario(app.using(Payments=LosesAnswers(orders=frozenset({"o-1"}))))

    world.publish(WISH)
    before = world.get(Receipts, "ada")
    assert world.get(Wallet, "ada") is None
    world.advance(seconds=ASK_AGAIN)

    wallet, receipts = world.get(Wallet, "ada"), world.get(Receipts, "ada")
    assert before is not None
    assert receipts is not None
    assert wallet is not None
    assert (before.unsettled, before.declined, before.paid) == (1, 0, 0)
    assert (receipts.unsettled, receipts.declined, receipts.paid) == (1, 0, 1)
    assert (wallet.credits, wallet.purchases) == (10, 1)
    (unsettled,) = happened(world, UnsettledPurchase)
    assert isinstance(unsettled, UnsettledPurchase)
    assert "the line went dead" in unsettled.reason
    assert world.dead_letters == []
