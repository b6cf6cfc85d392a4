"""The causal tree of an event, drawn for people."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.text import Text
from rich.tree import Tree

from actors.event import Event
from runtime.publishing import EventId
from runtime.reading import Recorded

TEXT_MAX = 60
"""Characters of a payload that are shown."""


def causal_tree(chain: Sequence[Recorded], marked: EventId | None = None) -> Tree:
    """A chain, causes first, as `Runtime.chain` gives it: who emitted what, what stood in it, how long after the first.

    `marked` stands out.
    """
    first = chain[0]
    nodes = {first.id: Tree(_line(first, first.recorded, marked))}
    for recorded in chain[1:]:
        assert recorded.cause is not None, "only an event from outside has no cause"
        nodes[recorded.id] = nodes[recorded.cause].add(_line(recorded, first.recorded, marked))
    return nodes[first.id]


def fields_of(event: Event | dict[str, Any]) -> Mapping[str, Any]:
    """A payload as JSON has it."""
    return event.model_dump(mode="json") if isinstance(event, Event) else event


def payload(event: Event | dict[str, Any]) -> str:
    """A payload on a line: `player_id=ada credits=10`."""
    text = printable(" ".join(f"{name}={value}" for name, value in fields_of(event).items()))
    return text if len(text) <= TEXT_MAX else text[: TEXT_MAX - 1] + "…"


def printable(text: str) -> str:
    """What came from outside, without what would move a terminal's cursor or break a line."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _line(recorded: Recorded, begun: datetime, marked: EventId | None) -> Text:
    after = (recorded.recorded - begun).total_seconds() * 1000
    by = f"{recorded.source} ({recorded.handler})" if recorded.handler else recorded.source
    line = Text.assemble(
        (recorded.type, "bold reverse" if recorded.id == marked else "bold"),
        (f"  {recorded.id}", "cyan"),
        f"  by {printable(by)}",
        (f"  {_since(after)}" if after else f"  {recorded.recorded:%H:%M:%S}", "green"),
        (f"  {payload(recorded.event)}", "dim"),
    )
    line.no_wrap = True
    return line


def _since(ms: float) -> str:
    return f"+{ms:,.1f} ms" if ms < 10_000 else f"+{ms / 1000:,.1f} s"


__all__ = ["causal_tree", "fields_of", "payload", "printable"]
