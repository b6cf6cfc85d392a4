"""What a start writes down before any process of the app runs."""

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from actors import Aggregate, App, Event, Heartbeat, cron, on
from runtime.core.rows import BegunRow
from runtime.journal import open_journal
from runtime.shells.launch import make_ready

from .inside import inside

SECOND = 1_000_000
DAY = 86_400 * SECOND


@dataclass
class Standing:
    """A clock that stands where it is set."""

    at: int = 0

    def now(self) -> int:
        return self.at

    def wait(self, us: int) -> float:
        return us / SECOND


class DailyBoard(Event, origin=True):
    missed: int = 0


class Pulse(Aggregate, singleton=True):
    @on
    def feel(self, event: Heartbeat) -> None: ...


async def first_tick(app: App, place: Path, begins: int, beats: int) -> Event:
    """The first of a life that begins, and of which nothing is taken before that other moment."""
    make_ready(str(place), app, 4, begins)
    clock = Standing(beats)
    async with inside(app, place, clock=clock) as parts:
        rt = parts.client()
        heart = parts.heart()
        beating = asyncio.create_task(heart.run())
        before = len([one async for one in rt.tail(Heartbeat)])
        found: list[Event] = []
        async for recorded in rt.tail(Heartbeat, follow=True):
            found.append(recorded.event)
            if len(found) > before:
                break
        heart.end()
        await beating
        await rt.close()
        return found[-1]


def begun(place: Path) -> tuple[BegunRow, ...]:
    journal = open_journal(str(place), app="shop")
    try:
        return journal.info.begun
    finally:
        journal.close()


def test_a_start_keeps_from_where_the_apps_schedules_count(tmp_path: Path) -> None:
    place = tmp_path / "shop.db"

    made = make_ready(str(place), App("shop", heartbeat=10), 8, 100)
    first = begun(place)
    again = make_ready(str(place), App("shop", heartbeat=10), 64, 200)
    second = begun(place)
    make_ready(str(place), App("shop", heartbeat=60), 64, 300)

    assert (made.partitions, again.partitions) == (8, 8)
    assert first == second == (BegunRow("heartbeat", 100, 10 * SECOND),)
    assert begun(place) == (BegunRow("heartbeat", 300, 60 * SECOND),)


def test_a_start_that_changes_nothing_writes_nothing(tmp_path: Path) -> None:
    place = tmp_path / "shop.db"
    app = App("shop", heartbeat=10, schedules=[cron("0 9 * * *", DailyBoard)])
    make_ready(str(place), app, 8, 100)

    with closing(sqlite3.connect(place)) as watching:
        before = watching.execute("pragma data_version").fetchone()
        make_ready(str(place), app, 8, 200)
        after = watching.execute("pragma data_version").fetchone()
        make_ready(str(place), App("shop", heartbeat=60), 8, 300)
        changed = watching.execute("pragma data_version").fetchone()

    assert before == after != changed


def test_the_supervisor_beats_from_where_the_start_said(tmp_path: Path) -> None:
    place = tmp_path / "shop.db"

    first = asyncio.run(first_tick(App("shop", Pulse, heartbeat=10), place, 0, DAY))
    slower = asyncio.run(first_tick(App("shop", Pulse, heartbeat=60), place, DAY, 11 * DAY))

    assert first == Heartbeat(tick=8640, missed=8639)
    assert slower == Heartbeat(tick=8640 + 14_400, missed=14_399)
