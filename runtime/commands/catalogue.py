"""`trunkline catalogue`: who owns each event, and who listens."""

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Concatenate, ParamSpec

import click

from actors.app import App
from actors.render import events_of, owner_of
from runtime.commands.code import Code, import_from_here
from runtime.commands.looking import app_of, complete_app, journals, only_running, running_on
from runtime.commands.output import Output, Row, as_line

P = ParamSpec("P")


def of_code(body: Callable[Concatenate[App, P], None]) -> Callable[..., None]:
    """What says whose code it is about: `module:app`, or an app that runs. A journal has none."""

    @click.argument("code", type=Code(), required=False, metavar="[MODULE:APP]")
    @click.option("--app", metavar="NAME", shell_complete=complete_app, help="An app that runs, by its name.")
    @click.option("--address", metavar="HOST:PORT", help="The Ray cluster it runs on (else RAY_ADDRESS, or here).")
    @functools.wraps(body)
    def command(
        code: App | None, app: str | None, address: str | None, *arguments: P.args, **options: P.kwargs
    ) -> None:
        if code is not None and app is not None:
            raise click.UsageError("MODULE:APP names an app's code, --app one that runs: which of them?")
        body(code or _running(app, address), *arguments, **options)

    return command


def _running(name: str | None, address: str | None) -> App:
    from runtime.launching import join

    import_from_here()
    nobody = "no app runs: name the code of the one you mean, as module:app."
    found = journals(Path.cwd())
    if name is None:
        name = running_on(found, address)
    if name is None:
        name = only_running(address, nobody, "MODULE:APP names the code.")
        if found and address is None and name not in map(app_of, found):
            # Rather than the code of somebody else's.
            raise click.UsageError(
                f"which code? The journal here has none, and the app that runs is {name}: --app {name}, or MODULE:APP."
            )
    running = join(name, address=address)
    running.end(False)
    return running.app


@click.command(
    epilog="""\b
Examples:
  trunkline catalogue shop.app:app
  trunkline catalogue --app shop           (an app that runs)
  trunkline catalogue shop.app:app --format asyncapi > asyncapi.json
"""
)
@of_code
@click.option(
    "--format", "form", type=click.Choice(["table", "mermaid", "asyncapi"]), default="table", show_default=True
)
@click.option("--json", "as_json", is_flag=True, help="An object a line: event, owner, listeners.")
def command(found: App, form: str, as_json: bool) -> None:
    """Show an app's events: who owns each, and who listens to it."""
    out = Output(as_json)
    if as_json and form == "mermaid":
        raise click.UsageError("--json gives an object a line, --format mermaid a drawing: which of them?")
    if form == "mermaid":
        click.echo(found.mermaid())
    elif form == "asyncapi":
        described = found.asyncapi()
        click.echo(as_line(described) if as_json else json.dumps(described, ensure_ascii=False, indent=2))
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


__all__ = ["command", "of_code"]
