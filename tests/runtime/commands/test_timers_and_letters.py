"""`trunkline timers` and `trunkline dead-letters` on a journal at rest."""

import json
from pathlib import Path

import pytest

from .conftest import Trunkline


def test_timers_are_listed_the_next_one_due_first(journal: Path, trunkline: Trunkline) -> None:
    timers = [json.loads(line) for line in trunkline("timers", "--json").lines]

    assert [timer["instance"] for timer in timers] == ["Wallet/grace", "Wallet/ada"]
    assert timers[0]["due"] < timers[1]["due"]


def test_timers_of_one_instance(journal: Path, trunkline: Trunkline) -> None:
    (line,) = trunkline("timers", "--instance", "Wallet/ada").lines

    assert line.split("\t")[2:4] == ["Wallet/ada", "reminded"]


def test_dead_letters_say_what_could_not_be_handled_and_why(journal: Path, trunkline: Trunkline) -> None:
    (letter,) = [json.loads(line) for line in trunkline("dead-letters", "list", "--json").lines]

    assert letter["at"] == "Wallet/grace"
    assert letter["event"]["event"] == {"player_id": "grace", "credits": 99}
    assert "grace has 5" in letter["message"]
    assert "Wallet.spend" in letter["where"]


def test_a_dead_letters_stack_is_shown_when_asked_for(journal: Path, trunkline: Trunkline) -> None:
    without, with_it = trunkline("dead-letters", "list"), trunkline("dead-letters", "list", "--traceback")

    assert len(without.lines) == 1
    assert "raise ValueError" in with_it.out


@pytest.mark.parametrize("what", ["retry", "skip"])
def test_one_event_is_decided_or_all(journal: Path, trunkline: Trunkline, what: str) -> None:
    said = trunkline("dead-letters", what, "--journal", str(journal.with_name("none.db")))

    assert said.status == 2
    assert "none.db is no journal" in said.err
