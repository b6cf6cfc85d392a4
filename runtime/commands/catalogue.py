"""`trunkline catalogue`: who owns each event, and who listens."""

import click

from actors.app import App
from actors.render import events_of, owner_of
from runtime.commands.code import load
from runtime.commands.output import Output, Row


def app_named(name: str | None, address: str | None) -> App:
    """The app of `module:app`, or the code of one that runs; without a name of the only one that does."""
    if name is not None and ":" in name:
        return load(name)
    from runtime.commands.looking import only_running
    from runtime.launching import join

    running = join(name or only_running(address), address=address)
    running.end(False)
    return running.app


@click.command(
    epilog="""\b
Examples:
  trunkline catalogue shop.app:app
  trunkline catalogue shop                 (an app that runs)
  trunkline catalogue shop.app:app --format asyncapi > asyncapi.json
"""
)
@click.argument("app", required=False, metavar="[MODULE:APP|NAME]")
@click.option("--address", metavar="HOST:PORT", help="The Ray cluster it runs on.")
@click.option(
    "--format", "form", type=click.Choice(["table", "mermaid", "asyncapi"]), default="table", show_default=True
)
@click.option("--json", "as_json", is_flag=True, help="An object a line: event, owner, listeners.")
def command(app: str | None, address: str | None, form: str, as_json: bool) -> None:
    """Show an app's events: who owns each, and who listens to it."""
    found = app_named(app, address)
    out = Output(as_json)
    if form == "mermaid":
        click.echo(found.mermaid())
    elif form == "asyncapi":
        out.record(found.asyncapi())
    else:
        plans = events_of(found.catalogue)
        out.table(
            ("event", "owner", "listeners"),
            [
                Row(
                    (p.type + (" (broadcast)" if p.broadcast else ""), owner_of(p), ", ".join(p.listeners) or "-"),
                    {"event": p.type, "owner": p.owner, "broadcast": p.broadcast, "listeners": list(p.listeners)},
                )
                for p in plans
            ],
            empty=f"app {found.name} has no events",
        )


__all__ = ["app_named", "command"]
