"""What `trunkline show` lists: the instances of an app, or of a class; and those with a name like one that is none."""

from difflib import get_close_matches

from runtime.commands.looking import Look
from runtime.commands.output import Output, Row, note
from runtime.core.rows import InstanceRow
from runtime.tree import payload

LOOKED_AT = 10_000
"""Instances whose names are compared."""


async def list_instances(look: Look, out: Output, group: str | None, limit: int) -> None:
    """A line each: name and state."""
    rows = await look.reading.listed(group, limit + 1)
    look.progress.end()
    out.table(("instance", "state"), [_row(look, row) for row in rows[:limit]], empty="there is no instance yet")
    if len(rows) > limit:
        note("there are more: --limit shows more")


def _row(look: Look, row: InstanceRow) -> Row:
    state = look.reading.state(row)
    fields = {name: value for of_class in state.values() for name, value in of_class.items()}
    return Row((row.address, payload(fields)), {"instance": row.address, "state": state})


async def is_group(look: Look, name: str) -> bool:
    """Does this name several instances, rather than a singleton?"""
    rows = await look.reading.listed(name, 2)
    return bool(rows) and [row.address for row in rows] != [f"{name}/{name}"]


async def like(look: Look, address: str) -> list[str]:
    """Instances with such a name, else classes."""
    group, _, id = address.partition("/")
    of_group = await look.reading.listed(group, LOOKED_AT)
    if of_group:
        ids = [row.address.partition("/")[2] for row in of_group]
        return [f"{group}/{near}" for near in get_close_matches(id, ids)]
    groups = {row.address.partition("/")[0] for row in await look.reading.listed(None, LOOKED_AT)}
    return get_close_matches(group, groups)


__all__ = ["is_group", "like", "list_instances"]
