"""A blocking runtime where its thread is not what it was: inside an event loop, and in a forked process."""

import asyncio
import os
import pickle
from pathlib import Path

import pytest

from runtime import NotRunning
from tests.conftest import Start

from .store import Bought, Wallet, app


def test_it_is_closed_where_an_event_loop_runs_as_in_a_notebook(start: Start) -> None:
    rt = start(app)

    async def cell() -> None:
        with rt:
            rt.publish(Bought(player_id="ada", credits=1))
            rt.drain()

    asyncio.run(cell())

    with pytest.raises(NotRunning, match="closed"):
        rt.get(Wallet, "ada")


def test_in_a_forked_process_it_says_so_and_the_app_goes_on(start: Start, tmp_path: Path) -> None:
    rt = start(app)
    said = tmp_path / "said"

    child = os.fork()
    if child == 0:
        found = []
        for use in (lambda: rt.publish(Bought(player_id="ada", credits=1)), lambda: rt.get(Wallet, "ada"), rt.drain):
            try:
                use()
            except NotRunning as error:
                found.append(str(error))
        with rt:
            pass
        said.write_bytes(pickle.dumps(found))
        os._exit(0)
    _, status = os.waitpid(child, 0)
    rt.publish(Bought(player_id="ada", credits=2))
    rt.drain()
    wallet = rt.get(Wallet, "ada")

    assert status == 0
    errors = pickle.loads(said.read_bytes())
    assert len(errors) == 3
    assert all(f"belongs to process {os.getpid()}, from which this one was forked" in error for error in errors)
    assert wallet is not None
    assert wallet.credits == 2
