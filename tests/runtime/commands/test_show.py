"""`trunkline show` on a journal at rest."""

import json
from pathlib import Path
from typing import Any

import pytest

from . import ledger
from .conftest import Trunkline
from .journals import kept, played

CODE = ("--code", "tests.runtime.commands.shop:app")


def shown(trunkline: Trunkline, *arguments: str) -> dict[str, Any]:
    said = trunkline("show", *arguments, "--json")
    assert said.status == 0, said.err
    found: dict[str, Any] = json.loads(said.out)
    return found


@pytest.mark.parametrize("code", [(), CODE], ids=["without code", "with code"])
def test_it_shows_the_committed_state(journal: Path, trunkline: Trunkline, code: tuple[str, ...]) -> None:
    found = shown(trunkline, "Wallet/ada", *code)

    assert found["live"]
    assert found["state"] == {"Wallet": {"credits": 17, "news": "hear, hear"}}


def test_its_mailbox_is_what_it_has_not_handled(journal: Path, trunkline: Trunkline) -> None:
    found = shown(trunkline, "Wallet/grace")

    mailbox = [(one["what"], one["event"]["credits"]) for one in found["mailbox"]]
    assert mailbox == [("parked", 99), ("held", 1)]
    assert shown(trunkline, "Wallet/ada")["mailbox"] == []


def test_its_cursor_is_the_last_event_that_it_handled(journal: Path, trunkline: Trunkline) -> None:
    found = shown(trunkline, "Wallet/grace")
    parked = found["mailbox"][0]["id"]

    partition, position = map(int, found["cursor"].split("-"))
    assert partition == found["partition"]
    assert position < int(parked.split("-")[1])


def test_its_timers_are_those_that_are_pending(journal: Path, trunkline: Trunkline) -> None:
    (timer,) = shown(trunkline, "Wallet/ada")["timers"]

    assert (timer["instance"], timer["event"], timer["payload"]) == ("Wallet/ada", "reminded", {"player_id": "ada"})


def test_its_last_events_are_what_it_heard_and_emitted(journal: Path, trunkline: Trunkline) -> None:
    found = shown(trunkline, "Wallet/ada", "-n", "3")

    assert [event["type"] for event in found["last"]] == ["completed_purchase", "credits_granted", "announced"]


def test_a_singleton_is_named_by_its_class(journal: Path, trunkline: Trunkline) -> None:
    assert shown(trunkline, "Totals")["state"] == {"Totals": {"granted": 3}}


def test_a_pipe_gets_lines_that_begin_with_what_they_are_about(journal: Path, trunkline: Trunkline) -> None:
    lines = trunkline("show", "Wallet/grace").lines

    assert "state\tcredits\t5" in lines
    assert [line.split("\t")[:2] for line in lines if line.startswith("mailbox")] == [
        ["mailbox", "parked"],
        ["mailbox", "held"],
    ]


def test_without_a_name_the_instances_of_the_app_are_listed(journal: Path, trunkline: Trunkline) -> None:
    said = trunkline("show", "--json")

    listed = {one["instance"]: one["state"] for line in said.lines if (one := json.loads(line))}
    assert list(listed) == ["Receipts/ada", "Receipts/grace", "Totals/Totals", "Wallet/ada", "Wallet/grace"]
    assert listed["Wallet/ada"] == {"Wallet": {"credits": 17, "news": "hear, hear"}}


def test_by_a_class_its_instances_are_listed(journal: Path, trunkline: Trunkline) -> None:
    said = trunkline("show", "Wallet")

    assert said.lines == ["Wallet/ada\tcredits=17 news=hear, hear", "Wallet/grace\tcredits=5 news=hear, hear"]


def test_no_more_are_listed_than_is_asked_for_and_that_is_said(journal: Path, trunkline: Trunkline) -> None:
    some, all = trunkline("show", "--limit", "4"), trunkline("show", "--limit", "5", "--journal", str(journal))

    assert [len(some.lines), len(all.lines)] == [4, 5]
    assert "there are more: --limit shows more" in some.err
    assert all.err == ""


@pytest.mark.parametrize(("named", "meant"), [("Wallet/adda", "Wallet/ada"), ("Walet/ada", "Wallet")])
def test_who_names_none_is_told_of_one_with_such_a_name(
    journal: Path, trunkline: Trunkline, named: str, meant: str
) -> None:
    said = trunkline("show", named)

    assert (said.status, said.out) == (1, "")
    assert f"there is no instance {named}: no event was for it; is it {meant} that you mean?" in said.err


def test_an_instance_that_no_event_was_for_is_none(journal: Path, trunkline: Trunkline) -> None:
    said = trunkline("show", "Wallet/nobody")

    assert (said.status, said.out) == (1, "")
    assert "there is no instance Wallet/nobody" in said.err
    assert "fix: " in said.err


@pytest.fixture
def shared(journal: Path) -> str:
    """A journal whose one instance two classes share."""
    return str(kept(played(ledger.app, [ledger.Deposit(account="a1", cents=5)]), journal.parent / "ledger.db"))


def test_an_instance_that_classes_share_is_shown_by_the_name_of_each(shared: str, trunkline: Trunkline) -> None:
    where = ("--journal", shared, "--code", "tests.runtime.commands.ledger:app")

    for command in (["show"], ["timers", "--instance"], ["tail", "--instance"]):
        one, other = (trunkline(*command, f"{name}/a1", *where, "--json") for name in ("Account", "Audit"))

        assert (one.status, one.err) == (0, "")
        assert other.out == one.out != ""
    assert shown(trunkline, "Audit/a1", *where)["state"]["Audit"] == {"deposits": 1}
    assert trunkline("show", "Audit", *where).lines == ["Account/a1\tcents=5 deposits=1"]


def test_without_code_it_is_said_whose_name_it_has(shared: str, trunkline: Trunkline) -> None:
    said = trunkline("show", "Audit/a1", "--journal", shared)

    assert said.status == 1
    assert "one that classes share has the first one's name, which --code MODULE:APP knows" in said.err
