"""What a demo shows when the game is over: tables, also into a pipe, since whoever reads a build's log is a person."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from apps.prankcall.books import Books
from apps.prankcall.leaderboard import Leaderboard
from runtime import AsyncRuntime, EventId
from runtime.tree import causal_tree

ROLES = {
    "Router": "the journal: takes, delivers, commits",
    "Gateways": "Payments, Telephony: talk to the world outside",
    "Supervisor": "watches the others, starts them again, beats the heartbeat",
}
HELD_MAX = 12
"""Instances of one host that are named."""


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
    held: dict[str, list[str]] = (await rt.status())["where"]
    for name, pid in sorted((await rt.processes()).items()):
        host = name.partition(":")[2]
        table.add_row(name, str(pid), _holds(host, held.get(host, [])))
    console.print(table)


def _holds(host: str, instances: Sequence[str]) -> str:
    if instances:
        return named(sorted(instances))
    # Of one that rests, the journal has the state.
    return ROLES.get(host) or (f"{host}, at rest" if "/" in host else "nothing: a spare")


def named(instances: Sequence[str]) -> str:
    """So many by name, the rest by number."""
    more = f" and {len(instances) - HELD_MAX} more" if len(instances) > HELD_MAX else ""
    return ", ".join(instances[:HELD_MAX]) + more
