"""`trunkline why` on a journal at rest."""

import asyncio
import io
import json
import re
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.million import Writer
from runtime.core.messages import id_text
from runtime.core.rows import SUPERVISOR, Batch
from runtime.journal import open_journal, open_reader
from runtime.publishing import EventId
from runtime.reading import Reading
from runtime.source import JournalAtRest
from runtime.tree import causal_tree, payload

from .conftest import Trunkline


def id_of(trunkline: Trunkline, type: str, which: int = 0) -> str:
    return trunkline("tail", "-t", type).lines[which].split("\t")[1]


def test_it_shows_the_way_from_the_origin_and_all_that_the_event_led_to(journal: Path, trunkline: Trunkline) -> None:
    asked = id_of(trunkline, "completed_purchase")

    tree = [json.loads(line) for line in trunkline("why", asked, "--json").lines]

    assert [(one["depth"], one["type"], one["asked"]) for one in tree] == [
        (0, "attempted_purchase", False),
        (1, "completed_purchase", True),
        (2, "credits_granted", False),
    ]
    assert [one["handler"] for one in tree] == ["", "Payments.charge", "Wallet.grant"]


def test_a_pipe_gets_the_tree_by_indentation(journal: Path, trunkline: Trunkline) -> None:
    lines = trunkline("why", id_of(trunkline, "attempted_purchase")).lines

    assert [line.split("\t")[2] for line in lines] == [
        "attempted_purchase",
        "  completed_purchase",
        "    credits_granted",
    ]


def test_decisions_about_an_event_stand_below_it(journal: Path, trunkline: Trunkline) -> None:
    lines = trunkline("why", id_of(trunkline, "spent")).lines

    assert [line.split("\t")[2] for line in lines] == ["spent", "  trunkline.parked"]


def test_it_says_when_it_shows_not_all(journal: Path, trunkline: Trunkline) -> None:
    down = trunkline("why", id_of(trunkline, "attempted_purchase"), "--limit", "1")
    up = trunkline("why", id_of(trunkline, "credits_granted"), "--limit", "1")

    assert len(down.lines) == 2
    assert "it led to more than 1 events" in down.err
    assert len(up.lines) == 2
    assert "more than 1 events led to it" in up.err


def test_an_event_is_known_by_the_place_of_its_copy(journal: Path, trunkline: Trunkline) -> None:
    ids = {line.split("\t")[1] for line in trunkline("tail").lines}
    partition = json.loads(trunkline("show", "Totals", "--json").out)["partition"]
    copy = f"{partition}-1"
    assert copy not in ids

    said = trunkline("why", copy)

    assert said.status == 0
    assert said.lines[-1].split("\t")[1] in ids


def test_who_asks_for_an_event_that_is_none_is_told(journal: Path, trunkline: Trunkline) -> None:
    missing, nonsense = trunkline("why", "0-99999"), trunkline("why", "purchase")

    assert (missing.status, nonsense.status) == (1, 2)
    assert "there is no event '0-99999'" in missing.err
    assert "'purchase' is no event id" in nonsense.err


def test_what_an_effect_led_to_stands_right_below_it(trunkline: Trunkline, tmp_path: Path) -> None:
    path = tmp_path / "tree.db"
    writer = Writer()
    root = writer.event("root", 0, "client", None, ((0, "A/1"),), b"{}")
    left, right = (writer.event(name, 0, "A/1", root, ((0, "A/1"),), b"{}") for name in ("left", "right"))
    for cause, name in ((right, "right below"), (left, "left below")):
        writer.event(name, 0, "A/1", cause, (), b"{}")
    opened = open_journal(str(path), app="tree")
    opened.commit(Batch.empty()._replace(epochs=opened.claim([0, SUPERVISOR]), entries=writer.entries))
    opened.close()

    lines = trunkline("why", "0-1", "--journal", str(path)).lines

    assert [line.split("\t")[2].strip() for line in lines] == ["root", "left", "left below", "right", "right below"]


@pytest.mark.parametrize("columns", [60, 80])
def test_a_narrow_terminal_shows_that_it_cuts_and_keeps_the_times(journal: Path, columns: int) -> None:
    reader = open_reader(str(journal))
    reading = Reading(JournalAtRest(reader), None)
    purchase = next(e for p in range(8) for e in reader.log(p, 0, 999) if e.type == "attempted_purchase")
    shown = io.StringIO()

    tree = causal_tree(asyncio.run(reading.chain(EventId(id_text(purchase.id)))))
    Console(file=shown, width=columns).print(tree)

    reader.close()
    lines = shown.getvalue().splitlines()
    assert len(lines) == 3
    for line in lines[1:]:
        assert len(line) == columns
        assert line.endswith("…")
    assert all(re.search(r"\+[\d,.]+ ms  ", line) for line in lines[1:]), lines


def test_a_payload_can_not_move_a_terminals_cursor() -> None:
    assert payload({"note": "\x1b[2J\nred"}) == "note=\\x1b[2J\\nred"
