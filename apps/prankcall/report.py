"""What a demo shows when the game is over: tables, also into a pipe, since whoever reads a build's log is a person."""

from collections.abc import Iterator, Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from apps.prankcall.books import Books
from apps.prankcall.leaderboard import Leaderboard
from runtime import AsyncRuntime, EventId
from runtime.core.router import WHERE_MAX
from runtime.tree import causal_tree

ROLES = {
    "Router": "the journal: takes, delivers, commits",
    "Gateways": "Payments, Telephony: talk to the world outside",
    "Supervisor": "watches the others, starts them again, beats the heartbeat",
}
AT_REST = "at rest: the journal has the state"
NAMED = 3
"""Instances of a class that are named."""


def show_board(console: Console, board: Leaderboard | None) -> None:
    table = Table(title="Leaderboard", title_justify="left")
    table.add_column("", justify="right")
    table.add_column("player")
    table.add_column("points", justify="right")
    for place, (player, points) in enumerate(board.ranking() if board else [], 1):
        table.add_row(str(place), player, str(points))
    console.print(table)


def show_books(console: Console, books: Books) -> None:
    table = Table(title="Balance sheet", title_justify="left")
    table.add_column("checked")
    table.add_column("left", justify="right")
    table.add_column("right", justify="right")
    table.add_column("")
    for line in books.lines:
        table.add_row(line.says, str(line.left), str(line.right), mark(line.holds))
    console.print(table)
    table = Table(title="Credits", title_justify="left")
    table.add_column("player")
    for column in ("bought", "held", "reserved", "spent", ""):
        table.add_column(column, justify="right")
    for player, (bought, held, reserved, spent) in books.players.items():
        table.add_row(
            player, str(bought), str(held), str(reserved), str(spent), mark(bought == held + reserved + spent)
        )
    console.print(table)


def mark(good: bool) -> Text:
    return Text("equal", style="green") if good else Text("DIFFERS", style="bold red")


async def show_chain(console: Console, rt: AsyncRuntime, what: str, id: EventId) -> None:
    console.print(f"\nWhat one {what} led to:", style="bold")
    console.print(causal_tree(await rt.chain(id)))


async def show_holders(console: Console, rt: AsyncRuntime) -> None:
    table = Table(title="Which Ray actor held what", title_justify="left")
    table.add_column("Ray actor")
    table.add_column("process", justify="right")
    table.add_column("holds")
    where: dict[str, list[str]] = (await rt.status())["where"]
    for row in holders(await rt.processes(), where):
        table.add_row(*row)
    console.print(table)
    if sum(map(len, where.values())) >= WHERE_MAX:
        console.print(f"(of {WHERE_MAX:,} instances the router says where they are; the others count as at rest here)")


def holders(processes: Mapping[str, int], where: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, str, str]]:
    """Ray actor, process, what it holds.

    A call has a Ray actor of its own, and a game has hundreds of calls: of those of a class some stand for all, first
    such as hold their instance in memory.
    """
    dedicated: dict[str, list[str]] = {}
    for name in sorted(processes):
        host = name.partition(":")[2]
        if "/" in host:
            dedicated.setdefault(host.partition("/")[0], []).append(name)
        else:
            yield name, str(processes[name]), ROLES.get(host) or by_class(where.get(host, ())) or "nothing: a spare"
    for cls, names in dedicated.items():
        held = {name: where.get(name.partition(":")[2], ()) for name in names}
        names.sort(key=lambda name: not held[name])
        for name in names[:NAMED]:
            yield name, str(processes[name]), ", ".join(held[name]) or AT_REST
        if rest := names[NAMED:]:
            asleep = sum(not held[name] for name in rest)
            said = f"a {cls} each" + (f"; {asleep} of them {AT_REST}" if asleep else "")
            yield f"and {len(rest)} more", "", said


def by_class(instances: Sequence[str]) -> str:
    """How many of each class, and who the first of them are."""
    ids: dict[str, list[str]] = {}
    for address in sorted(instances):
        cls, _, id = address.partition("/")
        ids.setdefault(cls, []).append(id)
    return "\n".join(f"{len(of)} {cls}: {_first(of)}" if of != [cls] else cls for cls, of in ids.items())


def _first(ids: Sequence[str]) -> str:
    return ", ".join(ids[:NAMED]) + (", ..." if len(ids) > NAMED else "")
