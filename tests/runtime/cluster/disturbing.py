"""A load for the shop, what it must end in, and how its processes are disturbed meanwhile."""

import os
import signal
from collections.abc import Sequence
from typing import Any

from runtime import Runtime
from tests.processes import those_that_go_on
from tests.runtime.cluster.shop import AttemptedPurchase, Orders, Pulse, Receipts, Wallet

PLAYERS = ("ada", "bob", "cyd", "dan")


def purchases(first: int, count: int) -> list[AttemptedPurchase]:
    """So many of each player, numbered from `first`."""
    return [
        AttemptedPurchase(player_id=player, number=number)
        for number in range(first, first + count)
        for player in PLAYERS
    ]


def undisturbed(count: int) -> dict[str, Any]:
    """Where a load of so many purchases of each player ends when nothing goes wrong."""
    numbers = list(range(1, count + 1))
    one = {"orders": numbers, "paid": numbers, "totals": numbers, "receipts": numbers}
    return dict.fromkeys(PLAYERS, one)


def states(rt: Runtime) -> dict[str, Any]:
    """Where it ended: all in the order in which it was handled, but for what a gateway or timers may reorder."""
    found: dict[str, Any] = {}
    for player in PLAYERS:
        orders, wallet, receipts = rt.get(Orders, player), rt.get(Wallet, player), rt.get(Receipts, player)
        if orders is None or wallet is None or receipts is None:
            found[player] = {}
            continue
        found[player] = {
            "orders": orders.numbers,
            "paid": sorted(wallet.numbers),
            "totals": receipts.totals,
            "receipts": sorted(receipts.sent),
        }
    return found


def pulse_is_whole(rt: Runtime) -> bool:
    """Did each player hear each tick once, or is told that it was missed?"""
    for player in PLAYERS:
        pulse = rt.get(Pulse, player)
        if pulse is None or not pulse.ticks:
            return False
        first, *others = pulse.ticks
        if sum(1 + missed for missed in pulse.missed[1:]) != pulse.ticks[-1] - first or sorted(set(others)) != others:
            return False
    return True


def signal_to(rt: Runtime, what: signal.Signals, *names: str) -> list[int]:
    """Send a signal to processes of the app; their ids."""
    processes = rt.processes()
    pids = [processes[f"{rt.app.name}:{name}"] for name in names]
    for pid in pids:
        os.kill(pid, what)
    return pids


def wait_for_their_end(pids: Sequence[int]) -> None:
    assert those_that_go_on(pids) == []
