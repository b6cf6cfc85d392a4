"""`trunkline doctor`: what it looks at, and what it finds wrong."""

import json
from pathlib import Path

import pytest

from actors import App
from benchmarks.million import BEGUN, Writer
from runtime.core.partition import partition_of
from runtime.core.rows import SUPERVISOR, Batch, ScheduleRow
from runtime.journal import open_journal
from runtime.journal.memory import MemoryStore

from .conftest import Said, Trunkline
from .journals import kept
from .shop import Payments, Receipts, Totals, Wallet


def findings(said: Said) -> dict[str, dict[str, str]]:
    return {one["about"]: one for line in said.lines if (one := json.loads(line))}


def test_a_dead_letter_is_bad_and_the_rest_is_well(journal: Path, trunkline: Trunkline) -> None:
    said = trunkline("doctor", "--json")

    found = findings(said)
    assert said.status == 1
    assert {about for about, one in found.items() if one["sign"] == "bad"} == {"dead letters"}
    assert found["epochs"]["said"] == "supervisor 1, partitions 1"
    assert found["pages"]["said"] == "PRAGMA quick_check finds nothing"
    assert found["lag"]["said"] == "nothing waits"
    assert found["timers"]["said"].startswith("2 pending")
    assert "ray 2." in found["versions"]["said"]


def test_what_nobody_has_handled_yet_waits(store: MemoryStore, journal: Path, trunkline: Trunkline) -> None:
    left = MemoryStore(store.info)
    left.__dict__ |= store.__dict__ | {"instances": {a: r for a, r in store.instances.items() if a != "Totals/Totals"}}
    kept(left, journal.with_name("left.db"))

    lag = findings(trunkline("doctor", "--json", "--journal", "left.db"))["lag"]

    assert lag["sign"] == "look"
    assert lag["said"].startswith("3 deliveries wait, the oldest for ")


def test_damaged_pages_are_found(journal: Path, trunkline: Trunkline) -> None:
    data = bytearray(journal.read_bytes())
    # The last page: its header says how many cells it has.
    data[-4096 + 3 : -4096 + 5] = b"\xff\xff"
    journal.write_bytes(data)

    said = trunkline("doctor", "--json")

    assert said.status == 1
    assert findings(said)["pages"]["sign"] == "bad"
    assert findings(said)["pages"]["fix"]


def test_the_check_of_pages_can_be_left_out(journal: Path, trunkline: Trunkline) -> None:
    assert "pages" not in findings(trunkline("doctor", "--json", "--quick"))


def test_a_token_that_is_asked_for_and_not_there_is_bad(
    journal: Path, trunkline: Trunkline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.delenv("RAY_AUTH_TOKEN", raising=False)
    monkeypatch.setenv("HOME", str(journal.parent))

    without = findings(trunkline("doctor", "--json", "--quick"))
    monkeypatch.setenv("RAY_AUTH_TOKEN", "secret-token")
    with_it = trunkline("doctor", "--json", "--quick")

    assert without["token"]["sign"] == "bad"
    assert "token" not in findings(with_it)
    assert "secret-token" not in with_it.out


def test_schedules_say_when_they_came_last_and_with_code_whether_others_are_due(
    tmp_path: Path, trunkline: Trunkline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    beating = App("beating", Totals, Wallet, Payments, Receipts, heartbeat=60)
    writer = Writer()
    partition = partition_of("heartbeat", 64)
    writer.event("heartbeat", partition, "heartbeat", None, (), b'{"tick":3,"missed":0}')
    journal = open_journal("beating.db", app="beating", now=BEGUN - 3 * 60_000_000)
    epochs = journal.claim([partition, SUPERVISOR])
    row = ScheduleRow("heartbeat", partition, 3)
    journal.commit(Batch.empty()._replace(epochs=epochs, entries=writer.entries, schedules={"heartbeat": row}))
    journal.close()
    monkeypatch.setattr("tests.runtime.commands.shop.app", beating)

    without = findings(trunkline("doctor", "--json", "--quick"))["heartbeat"]
    with_it = findings(trunkline("doctor", "--json", "--quick", "--code", "tests.runtime.commands.shop:app"))[
        "heartbeat"
    ]

    assert without["sign"] == "ok"
    assert without["said"].startswith("last 2023-11-14 22:13:20 UTC, ")
    assert with_it["sign"] == "look"
    assert "another is due" in with_it["said"]
