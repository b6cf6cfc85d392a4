"""`trunkline show`: one instance, as the journal has it."""

from typing import Any, NamedTuple

import click

from actors.errors import TrunklineError
from runtime.commands.instances import is_group, like, list_instances
from runtime.commands.kinds import concerns, hears
from runtime.commands.looking import Look, looking, the_journal
from runtime.commands.output import Output, Row, event_cells, event_record
from runtime.commands.timers import COLUMNS, timer_row
from runtime.core.messages import POSITION_MASK, id_text
from runtime.core.partition import partition_of
from runtime.core.rows import DeliveryRow, Entry, InstanceRow, Status
from runtime.merging import newest

LOOK_BACK = 50_000
"""Entries of its log that are searched for an instance's last events."""
PAGE_MAX = 1_000
"""Entries of a mailbox that are shown."""
SHARED = "one that classes share has the first one's name, which --code MODULE:APP knows; "


class Pending(NamedTuple):
    """An event in a mailbox."""

    entry: Entry
    what: str
    """`parked`, `held`, `waiting`; a broadcast may have been handled without a trace: `broadcast`."""


def _complete_instance(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    journal = the_journal(ctx.params.get("journal"))
    if journal is None or "/" not in incomplete:
        return []
    from runtime.journal import open_reader

    reader = open_reader(journal)
    try:
        # By address, and from the first that may fit.
        group = incomplete.partition("/")[0]
        rows = reader.group(group, incomplete[:-1], 200)
        return [row.address for row in rows if row.address.startswith(incomplete)]
    finally:
        reader.close()


@click.command(
    epilog="""\b
Examples:
  trunkline show                            (all instances)
  trunkline show Wallet                     (those of a class)
  trunkline show Wallet/ada
  trunkline show Leaderboard                (a singleton)
  trunkline show Call/c-17 --journal prankcall.db --code apps.prankcall.app:app
"""
)
@click.argument("instance", metavar="[Class[/ID]]", required=False, shell_complete=_complete_instance)
@click.option("-n", "--last", type=click.IntRange(0), default=10, show_default=True, help="How many of its events.")
@click.option("--limit", type=click.IntRange(1), default=200, show_default=True, help="How many are listed at most.")
@looking()
async def command(look: Look, out: Output, instance: str | None, last: int, limit: int) -> None:
    """Show an instance: its state, cursor, mailbox, timers and last events; or list instances with their states."""
    if instance is not None:
        instance = look.reading.names.address(instance)
    if instance is None or ("/" not in instance and await is_group(look, instance)):
        await list_instances(look, out, instance, limit)
        return
    look.progress.step(f"reading {instance}")
    address = _address(look, instance)
    row = await look.reading.instance(address)
    partition = partition_of(address.partition("/")[2], look.partitions)
    pending = await _mailbox(look, address, partition, row)
    events = await _last(look, address, partition, last)
    if row is None and all(p.what == "broadcast" for p in pending):
        near = await like(look, address)
        raise TrunklineError(
            f"there is no instance {instance}: no event was for it"
            + (f"; is it {' or '.join(near)} that you mean?" if near else ""),
            hint="an instance is named Class/ID, as in Wallet/ada; `trunkline show` lists them; "
            + SHARED * (look.app is None)
            + "of a gateway: `tail --instance Payments`.",
        )
    timers = await look.reading.timers(address)
    state = {} if row is None else look.reading.state(row)
    look.progress.end()
    about: dict[str, Any] = {
        "instance": address,
        "live": row is not None and row.live,
        "partition": partition,
        "cursor": None if row is None or not row.cursor else id_text(row.cursor),
    }
    if out.as_json:
        out.record(
            about
            | {
                "state": state,
                "mailbox": [{"what": p.what} | event_record(look.reading.recorded(p.entry)) for p in pending],
                "timers": [timer_row(look, timer).record for timer in timers],
                "last": [event_record(look.reading.recorded(entry)) for entry in events],
            }
        )
        return
    sections = [
        ("", ("", ""), [Row((name, str(value)), {}) for name, value in about.items()]),
        ("state", ("field", "value"), [Row(cells, {}) for cells in _fields(state)]),
        ("mailbox", ("", *EVENT), [_event_row(look, p.entry, p.what) for p in pending]),
        ("timers", COLUMNS, [timer_row(look, timer) for timer in timers]),
        ("last events", ("", *EVENT), [_event_row(look, entry, _heard(entry, address)) for entry in events]),
    ]
    for title, columns, rows in sections:
        if out.for_person:
            if title:
                out.say(f"\n{title}")
            out.table(columns, rows, empty="  none")
        else:
            for one in rows:
                out.row(Row((title or "instance", *one.cells), {}))


EVENT = ("recorded", "event", "type", "from", "payload")


def _event_row(look: Look, entry: Entry, what: str) -> Row:
    return Row((what, *event_cells(look.reading.recorded(entry))), {})


def _heard(entry: Entry, address: str) -> str:
    return "heard" if hears(entry, address) else "emitted"


def _fields(state: dict[str, dict[str, Any]]) -> list[tuple[str, str]]:
    several = len(state) > 1
    return [
        (f"{cls}.{name}" if several else name, str(value))
        for cls, fields in state.items()
        for name, value in fields.items()
    ]


def _address(look: Look, instance: str) -> str:
    """A singleton's id is its class's name."""
    if "/" in instance:
        return instance
    return f"{instance}/{instance}"


async def _mailbox(look: Look, address: str, partition: int, row: InstanceRow | None) -> list[Pending]:
    """What it has not handled: what has a row of its own, and what stands behind both cursor and watermark."""
    reading = look.reading
    own = {r.at: r for r in await reading.deliveries() if r.address == address and r.status != Status.DONE}
    parked = any(r.status == Status.PARKED for r in own.values())
    found = []
    for at in sorted(own):
        entry = await reading.entry(at)
        assert entry is not None, "a delivery's event stays in the log"
        found.append(Pending(entry, _what(own[at], parked)))
    cursor = 0 if row is None else row.cursor & POSITION_MASK
    after = max(cursor, (await reading.watermarks()).get(partition, 0))
    while len(found) < PAGE_MAX and (page := await reading.log(partition, after)):
        for entry in page:
            heard = hears(entry, address)
            if heard and entry.at not in own:
                found.append(Pending(entry, heard if heard == "broadcast" else "held" if parked else "waiting"))
        after = page[-1].at & POSITION_MASK
    return found


def _what(row: DeliveryRow, parked: bool) -> str:
    return "parked" if row.status == Status.PARKED else "held" if parked else "waiting"


async def _last(look: Look, address: str, partition: int, count: int) -> list[Entry]:
    """Its last events, oldest first."""
    heads = await look.reading.heads()
    found: list[Entry] = []
    looked = 0
    async for entry in newest(look.reading, {partition: heads[partition]}, copies=True):
        looked += 1
        if len(found) == count or looked > LOOK_BACK:
            break
        if concerns(entry, address):
            found.append(entry)
    return found[::-1]


__all__ = ["command"]
