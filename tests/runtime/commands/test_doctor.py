"""`trunkline doctor`: what it looks at, and what it finds wrong."""

import json
from pathlib import Path

import pytest

from runtime.journal.memory import MemoryStore

from .conftest import Said, Trunkline
from .journals import kept


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
