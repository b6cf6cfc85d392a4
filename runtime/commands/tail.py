"""`trunkline tail`: the events of the logs, oldest first."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime

import click

from runtime.commands.kinds import Since, concerns
from runtime.commands.looking import Look, looking
from runtime.commands.output import Output
from runtime.core.partition import partition_of
from runtime.core.rows import Entry
from runtime.encode import time_us
from runtime.merging import Merge, newest
from runtime.publishing import EventId
from runtime.reading import LOOK_AGAIN

Wanted = Callable[[Entry], bool]


@click.command(
    epilog="""\b
Examples:
  trunkline tail                                    (the last 20 events)
  trunkline tail -t completed_purchase -t declined_purchase --since 10m
  trunkline tail --instance Wallet/ada --follow
  trunkline tail --app shop --since 2026-01-31T12:00 --json | jq .event
"""
)
@click.option("-t", "--type", "types", multiple=True, metavar="TYPE", help="Only events of this wire type; repeatable.")
@click.option("--instance", metavar="Class/ID", help="Only what this instance (or gateway) heard or emitted.")
@click.option("--since", type=Since(), metavar="WHEN", help="10m, 2h, a moment, or after an event's id.")
@click.option("-n", "--last", type=click.IntRange(0), default=20, show_default=True, help="How many, without --since.")
@click.option("-f", "--follow", is_flag=True, help="Go on with what is recorded from now on; Ctrl-C ends it.")
@looking()
async def command(
    look: Look,
    out: Output,
    types: tuple[str, ...],
    instance: str | None,
    since: datetime | EventId | None,
    last: int,
    follow: bool,
) -> None:
    """Show what was recorded, oldest first."""
    wanted = _filter(look.reading.types(types), instance)
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
        for entry in await _last(newest(look.reading, heads, copies=only is not None), wanted, last):
            show(entry)
    elif isinstance(since, datetime):
        await merge.begin_at(time_us(since))
    else:
        await merge.begin_after(await look.reading.found(since))
    pause = LOOK_AGAIN[0]
    while since is not None or follow:
        news = False
        async for page in merge.news():
            news = True
            for entry in page:
                if wanted(entry):
                    show(entry)
        look.progress.end()
        if not follow:
            return
        pause = LOOK_AGAIN[0] if news else min(pause * 2, LOOK_AGAIN[1])
        await asyncio.sleep(pause)


def _filter(types: frozenset[str], instance: str | None) -> Wanted:
    return lambda entry: (not types or entry.type in types) and (instance is None or concerns(entry, instance))


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
