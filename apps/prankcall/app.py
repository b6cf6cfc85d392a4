"""The wiring."""

from actors import App
from apps.prankcall.call import Call
from apps.prankcall.consent import Consent
from apps.prankcall.leaderboard import Leaderboard
from apps.prankcall.order import Order
from apps.prankcall.payments import Payments
from apps.prankcall.player import Player
from apps.prankcall.receipts import Receipts
from apps.prankcall.score import Score
from apps.prankcall.telephony.simulator import SimulatedTelephony
from apps.prankcall.wallet import Wallet

PARTS = (Order, Payments(), Wallet, Consent, Call, Score, SimulatedTelephony(), Player, Leaderboard, Receipts)

app = App("prankcall", *PARTS)
"""The game on the simulator: no account, no key, no network."""
