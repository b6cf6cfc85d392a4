"""`trunkline tail`: the events of the logs, oldest first."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from datetime import datetime

import click

from runtime.commands.kinds import Since, concerns
from runtime.commands.looking import Look, looking
from runtime.commands.output import Output, note
from runtime.core.partition import partition_of
from runtime.core.rows import Entry
from runtime.encode import time_us
from runtime.merging import Merge, newest
from runtime.publishing import EventId
from runtime.reading import LOOK_AGAIN

LAST = 20
"""Events that are shown if neither --since nor --last says how many."""


class Wanted:
    """Which events are to be shown; and what was seen meanwhile, for who is shown none."""

    def __init__(self, types: tuple[str, ...], wire_types: frozenset[str], instance: str | None) -> None:
        self._named = types
        self._types = wire_types
        self._instance = instance
        self._seen: set[str] = set()
        self._found = False

    def __call__(self, entry: Entry) -> bool:
        self._seen.add(entry.type)
        wanted = (not self._types or entry.type in self._types) and (self._instance is None or self._concerned(entry))
        self._found |= wanted
        return wanted

    def _concerned(self, entry: Entry) -> bool:
        assert self._instance is not None, "without one every event is wanted"
        if "/" not in self._instance and concerns(entry, f"{self._instance}/{self._instance}"):
            # A singleton's id is its class's name.
            return True
        return concerns(entry, self._instance)

    def why_none(self) -> str | None:
        """What to tell who was shown nothing; None: something was found, or everything was wanted."""
        if self._found or not (self._types or self._instance):
            return None
        said = "no event is shown"
        if self._instance is not None:
            said += f": {self._instance} heard and emitted none of those that were looked at"
        if self._types and not self._types & self._seen:
            there = ", ".join(sorted(self._seen)) or "none"
            said += f": none is of type {' or '.join(self._named)}; the types that were seen are {there}"
        return said


@click.command(
    epilog="""\b
Examples:
  trunkline tail                                    (the last 20 events)
  trunkline tail -t completed_purchase -t declined_purchase --since 10m
  trunkline tail --instance Wallet/ada --follow
  trunkline tail --app shop --since 2026-01-31T12:00 --json | jq .event
"""
)
@click.option("-t", "--type", "types", multiple=True, metavar="TYPE", help="Only this wire type, or class; repeatable.")
@click.option("--instance", metavar="Class/ID", help="Only what this instance (or gateway) heard or emitted.")
@click.option("--since", type=Since(), metavar="WHEN", help="10m, 2h, a moment, or after an event's id.")
@click.option("-n", "--last", type=click.IntRange(0), help=f"How many at most; {LAST} without --since.")
@click.option("-f", "--follow", is_flag=True, help="Go on with what is recorded from now on; Ctrl-C ends it.")
@looking()
async def command(
    look: Look,
    out: Output,
    types: tuple[str, ...],
    instance: str | None,
    since: datetime | EventId | None,
    last: int | None,
    follow: bool,
) -> None:
    """Show what was recorded, oldest first."""
    if instance is not None:
        instance = look.reading.names.address(instance)
    wanted = Wanted(types, look.reading.names.types(types), instance)
    only = None
    if instance is not None and "/" in instance:
        # All that an instance hears and emits stands in one log.
        only = partition_of(instance.partition("/")[2], look.partitions)
    merge = Merge(look.reading, only)

    def show(entry: Entry) -> None:
        # The events themselves say that it goes on.
        look.progress.end()
        out.event(look.reading.recorded(entry))

    look.progress.step("reading the logs")
    if since is None:
        heads = await merge.begin_at_end()
        count = LAST if last is None else last
        for entry in await _last(newest(look.reading, heads, copies=only is not None), wanted, count):
            show(entry)
    elif isinstance(since, datetime):
        await merge.begin_at(time_us(since))
    else:
        await merge.begin_after(await look.reading.found(since))
    if since is not None:
        ends: deque[Entry] = deque(maxlen=last)
        async for page in merge.news():
            for entry in filter(wanted, page):
                if last is None:
                    show(entry)
                else:
                    ends.append(entry)
        for entry in ends:
            show(entry)
    look.progress.end()
    if not follow and last != 0 and (why := wanted.why_none()) is not None:
        note(why)
    pause = LOOK_AGAIN[0]
    while follow:
        news = False
        async for page in merge.news():
            news = True
            for entry in filter(wanted, page):
                show(entry)
        pause = LOOK_AGAIN[0] if news else min(pause * 2, LOOK_AGAIN[1])
        await asyncio.sleep(pause)


async def _last(entries: AsyncIterator[Entry], wanted: Wanted, count: int) -> list[Entry]:
    found: list[Entry] = []
    while len(found) < count:
        entry = await anext(entries, None)
        if entry is None:
            break
        if wanted(entry):
            found.append(entry)
    return found[::-1]


__all__ = ["command"]
