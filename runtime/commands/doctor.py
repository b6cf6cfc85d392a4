"""`trunkline doctor`: is it well, and if not, what to do."""

import click

from runtime.commands.looking import Look, looking
from runtime.commands.output import Output, Row
from runtime.examining import Finding, of_app, of_journal, of_machine, of_processes


@click.command(
    epilog="""\b
Examples:
  trunkline doctor --app shop
  trunkline doctor --journal shop.db
  trunkline doctor --json | jq 'select(.sign != "ok")'
"""
)
@click.option("--quick", is_flag=True, help="Leave out the check of the journal's pages, which reads all of it.")
@looking()
async def command(look: Look, out: Output, quick: bool) -> int:
    """Examine an app, its journal and this machine. Exit status 1: something is bad."""
    found: list[Finding] = []
    look.progress.step("asking the app")
    if look.runtime is not None:
        found += await of_processes(look.runtime)
    found += await of_app(look.reading, look.app)
    look.progress.step(f"checking {look.journal}")
    found += of_journal(look.journal, quick=quick)
    look.progress.end()
    found += of_machine(connected=look.runtime is not None)
    rows = [Row((f.sign, f.about, f.said, f.fix), f._asdict()) for f in found]
    out.table(("", "what", "found", "fix"), rows, empty="")
    return 1 if any(f.sign == "bad" for f in found) else 0


__all__ = ["command"]
