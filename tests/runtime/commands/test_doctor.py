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


@pytest.fixture
def no_token(journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray is told of none, and finds none."""
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(journal.parent))


@pytest.fixture
def cluster_here(journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `ray start` leaves on a machine while it runs."""
    (journal.parent / "ray").mkdir()
    (journal.parent / "ray" / "ray_current_cluster").write_text("127.0.0.1:6379")
    monkeypatch.setattr("tempfile.tempdir", str(journal.parent))


@pytest.mark.usefixtures("no_token")
def test_a_token_that_is_asked_for_and_not_there_is_bad(
    journal: Path, trunkline: Trunkline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_AUTH_MODE", "token")

    without = findings(trunkline("doctor", "--json", "--quick"))
    monkeypatch.setenv("RAY_AUTH_TOKEN", "secret-token")
    with_it = trunkline("doctor", "--json", "--quick")

    assert without["token"]["sign"] == "bad"
    assert "token" not in findings(with_it)
    assert "secret-token" not in with_it.out


@pytest.mark.usefixtures("no_token")
def test_a_token_in_a_file_of_any_name_is_there(
    journal: Path, trunkline: Trunkline, monkeypatch: pytest.MonkeyPatch
) -> None:
    (journal.parent / "password").write_text("secret-token")
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(journal.parent / "password"))

    assert "token" not in findings(trunkline("doctor", "--json", "--quick"))


@pytest.mark.usefixtures("no_token", "cluster_here")
def test_where_a_cluster_runs_and_a_token_is_clients_are_told_to_say_so(
    journal: Path, trunkline: Trunkline, monkeypatch: pytest.MonkeyPatch
) -> None:
    (journal.parent / ".ray").mkdir()
    (journal.parent / ".ray" / "auth_token").write_text("secret-token")

    before = findings(trunkline("doctor", "--json", "--quick"))["token"]
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    after = findings(trunkline("doctor", "--json", "--quick"))

    assert (before["sign"], before["fix"]) == ("look", "RAY_AUTH_MODE=token, for clients that are told an address")
    assert "token" not in after


@pytest.mark.usefixtures("no_token", "cluster_here")
def test_a_cluster_that_was_started_without_a_token_is_told_of(journal: Path, trunkline: Trunkline) -> None:
    found = findings(trunkline("doctor", "--json", "--quick"))["token"]

    assert found["sign"] == "look"
    assert "lets in whoever reaches it" in found["said"]


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
