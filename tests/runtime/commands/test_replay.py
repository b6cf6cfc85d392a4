"""`trunkline replay`: the journal's turns through code that is the same, or has changed."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import Said, Trunkline
from .journals import kept, played
from .shop import Announced, Spent, app

SHOP = Path(__file__).with_name("shop.py")
Changed = Callable[[str, str], Said]


@pytest.fixture
def changed(journal: Path, trunkline: Trunkline, monkeypatch: pytest.MonkeyPatch) -> Changed:
    """Replays the journal through the shop's code with one text replaced by another."""

    def replay(old: str, new: str) -> Said:
        source = SHOP.read_text()
        assert old in source
        (journal.parent / "changed.py").write_text(source.replace(old, new))
        monkeypatch.setattr(sys, "path", [str(journal.parent), *sys.path])
        monkeypatch.delitem(sys.modules, "changed", raising=False)
        return trunkline("replay", "--code", "changed:app", "--json")

    return replay


def difference(said: Said) -> dict[str, Any]:
    assert said.status == 1, said
    found: dict[str, Any] = json.loads(said.out)["difference"]
    return found


def test_the_same_code_does_what_the_journal_says(journal: Path, trunkline: Trunkline) -> None:
    said = trunkline("replay", "--code", "tests.runtime.commands.shop:app")

    assert said.status == 0, said
    assert "11 turns: the present code does all that the journal says" in said.out


def test_of_one_turn_it_is_said_that_it_is_one(
    trunkline: Trunkline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    kept(played(app, [Announced(text="hear"), Spent(player_id="ada", credits=0)]), tmp_path / "one.db")

    said = trunkline("replay", "--code", "tests.runtime.commands.shop:app")

    assert said.out == "1 turn: the present code does all that the journal says\n"


def test_a_turn_that_emits_something_else_is_the_first_difference(changed: Changed) -> None:
    found = difference(changed("balance=self.credits)", "balance=2 * self.credits)"))

    assert (found["at"], found["what"]) == ("Wallet/ada", "what the turn emits")
    assert found["event"]["type"] == "completed_purchase"
    assert [one["event"]["balance"] for one in found["journal"]] == [10]
    assert [one["event"]["balance"] for one in found["code"]] == [20]


def test_a_turn_that_emits_nothing_any_more_is_a_difference(changed: Changed) -> None:
    found = difference(changed("        yield CreditsGranted(player_id=self.id, balance=self.credits)\n", ""))

    assert (len(found["journal"]), found["code"]) == (1, [])


def test_a_turn_that_fails_now_is_a_difference(changed: Changed) -> None:
    found = difference(changed("self.balances.append(event.balance)", "self.balances.remove(event.balance)"))

    assert found["at"] == "Receipts/ada"
    assert "fails now" in found["what"]
    assert "Receipts.send raised ValueError" in found["code"]


def test_a_state_that_comes_out_otherwise_is_a_difference(changed: Changed) -> None:
    found = difference(changed("self.granted += 1", "self.granted += 2"))

    assert (found["at"], found["what"]) == ("Totals/Totals", "the state in the end")
    assert (found["journal"], found["code"]) == ({"granted": 3}, {"granted": 6})


def test_a_state_is_told_with_the_names_that_it_is_stored_with(changed: Changed) -> None:
    body = "{0}: int = 0\n\n    @on\n    def count(self, event: CreditsGranted) -> None:\n        self.{0} += 1"

    found = difference(changed(body.format("granted"), body.format("given")))

    assert (found["journal"], found["code"]) == ({"granted": 3}, {"given": 3})


def test_of_a_state_it_is_said_that_any_event_up_to_the_last_may_have_made_the_difference(
    journal: Path, trunkline: Trunkline, changed: Changed
) -> None:
    changed("self.granted += 1", "self.granted += 2")

    said = trunkline("replay", "--code", "changed:app")

    assert said.out.startswith("Totals/Totals after all that it handled, to event ")
    assert "(credits_granted): the state in the end\n" in said.out


def test_a_timer_that_is_set_for_another_moment_is_a_difference(changed: Changed) -> None:
    found = difference(changed("days=1", "days=2"))

    assert found["what"] == "the timer reminded"
    assert found["code"] - found["journal"] == 86_400 * 1_000_000


def test_a_timer_that_is_set_no_longer_is_a_difference(changed: Changed) -> None:
    found = difference(changed("        yield After(Reminded(player_id=self.id), days=1)\n", ""))

    assert (found["what"], found["code"]) == ("the timer reminded", None)


def test_the_first_difference_is_the_one_whose_event_was_recorded_first(changed: Changed) -> None:
    found = difference(changed("+= event.credits\n", "+= event.credits + (event.credits in (5, 7))\n"))

    assert (found["at"], found["event"]["event"]["credits"]) == ("Wallet/grace", 5)


def test_an_event_that_the_code_knows_no_longer_is_a_difference(changed: Changed) -> None:
    found = difference(changed("class CompletedPurchase(Event)", "class CompletedPurchase(Event, name='paid')"))

    assert found["what"] == "this code has no completed_purchase"


def test_a_field_with_a_default_that_was_added_is_no_difference(changed: Changed) -> None:
    said = changed("    granted: int = 0\n", "    granted: int = 0\n    more: int = 0\n")

    assert said.status == 0, said


def test_what_an_instance_has_not_handled_is_not_replayed(changed: Changed) -> None:
    said = changed("if event.credits > self.credits:", "if False:")

    assert said.status == 0, said


def test_code_is_needed(journal: Path, trunkline: Trunkline) -> None:
    said = trunkline("replay")

    assert said.status == 2
    assert "--code module:app" in said.err
