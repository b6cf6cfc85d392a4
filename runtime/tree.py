"""The causal tree of an event, drawn for people."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console, ConsoleOptions, RenderResult
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


class _Line:
    """An event of the tree. A narrow terminal cuts it, and shows that; the time is kept longer than who emitted it."""

    def __init__(self, event: Text, by: Text, time: Text, payload: Text) -> None:
        self._event, self._by, self._time, self._payload = event, by, time, payload

    def __str__(self) -> str:
        return Text.assemble(self._event, self._by, self._time, self._payload).plain

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        fits = self._event.cell_len + self._by.cell_len + self._time.cell_len <= options.max_width
        inner = (self._by, self._time) if fits else (self._time, self._by)
        yield Text.assemble(self._event, *inner, self._payload, no_wrap=True, overflow="ellipsis")


def _line(recorded: Recorded, begun: datetime, marked: EventId | None) -> _Line:
    after = (recorded.recorded - begun).total_seconds() * 1000
    by = f"{recorded.source} ({recorded.handler})" if recorded.handler else recorded.source
    return _Line(
        Text.assemble(
            (recorded.type, "bold reverse" if recorded.id == marked else "bold"), (f"  {recorded.id}", "cyan")
        ),
        Text(f"  by {printable(by)}"),
        Text(f"  {_since(after)}" if after else f"  {recorded.recorded:%H:%M:%S}", "green"),
        Text(f"  {payload(recorded.event)}", "dim"),
    )


def _since(ms: float) -> str:
    return f"+{ms:,.1f} ms" if ms < 10_000 else f"+{ms / 1000:,.1f} s"


__all__ = ["causal_tree", "fields_of", "payload", "printable"]
