"""`trunkline dead-letters`: what could not be handled, and what to do about it."""

from typing import Any

import click

from actors.errors import TrunklineError
from runtime.commands.kinds import EventIdParam
from runtime.commands.looking import Look, looking
from runtime.commands.output import Output, Row, event_record
from runtime.publishing import EventId
from runtime.reading import DeadLetter
from runtime.tree import payload


@click.group(
    name="dead-letters",
    epilog="""\b
Examples:
  trunkline dead-letters list
  trunkline dead-letters list --traceback
  trunkline dead-letters retry 12-345 --app shop
  trunkline dead-letters skip 12-345 --at Wallet/ada --app shop
""",
)
def command() -> None:
    """List what could not be handled; retry it, or go on without it."""


@command.command(
    "list",
    epilog="""\b
Examples:
  trunkline dead-letters list
  trunkline dead-letters list --traceback
""",
)
@click.option("--traceback", is_flag=True, help="With the whole stack of each.")
@looking()
async def list_(look: Look, out: Output, traceback: bool) -> None:
    """List the dead letters, in the order of their place in the log."""
    look.progress.step("reading the dead letters")
    letters = await look.reading.dead_letters()
    look.progress.end()
    out.table(
        ("event", "type", "at", "tries", "error", "payload"),
        [Row(_cells(letter), _record(letter)) for letter in letters],
        empty="there are no dead letters",
    )
    if traceback and not out.as_json:
        for letter in letters:
            led = " ← ".join(f"{cause.type} {cause.id}" for cause in reversed(letter.causes)) or "from outside"
            out.say(f"\n{letter}\n  at {letter.where}\n  after {led}\n{letter.traceback}")


def _cells(letter: DeadLetter) -> tuple[str, ...]:
    recorded = letter.recorded
    error = f"{letter.error}: {letter.message}".partition("\n")[0]
    return recorded.id, recorded.type, letter.address, str(letter.tries), error, payload(recorded.event)


def _record(letter: DeadLetter) -> dict[str, Any]:
    return {
        "event": event_record(letter.recorded),
        "causes": [cause.id for cause in letter.causes],
        "at": letter.address,
        "tries": letter.tries,
        "error": letter.error,
        "message": letter.message,
        "where": letter.where,
        "traceback": letter.traceback,
    }


@command.command(
    epilog="""\b
Examples:
  trunkline dead-letters retry 12-345 --app shop
  trunkline dead-letters retry --all --app shop
"""
)
@click.argument("event", type=EventIdParam(), required=False)
@click.option("--at", metavar="Class/ID", help="The instance or gateway, if several could not handle it.")
@click.option("--all", "all_", is_flag=True, help="All of them.")
@looking(running=True)
async def retry(look: Look, out: Output, event: EventId | None, at: str | None, all_: bool) -> int:
    """Handle a dead letter again, and then what is held behind it."""
    return await _decide(look, out, "retry", event, at, all_)


@command.command(
    epilog="""\b
Examples:
  trunkline dead-letters skip 12-345 --app shop
  trunkline dead-letters skip 12-345 --at Wallet/ada --app shop
"""
)
@click.argument("event", type=EventIdParam(), required=False)
@click.option("--at", metavar="Class/ID", help="The instance or gateway, if several could not handle it.")
@click.option("--all", "all_", is_flag=True, help="All of them.")
@looking(running=True)
async def skip(look: Look, out: Output, event: EventId | None, at: str | None, all_: bool) -> int:
    """Go on without a dead letter: its instance handles what is held behind it."""
    return await _decide(look, out, "skip", event, at, all_)


async def _decide(look: Look, out: Output, what: str, event: EventId | None, at: str | None, all_: bool) -> int:
    if all_ == (event is not None):
        raise click.UsageError("name one event, or say --all.")
    letters = await look.reading.dead_letters()
    chosen = [x for x in letters if (all_ or x.recorded.id == event) and at in (None, x.address)]
    if not chosen and not all_:
        raise TrunklineError(f"{event} is no dead letter", hint="`trunkline dead-letters list` shows those there are.")
    if len(chosen) > 1 and not all_:
        raise click.UsageError(f"which one? --at is one of {', '.join(x.address for x in chosen)}.")
    done = {"retry": "tried again", "skip": "skipped"}[what]
    for letter in chosen:
        decided = await look.reading.decide(letter, what)
        said = done if decided else "was decided already"
        record = {"event": letter.recorded.id, "at": letter.address, "decided": what if decided else None}
        out.table((), [Row((letter.recorded.id, letter.address, said), record)], empty="")
    return 0


__all__ = ["command"]
