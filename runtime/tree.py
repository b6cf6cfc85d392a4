"""The causal tree of an event, drawn for people."""

from collections.abc import Sequence
from datetime import datetime

from rich.text import Text
from rich.tree import Tree

from actors.event import Event
from runtime.reading import Recorded

TEXT_MAX = 60
"""Characters of a payload that are shown."""


def causal_tree(chain: Sequence[Recorded]) -> Tree:
    """What an event led to, as `Runtime.chain` gives it: who emitted it, what stood in it, how long after the first."""
    first = chain[0]
    nodes = {first.id: Tree(_line(first, first.recorded))}
    for recorded in chain[1:]:
        assert recorded.cause is not None, "only an event from outside has no cause"
        nodes[recorded.id] = nodes[recorded.cause].add(_line(recorded, first.recorded))
    return nodes[first.id]


def payload(event: Event | dict[str, object]) -> str:
    """A payload on a line: `player_id=ada credits=10`."""
    fields = event.model_dump(mode="json") if isinstance(event, Event) else event
    text = " ".join(f"{name}={value}" for name, value in fields.items())
    return text if len(text) <= TEXT_MAX else text[: TEXT_MAX - 1] + "…"


def _line(recorded: Recorded, begun: datetime) -> Text:
    after = (recorded.recorded - begun).total_seconds() * 1000
    return Text.assemble(
        (recorded.type, "bold"),
        (f"  {recorded.id}", "cyan"),
        f"  by {recorded.source}",
        (f"  +{after:.1f} ms" if after else f"  {recorded.recorded:%H:%M:%S}", "green"),
        (f"  {payload(recorded.event)}", "dim"),
    )


__all__ = ["causal_tree", "payload"]
