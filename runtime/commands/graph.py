"""`trunkline graph`: the catalogue as a drawing."""

import click

from actors.app import App
from runtime.commands.catalogue import of_code


@click.command(
    epilog="""\b
Examples:
  trunkline graph shop.app:app > shop.mmd
  (echo '```mermaid'; trunkline graph shop.app:app; echo '```') >> README.md
"""
)
@of_code
def command(found: App) -> None:
    """Draw an app's events as a Mermaid flowchart: who emits, who listens; timers dotted."""
    click.echo(found.mermaid())


__all__ = ["command"]
