"""`trunkline tail` on a journal at rest."""

import json
from pathlib import Path

import pytest

from benchmarks.million import BEGUN
from runtime.commands.output import Output
from runtime.core.messages import pack_id
from runtime.core.rows import Batch, Entry
from runtime.journal import open_journal
from runtime.reading import Recorded
from runtime.wire import Body, encode_body

from .conftest import Said, Trunkline

TYPES = [
    *("attempted_purchase", "completed_purchase", "credits_granted") * 3,
    *("announced", "spent", "trunkline.parked", "spent"),
]


def types(said: Said) -> list[str]:
    assert said.status == 0, said.err
    return [line.split("\t")[2] for line in said.lines]


def test_it_shows_what_was_recorded_oldest_first(journal: Path, trunkline: Trunkline) -> None:
    said = trunkline("tail")

    assert types(said) == TYPES
    moments = [line.split("\t")[0] for line in said.lines]
    assert moments == sorted(moments)


def test_it_shows_the_last_of_them(journal: Path, trunkline: Trunkline) -> None:
    assert types(trunkline("tail", "-n", "3")) == TYPES[-3:]
    assert types(trunkline("tail", "-n", "0")) == []


def test_it_shows_only_the_types_that_are_asked_for(journal: Path, trunkline: Trunkline) -> None:
    said = trunkline("tail", "-t", "spent", "-t", "announced")

    assert types(said) == ["announced", "spent", "spent"]


def test_it_shows_what_an_instance_heard_and_emitted_each_once(journal: Path, trunkline: Trunkline) -> None:
    said = trunkline("tail", "--instance", "Wallet/ada")

    assert types(said) == ["completed_purchase", "credits_granted"] * 2 + ["announced"]
    assert all("ada" in line or "hear, hear" in line for line in said.lines)


def test_it_shows_what_a_gateway_heard_and_emitted(journal: Path, trunkline: Trunkline) -> None:
    assert types(trunkline("tail", "--instance", "Payments")) == ["attempted_purchase", "completed_purchase"] * 3


def test_it_begins_after_an_event(journal: Path, trunkline: Trunkline) -> None:
    lines = trunkline("tail").lines
    third = lines[2].split("\t")[1]

    assert trunkline("tail", "--since", third).lines == lines[3:]


def test_it_begins_at_a_moment(journal: Path, trunkline: Trunkline) -> None:
    lines = trunkline("tail").lines
    moment = lines[5].split("\t")[0].replace(" ", "T")

    assert trunkline("tail", "--since", moment).lines == lines[5:]
    assert trunkline("tail", "--since", "10m").lines == []


def test_of_an_instance_it_begins_after_an_event_as_well(journal: Path, trunkline: Trunkline) -> None:
    lines = trunkline("tail", "--instance", "Wallet/ada").lines
    granted = lines[1].split("\t")[1]

    assert trunkline("tail", "--instance", "Wallet/ada", "--since", granted).lines == lines[2:]


def test_of_an_instance_it_begins_after_an_event_that_others_heard_or_all(journal: Path, trunkline: Trunkline) -> None:
    lines = trunkline("tail", "--instance", "Wallet/ada").lines
    # The event that the wallet hears as a copy, the one that it does not hear, and the broadcast.
    copied, attempted, broadcast = (
        lines[2].split("\t")[1],
        trunkline("tail", "-t", "attempted_purchase").lines[2].split("\t")[1],
        trunkline("tail", "-t", "announced").lines[0].split("\t")[1],
    )

    assert trunkline("tail", "--instance", "Wallet/ada", "--since", copied).lines == lines[3:]
    assert trunkline("tail", "--instance", "Wallet/ada", "--since", attempted).lines == lines[2:]
    assert trunkline("tail", "--instance", "Wallet/grace", "--since", broadcast).lines != []


def test_a_program_gets_an_object_a_line(journal: Path, trunkline: Trunkline) -> None:
    events = [json.loads(line) for line in trunkline("tail", "--json").lines]

    assert [event["type"] for event in events] == TYPES
    assert events[0]["event"] == {"player_id": "ada", "credits": 10}
    assert events[1] | {"id": "", "time": "", "recorded": ""} == {
        "id": "",
        "type": "completed_purchase",
        "time": "",
        "recorded": "",
        "source": "Payments",
        "handler": "Payments.charge",
        "subject": "ada",
        "cause": events[0]["id"],
        "correlation": events[0]["id"],
        "hops": 1,
        "sequence": events[1]["id"].partition("-")[2],
        "partitionkey": "ada",
        "dataschema": "completed_purchase/1",
        "traceparent": "",
        "event": {"player_id": "ada", "credits": 10, "note": "\x1b[31m"},
    }


def test_what_came_from_outside_can_not_move_a_terminals_cursor(journal: Path, trunkline: Trunkline) -> None:
    assert "\x1b" not in trunkline("tail").out


@pytest.mark.parametrize("code", [(), ("--code", "tests.runtime.commands.shop:app")], ids=["without code", "with code"])
def test_a_type_may_be_named_by_its_class(journal: Path, trunkline: Trunkline, code: tuple[str, ...]) -> None:
    assert types(trunkline("tail", "-t", "CompletedPurchase", *code)) == ["completed_purchase"] * 3


def test_a_singleton_is_named_by_its_class(journal: Path, trunkline: Trunkline) -> None:
    assert types(trunkline("tail", "--instance", "Totals")) == ["credits_granted"] * 3


def test_of_what_came_since_only_the_last_are_shown_if_so_many_are_asked_for(
    journal: Path, trunkline: Trunkline
) -> None:
    lines = trunkline("tail").lines
    third = lines[2].split("\t")[1]

    assert trunkline("tail", "--since", third, "-n", "3").lines == lines[-3:]


@pytest.mark.parametrize("since", [(), ("--since", "2000-01-01")], ids=["the last", "since"])
def test_who_is_shown_nothing_is_told_why(journal: Path, trunkline: Trunkline, since: tuple[str, ...]) -> None:
    of_type = trunkline("tail", "-t", "spend", *since)
    of_instance = trunkline("tail", "--instance", "Wallet/nope", "--journal", str(journal), *since)
    found = trunkline("tail", "--instance", "Wallet/ada", "--journal", str(journal), *since)

    there = "announced, attempted_purchase, completed_purchase, credits_granted, spent, trunkline.parked"
    assert f"no event is shown: none is of type spend; the types that were seen are {there}" in of_type.err
    # A broadcast is for all.
    assert types(of_instance) == ["announced"]
    assert found.err == ""


def test_what_neither_heard_nor_emitted_anything_is_told_of(journal: Path, trunkline: Trunkline) -> None:
    said = trunkline("tail", "--instance", "Receipts/nope", "--journal", str(journal))

    assert (said.status, said.out) == (0, "")
    assert (
        said.err == "trunkline: no event is shown: Receipts/nope heard and emitted none of those that were looked at\n"
    )


def test_without_code_any_type_may_be_asked_for_with_it_only_the_apps(journal: Path, trunkline: Trunkline) -> None:
    without = trunkline("tail", "-t", "spend")
    with_it = trunkline("tail", "-t", "spend", "--code", "tests.runtime.commands.shop:app")

    assert (without.status, without.out) == (0, "")
    assert with_it.status == 1
    assert "spend is no event of app 'shop'" in with_it.err


@pytest.mark.parametrize("code", [(), ("--code", "tests.runtime.commands.shop:app")])
def test_what_the_runtime_itself_writes_down_may_be_asked_for(
    journal: Path, trunkline: Trunkline, code: tuple[str, ...]
) -> None:
    said = trunkline("tail", "-t", "trunkline.parked", "-t", "trunkline.skipped", *code)

    assert types(said) == ["trunkline.parked"]


def test_one_that_follows_shows_what_is_written_later_until_it_is_interrupted(
    journal: Path, trunkline: Trunkline, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[str] = []
    event = Output.event

    def also(self: Output, recorded: Recorded) -> None:
        """What is shown first has a new event written; when that is shown, Ctrl-C is pressed."""
        event(self, recorded)
        shown.append(recorded.type)
        if len(shown) == 2:
            raise KeyboardInterrupt
        at = pack_id(5, 999)
        body = encode_body(Body("client", "", 1, 0, 0, "", (), "", b"{}"))
        entry = Entry(at, at, 0, at, 2 * BEGUN, 2 * BEGUN, "came_later", "", 0, b"", body)
        opened = open_journal(str(journal), app="shop")
        opened.commit(Batch.empty()._replace(epochs=opened.claim([5]), entries=[entry]))
        opened.close()

    monkeypatch.setattr(Output, "event", also)
    said = trunkline("tail", "-n", "1", "--follow")

    assert said.status == 130
    assert [line.split("\t")[2] for line in said.lines] == shown == ["spent", "came_later"]
