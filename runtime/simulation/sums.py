"""What must add up in the apps made for checking."""

import json
from typing import Any

from runtime.journal.memory import MemoryStore
from runtime.simulation.violation import require
from runtime.wire import decode_body


def _states(store: MemoryStore, group: str) -> list[dict[str, Any]]:
    prefix = group + "/"
    rows = sorted((a, r) for a, r in store.instances.items() if a.startswith(prefix) and r.state is not None)
    return [json.loads(row.state) for _, row in rows if row.state is not None]


def _payloads(store: MemoryStore, type: str) -> list[dict[str, Any]]:
    return [
        json.loads(decode_body(entry.body).data)
        for _, log in sorted(store.log.items())
        for entry in log
        if entry.type == type and entry.at == entry.id
    ]


def bank_adds_up(store: MemoryStore) -> None:
    """Money only comes by deposits and cards, and none is lost on the way."""
    came = sum(e["amount"] for e in _payloads(store, "deposited") + _payloads(store, "paid"))
    accounts = _states(store, "Account")
    held = sum(a["balance"] + sum(a["reserved"].values()) for a in accounts)
    totals = _states(store, "Totals")
    settled = sum(t["amount"] for t in totals)
    paid_out = sum(t["paid_out"] for t in totals)
    require(settled == came, "sums add up", f"{came} came in, and the total is {settled}")
    require(held + paid_out == came, "sums add up", f"{came} came in; {held} is held, {paid_out} paid out")
    booked = len(_payloads(store, "booked"))
    counted = sum(r["count"] for r in _states(store, "Receipts"))
    require(booked == counted, "sums add up", f"{booked} bookings, {counted} receipts")


def relay_adds_up(store: MemoryStore) -> None:
    """Each pull makes two steps at the referee, and each stop is counted."""
    pulled = len(_payloads(store, "pulled"))
    steps = sum(r["steps"] for r in _states(store, "Referee"))
    require(steps == pulled * 1001, "sums add up", f"{pulled} pulls, {steps} steps")
    halted = sum(1 for e in _entries(store, "chain_halted") if e)
    counted = sum(b["halted"] for b in _states(store, "Board"))
    require(halted == counted, "sums add up", f"{halted} chains were halted, {counted} are counted")


def _entries(store: MemoryStore, type: str) -> list[bytes]:
    return [e.targets for log in store.log.values() for e in log if e.type == type and e.at == e.id]
