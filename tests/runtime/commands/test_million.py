"""A journal of a million events, as `python -m benchmarks million` measures it: here only what is answered."""

import json
from pathlib import Path

import pytest

from benchmarks.million import CHAIN, fill
from runtime.core.messages import id_text

from .conftest import Trunkline


@pytest.mark.slow
def test_in_a_million_events_a_chain_is_found_whole(trunkline: Trunkline, tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    asked = fill(path)

    for what, entry in asked.items():
        tree = trunkline("why", id_text(entry.id), "--journal", str(path), "--limit", "2000", "--json").lines

        found = [json.loads(line) for line in tree]
        assert len(found) == (CHAIN if f"{CHAIN:,}" in what else 4), what
        assert [one["depth"] for one in found] == list(range(len(found)))
        assert {one["correlation"] for one in found} == {id_text(entry.root)}
        assert [one["id"] for one in found if one["asked"]] == [id_text(entry.id)]
