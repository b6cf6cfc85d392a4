"""What a gateway gives to the outside as its key, over journals; without Ray."""

import asyncio
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from actors import App, Event, Gateway, on

from .inside import inside

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Ordered(Event, origin=True):
    who: str


class Charged(Event):
    who: str
    key: str


class Payments(Gateway):
    @on
    async def charge(self, event: Ordered) -> Charged:
        return Charged(who=event.who, key=self.idempotency_key)


app = App("shop", Payments)


def order(journal: Path | str, *, gateways: bool = True) -> str:
    """Order the same at the same time, each time anew; the key of the charge, if gateways are there to make it."""

    async def main() -> str:
        async with inside(app, journal, gateways=gateways) as shop, shop.client() as rt:
            await rt.publish(Ordered(who="ada"), time=NOON, idempotency_key="1")
            if not gateways:
                return ""
            await rt.drain()
            (charged,) = [record.event async for record in rt.tail(Charged)]
            assert isinstance(charged, Charged)
            return charged.key

    return asyncio.run(main())


@pytest.mark.parametrize("others", ["other.db", "memory://"])
def test_the_same_order_on_a_journal_of_its_own_has_a_key_of_its_own(tmp_path: Path, others: str) -> None:
    other = others if "://" in others else tmp_path / others

    one, another = order(tmp_path / "one.db"), order(other)

    assert one.partition("-")[2] == another.partition("-")[2]
    assert one != another


def test_what_was_to_be_called_is_called_under_the_same_key_by_who_starts_on_a_backup(tmp_path: Path) -> None:
    journal, backup = tmp_path / "shop.db", tmp_path / "backup.db"
    order(journal, gateways=False)
    shutil.copy(journal, backup)

    assert order(backup) == order(journal)
