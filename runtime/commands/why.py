"""`trunkline why`: what led to an event, and what it led to."""

from typing import Any

import click

from runtime.commands.kinds import EventIdParam
from runtime.commands.looking import Look, looking
from runtime.commands.output import Output, Row, event_cells, event_record, note
from runtime.publishing import EventId
from runtime.reading import Recorded
from runtime.tree import causal_tree


@click.command(
    epilog="""\b
Examples:
  trunkline why 12-345
  trunkline why 12-345 --journal shop.db --code shop.app:app
  trunkline why 12-345 --json | jq 'select(.asked)'
"""
)
@click.argument("event", type=EventIdParam())
@click.option("--limit", type=click.IntRange(1), default=500, show_default=True, help="Causes, and effects, at most.")
@looking()
async def command(look: Look, out: Output, event: EventId, limit: int) -> None:
    """Show an event's causal tree: from the origin down to it, and all that it led to; when, and who emitted what."""
    look.progress.step("reading its chain")
    reading = look.reading
    entry = await reading.found(event)
    causes = await reading.causes(entry, {}, limit)
    below = await reading.led_to(entry.id, limit + 1)
    chain = [reading.recorded(e) for e in (*causes, entry, *below[:limit])]
    look.progress.end()
    asked = chain[len(causes)].id
    if out.for_person:
        out.say(causal_tree(chain, asked))
    else:
        for recorded, depth in _down(chain):
            about: dict[str, Any] = {"depth": depth, "asked": recorded.id == asked}
            cells = event_cells(recorded)
            indented = (*cells[:2], "  " * depth + cells[2], *cells[3:])
            out.row(Row(indented, about | (event_record(recorded) if out.as_json else {})))
    if causes and causes[0].cause:
        note(f"more than {limit} events led to it: --limit shows more")
    if len(below) > limit:
        note(f"it led to more than {limit} events: --limit shows more")


def _down(chain: list[Recorded]) -> list[tuple[Recorded, int]]:
    """The tree's nodes as they are drawn, each with its depth."""
    below: dict[str | None, list[Recorded]] = {}
    for recorded in chain[1:]:
        below.setdefault(recorded.cause, []).append(recorded)
    found = []
    stack = [(chain[0], 0)]
    while stack:
        recorded, depth = stack.pop()
        found.append((recorded, depth))
        stack += [(effect, depth + 1) for effect in reversed(below.get(recorded.id, ()))]
    return found


__all__ = ["command"]
