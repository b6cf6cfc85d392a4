"""The wiring."""

from actors import App
from apps.prankcall.payments import Payments
from apps.prankcall.receipts import Receipts
from apps.prankcall.wallet import Wallet

app = App("prankcall", Payments(), Wallet, Receipts)
