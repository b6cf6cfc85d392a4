"""The logs of all partitions as one, forward and backward, over many pages."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from benchmarks.million import Writer
from runtime.core.rows import Entry
from runtime.journal.memory import MemoryReader, MemoryStore
from runtime.journal.protocol import JournalInfo
from runtime.merging import Merge, newest
from runtime.reading import Reading
from runtime.source import JournalAtRest

COUNT = 1_700


@pytest.fixture(scope="module")
def written() -> list[Entry]:
    """Events of two partitions in turn, three in the first for each in the second, which hears them all."""
    writer = Writer()
    for n in range(COUNT):
        writer.event("happened", 0 if n % 4 else 1, "client", None, ((1, "Wallet/ada"),), b"{}")
    return writer.entries


@pytest.fixture(scope="module")
def reading(written: list[Entry]) -> Reading:
    store = MemoryStore(JournalInfo("shop", 2, "", 1, 0))
    for entry in written:
        store.log[entry.at >> 40].append(entry)
    return Reading(JournalAtRest(MemoryReader(store)), None)


async def gathered(entries: AsyncIterator[Entry]) -> list[Entry]:
    return [entry async for entry in entries]


async def pages(merge: Merge) -> list[Entry]:
    return [entry async for page in merge.news() for entry in page]


def test_forward_each_event_comes_once_in_the_order_of_its_record(written: list[Entry], reading: Reading) -> None:
    found = asyncio.run(pages(Merge(reading)))

    assert found == [entry for entry in written if entry.at == entry.id]


def test_backward_it_is_the_other_way_round(written: list[Entry], reading: Reading) -> None:
    async def backward() -> list[Entry]:
        return await gathered(newest(reading, await reading.heads()))

    assert asyncio.run(backward()) == [entry for entry in written if entry.at == entry.id][::-1]


def test_one_partitions_log_is_given_whole(written: list[Entry], reading: Reading) -> None:
    async def backward() -> list[Entry]:
        return await gathered(newest(reading, {1: COUNT}, copies=True))

    log = [entry for entry in written if entry.at >> 40 == 1]
    assert asyncio.run(pages(Merge(reading, 1))) == log
    assert asyncio.run(backward()) == log[::-1]


def test_what_is_there_already_is_no_news_at_the_end(reading: Reading) -> None:
    async def at_end() -> tuple[dict[int, int], list[Entry]]:
        merge = Merge(reading)
        return await merge.begin_at_end(), await pages(merge)

    heads, news = asyncio.run(at_end())

    assert heads == asyncio.run(reading.heads())
    assert news == []
