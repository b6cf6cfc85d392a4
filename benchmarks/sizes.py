"""How much is measured: enough for a figure, or just enough to see that each is measured."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sizes:
    """As the README's figures are measured."""

    outstanding: int = 2_000
    """Purchases at once, in bulk; as many tasks publish one at a time."""
    alone: int = 300
    """Purchases one after the other."""
    calls: int = 500
    """Single calls: of plain Ray, of `publish`, of `eventsourcing`."""
    turns: int = 80
    """Purchases of each of 64 tasks."""
    clients: int = 10
    """Client processes."""
    each: int = 1_000
    """Events of each of them."""
    instances: int = 100_000
    step: int = 10_000
    """Purchases between two looks at a journal that grows: four events each."""
    purchases: int = 250_000
    """In a large journal: four events each."""


FULL = Sizes()
SMALL = Sizes(
    outstanding=40, alone=3, calls=10, turns=1, clients=2, each=20, instances=2_000, step=200, purchases=2_000
)
"""Figures of no meaning, in seconds."""
