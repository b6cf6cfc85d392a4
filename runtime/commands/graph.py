"""`trunkline graph`: the catalogue as a drawing."""

import click

from runtime.commands.catalogue import app_named


@click.command(
    epilog="""\b
Examples:
  trunkline graph shop.app:app > shop.mmd
  (echo '```mermaid'; trunkline graph shop.app:app; echo '```') >> README.md
"""
)
@click.argument("app", required=False, metavar="[MODULE:APP|NAME]")
@click.option("--address", metavar="HOST:PORT", help="The Ray cluster it runs on.")
def command(app: str | None, address: str | None) -> None:
    """Draw an app's events as a Mermaid flowchart: who emits, who listens; timers dotted."""
    click.echo(app_named(app, address).mermaid())


__all__ = ["command"]
