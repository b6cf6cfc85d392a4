"""`trunkline replay`: the journal's turns through the present code."""

from typing import Any

import click

from actors.app import App
from runtime.commands.looking import Look, looking
from runtime.commands.output import Output, as_line, event_record, moment
from runtime.comparing import Difference, Outcome, addresses, compare
from runtime.core.messages import POSITION_MASK, Entry, TimerRow


@click.command(
    epilog="""\b
Examples:
  trunkline replay --journal shop.db --code shop.app:app
  trunkline replay --app shop                (with the code it was started with)
"""
)
@looking()
async def command(look: Look, out: Output) -> int:
    """Run the journal's turns through the present code, and report the first difference.

    Gateways are not called: what they answered stands in the log. Exit status 1: there is a difference.
    """
    if look.app is None:
        raise click.UsageError("which code? --code module:app.")
    turns = 0
    found: list[Difference] = []
    look.progress.step(f"replaying the logs of {look.partitions} partitions")
    timers = await look.reading.timers()
    for partition in range(look.partitions):
        look.progress.update(f"replaying partition {partition + 1} of {look.partitions}, {turns:,} turns so far")
        outcome = await _compare(look, look.app, partition, timers)
        if outcome.first is not None:
            # An app may go on in it between two questions: what differs twice differs.
            outcome = await _compare(look, look.app, partition, None)
        turns += outcome.turns
        if outcome.first is not None:
            found.append(outcome.first)
    look.progress.end()
    if not found:
        if out.as_json:
            out.record({"turns": turns, "difference": None})
        else:
            out.say(f"{turns:,} turns: the present code does all that the journal says")
        return 0
    first = min(found, key=lambda d: (d.entry.recorded, d.entry.at))
    recorded = look.reading.recorded(first.entry)
    if out.as_json:
        record: dict[str, Any] = {
            "at": first.address,
            "event": event_record(recorded),
            "what": first.what,
            "journal": first.journal,
            "code": first.code,
        }
        out.record({"turns": turns, "difference": record})
        return 1
    out.say(f"{first.address} on {recorded.type} {recorded.id}, recorded {moment(recorded.recorded)}: {first.what}")
    out.say(f"  the journal: {as_line(first.journal)}")
    out.say(f"  this code:   {as_line(first.code)}")
    if len(found) > 1:
        out.say(f"{len(found)} of {look.partitions} partitions differ; this is the first difference.")
    return 1


async def _compare(look: Look, app: App, partition: int, timers: list[TimerRow] | None) -> Outcome:
    log: list[Entry] = []
    await _read(look, partition, log)
    of_log = addresses(log)
    rows = await look.reading.instances(of_log)
    if timers is None:
        timers = await look.reading.timers()
    # How far instances have come was read after the log: with what was written meanwhile it holds all that they did.
    await _read(look, partition, log)
    mine = set(of_log)
    return compare(app, look.partitions, log, rows, [timer for timer in timers if timer.address in mine])


async def _read(look: Look, partition: int, log: list[Entry]) -> None:
    """Read on to the log's end."""
    while page := await look.reading.log(partition, log[-1].at & POSITION_MASK if log else 0):
        log += page


__all__ = ["command"]
