"""`trunkline timers`: what will happen if nobody cancels it."""

from datetime import UTC, datetime

import click

from runtime.commands.looking import Look, looking
from runtime.commands.output import Output, Row, as_line, moment
from runtime.core.messages import id_text
from runtime.core.rows import TimerRow
from runtime.reading import moment_of
from runtime.tree import fields_of


@click.command(
    epilog="""\b
Examples:
  trunkline timers
  trunkline timers --instance Call/c-17
"""
)
@click.option("--instance", metavar="Class/ID", help="Only those of this instance.")
@click.option("--limit", type=click.IntRange(1), default=200, show_default=True, help="How many at most.")
@looking()
async def command(look: Look, out: Output, instance: str | None, limit: int) -> None:
    """List pending timers, the next one due first."""
    if instance is not None:
        instance = look.reading.names.address(instance)
    rows = await look.reading.timers(instance)
    out.table(COLUMNS, [timer_row(look, row) for row in rows[:limit]], empty="no timer is pending")
    if len(rows) > limit and out.for_person:
        out.say(f"and {len(rows) - limit:,} more: --limit shows more")


COLUMNS = ("due", "in", "instance", "event", "name", "payload", "set by")


def timer_row(look: Look, row: TimerRow) -> Row:
    due = moment_of(row.due)
    payload = fields_of(look.reading.payload(row.type, row.body))
    seconds = (due - datetime.now(UTC)).total_seconds()
    left = f"{seconds:,.0f} s" if seconds > 0 else "overdue"
    cause = id_text(row.cause)
    return Row(
        (
            moment(due),
            left,
            row.address,
            row.type,
            row.name,
            as_line(dict(payload)),
            cause,
        ),
        {
            "due": due.isoformat(),
            "instance": row.address,
            "event": row.type,
            "name": row.name,
            "payload": payload,
            "cause": cause,
        },
    )


__all__ = ["COLUMNS", "command", "timer_row"]
