"""A router that starts anew goes on with the journal that its app was started on, or not at all."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from actors import App
from runtime.core.limits import Limits
from runtime.core.plan import cell_plan
from runtime.errors import JournalLost
from runtime.shells.clock import RealClock
from runtime.shells.launch import make_ready
from runtime.shells.router import RouterConfig, RouterShell

app = App("shop", heartbeat=1)


def replaced(place: Path) -> None:
    place.unlink()
    make_ready(str(place), app, 4, 2)


@pytest.mark.parametrize("happened", [Path.unlink, replaced])
def test_it_makes_no_other_one_and_takes_none(tmp_path: Path, happened: Callable[[Path], None]) -> None:
    place = tmp_path / "shop.db"
    info = make_ready(str(place), app, 4, 1)
    config = RouterConfig(
        app.name,
        str(place),
        app.catalogue.schema_hash,
        cell_plan(app, 4),
        Limits(),
        RealClock(),
        str(tmp_path / "router.sock"),
        "token",
        10.0,
        info.identity,
    )
    happened(place)
    there = place.exists()

    async def start() -> None:
        await RouterShell(config).start()

    with pytest.raises(JournalLost, match="deleted, moved or replaced"):
        asyncio.run(start())

    assert place.exists() == there
