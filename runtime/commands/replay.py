"""`trunkline replay`: the journal's turns through the present code."""

from typing import Any

import click

from runtime.commands.looking import Look, looking
from runtime.commands.output import Output, event_record
from runtime.comparing import Difference
from runtime.replay import replayed


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
    look.progress.step(f"replaying the logs of {look.partitions} partitions")
    outcome = await replayed(look.reading, look.app, look.progress.update)
    look.progress.end()
    first = outcome.difference
    if out.as_json:
        out.record({"turns": outcome.turns, "difference": None if first is None else _record(look, first)})
    elif first is None:
        turns = "1 turn" if outcome.turns == 1 else f"{outcome.turns:,} turns"
        out.say(f"{turns}: the present code does all that the journal says")
    else:
        out.say(str(first))
        if outcome.differing > 1:
            out.say(f"{outcome.differing} of {look.partitions} partitions differ; this is the first difference.")
    return 0 if first is None else 1


def _record(look: Look, first: Difference) -> dict[str, Any]:
    return {
        "at": first.address,
        "event": event_record(look.reading.recorded(first.entry)),
        "what": first.what,
        "journal": first.journal,
        "code": first.code,
    }


__all__ = ["command"]
