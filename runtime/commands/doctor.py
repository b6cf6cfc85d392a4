"""`trunkline doctor`: is it well, and if not, what to do."""

import asyncio
from dataclasses import replace

import click

from actors.errors import TrunklineError
from runtime.commands.looking import Look, Named, app_of, naming, opened, the_one
from runtime.commands.output import Output, Row
from runtime.errors import Unreachable
from runtime.examining import Finding, of_app, of_cell, of_journal, of_machine, of_processes, of_silent

ANSWER_WITHIN_S = 5.0
"""Seconds after which a process counts as silent here: whoever asks a doctor waits for what it says."""


@click.command(
    epilog="""\b
Examples:
  trunkline doctor --app shop
  trunkline doctor --journal shop.db
  trunkline doctor --json | jq 'select(.sign != "ok")'
"""
)
@click.option("--quick", is_flag=True, help="Leave out the check of the journal's pages, which reads all of it.")
@naming()
async def command(named: Named, out: Output, quick: bool) -> int:
    """Examine an app, its journal and this machine. Exit status 1: something is bad."""
    one = the_one(named, False)
    found: list[Finding] = []
    try:
        async with opened(one, False, patience=ANSWER_WITHIN_S) as look:
            found += await _of_look(look, quick)
    except Unreachable as silent:
        assert one.app is not None, "a journal at rest needs no answer"
        found.append(of_silent("Supervisor", one.app, silent))
        found += await _past_the_supervisor(one.app, one, quick)
    found += of_machine(connected=one.app is not None)
    rows = [Row((f.sign, f.about, f.said, f.fix), f._asdict()) for f in found]
    out.table(("", "what", "found", "fix"), rows, empty="")
    return 1 if any(f.sign == "bad" for f in found) else 0


async def _of_look(look: Look, quick: bool) -> list[Finding]:
    found: list[Finding] = []
    look.progress.step("asking the app")
    if look.runtime is not None:
        found += await of_processes(look.runtime, ANSWER_WITHIN_S)
    found += await of_app(look.reading, look.app)
    look.progress.step(f"checking {look.journal}")
    found += of_journal(look.journal, quick=quick)
    look.progress.end()
    return found


async def _past_the_supervisor(app: str, one: Named, quick: bool) -> list[Finding]:
    """What its router and its journal say."""
    from runtime.launching import status_of_router

    try:
        status = await asyncio.to_thread(status_of_router, app, address=one.address, patience=ANSWER_WITHIN_S)
    except TrunklineError as error:
        where = Finding("look", "journal", "where it is, only the app knows", "`trunkline doctor --journal PATH`")
        return [of_silent("Router", app, error), where]
    found = of_cell(status)
    if app_of(status["journal"]) is None:
        # Not a file of this machine: it says so.
        return found + of_journal(status["journal"], quick=quick)
    async with opened(replace(one, app=None, journal=status["journal"]), False) as look:
        return found + await _of_look(look, quick)


__all__ = ["command"]
