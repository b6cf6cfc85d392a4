"""What is read of a journal when the second life of its app began on an earlier clock than the first."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from actors import Aggregate, App, Event, on

from .inside import inside

MORNING = datetime(2026, 3, 1, 8, tzinfo=UTC)
EIGHT = range(8)


class Noted(Event, origin=True):
    who: str
    number: int


class Notes(Aggregate, key="who"):
    @on
    def note(self, event: Noted) -> None: ...


@dataclass(frozen=True)
class Standing:
    """A clock that stands."""

    at: datetime

    def now(self) -> int:
        return round(self.at.timestamp() * 1_000_000)

    def wait(self, us: int) -> float:
        return us / 1_000_000


def test_tail_begins_at_a_moment_of_the_first_life_also_when_the_second_began_on_an_earlier_clock(
    tmp_path: Path,
) -> None:
    app = App("notes", Notes)

    async def live(at: datetime, first: int) -> None:
        async with inside(app, tmp_path / "notes.db", clock=Standing(at)) as notes:
            rt = notes.client()
            await rt.publish([Noted(who=f"{n}", number=first + n) for n in EIGHT])
            await rt.drain()
            await rt.close()

    async def read() -> list[list[int]]:
        async with inside(app, tmp_path / "notes.db") as notes:
            rt = notes.client()
            found = []
            for days in (1, 31):
                tail = rt.tail(Noted, since=MORNING + timedelta(days=days))
                found.append([one.event.number async for one in tail if isinstance(one.event, Noted)])
            await rt.close()
            return found

    asyncio.run(live(MORNING + timedelta(days=30), 0))
    asyncio.run(live(MORNING, 8))
    since_first, since_none = asyncio.run(read())

    assert sorted(since_first) == list(range(16))
    assert since_none == []
