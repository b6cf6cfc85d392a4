"""The purchase chain, live, with one of its own processes killed in the middle; then the books."""

import io
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, redirect_stdout
from datetime import datetime
from pathlib import Path
from typing import TextIO

import ray
from rich.console import Console
from rich.table import Table
from rich.text import Text

from actors import TrunklineError
from apps.prankcall.app import app
from apps.prankcall.books import Books, balance
from apps.prankcall.events import AttemptedPurchase
from apps.prankcall.orders import orders
from apps.prankcall.payments import DECLINED_AMOUNTS
from apps.prankcall.view import View
from runtime import EventId, Runtime, Unreachable
from runtime.tree import causal_tree

VICTIMS = ("router", "host", "gateways", "supervisor")
ACTORS = {"router": "Router", "host": "host-0", "gateways": "Gateways", "supervisor": "Supervisor"}


def run(
    console: Console, *, seed: int, players: int, purchases: int, rate: float, victim: str, journal: str | None
) -> int:
    """Play a run; the exit status: 0 if the books balance."""
    if players < 1 or purchases < 1 or rate <= 0:
        console.print("prankcall demo: --players, --purchases and --rate must be positive", style="red")
        return 2
    wanted = orders(seed, players, purchases)
    console.print(
        f"{purchases} purchases by {players} players, seed {seed}; the sandbox declines "
        f"{' and '.join(map(str, sorted(DECLINED_AMOUNTS)))} credits"
    )
    with _ray(console), Runtime.start(app, journal=journal) as rt:
        _show_processes(console, rt)
        with View(rt, console, purchases, "receipt_sent") as view:
            ids, successor = _play(rt, view, wanted, rate, victim)
            rt.drain()
            view.wait_all()
            if successor is not None:
                successor.join()
        letters = rt.dead_letters.list()
        for letter in letters:
            console.print(f"not handled: {letter}", style="red")
        books = balance(rt, [order.order for order in wanted])
        _show_books(console, books)
        _show_chain(console, rt, next(i for o, i in zip(wanted, ids, strict=True) if o.credits not in DECLINED_AMOUNTS))
        _show_holders(console, rt)
        place = rt.journal
    if not books.balanced or letters:
        console.print(f"The books do not balance. The journal stays for a look: {place}", style="bold red")
        return 1
    kept = _put_away(Path(place))
    console.print(f"Every credit bought is held. The journal of this run: {kept}", style="bold green")
    return 0


@contextmanager
def _ray(console: Console) -> Iterator[None]:
    """Ray for a demo: it is not to print of a killed process what we say ourselves."""
    if ray.is_initialized():
        yield
        return
    with console.status("starting Ray ...") if console.is_terminal else _line(console, "starting Ray ..."):
        ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    try:
        with redirect_stdout(_WithoutRaylet(sys.stdout)):
            yield
    finally:
        ray.shutdown()


class _WithoutRaylet(io.TextIOBase):
    """Standard output without what Ray's node prints of each killed process: a paragraph where we print a line."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._drop = False

    def write(self, text: str) -> int:
        # `print` writes a line's end apart.
        drop = "(raylet)" in text or (self._drop and text == "\n")
        self._drop = drop and not text.endswith("\n")
        if not drop:
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        self._stream.flush()

    def isatty(self) -> bool:
        return self._stream.isatty()


@contextmanager
def _line(console: Console, text: str) -> Iterator[None]:
    console.print(text)
    yield


def _play(
    rt: Runtime, view: View, wanted: list[AttemptedPurchase], rate: float, victim: str
) -> tuple[list[EventId], threading.Thread | None]:
    """Publish at a steady pace; half-way, kill a process. The order number is the key: an order again is no new one."""
    begun = time.monotonic()
    futures: list[Future[EventId]] = []
    successor = None
    for number, order in enumerate(wanted):
        if number == len(wanted) // 2 and victim != "none":
            successor = _kill(rt, view, f"{app.name}:{ACTORS[victim]}")
        futures.append(rt.publish(order, idempotency_key=order.order, wait=False))
        ahead = number / rate - (time.monotonic() - begun)
        if ahead > 0:
            time.sleep(ahead)
    return [future.result() for future in futures], successor


def _kill(rt: Runtime, view: View, name: str) -> threading.Thread:
    """Kill a process; the thread ends when its successor is up."""
    pid = rt.processes()[name]
    os.kill(pid, signal.SIGKILL)
    view.note(f"killed {name} (process {pid}) with SIGKILL; publishing goes on")
    waiting = threading.Thread(target=_await_successor, args=(rt, view, name, pid, time.monotonic()), daemon=True)
    waiting.start()
    return waiting


def _await_successor(rt: Runtime, view: View, name: str, old: int, killed: float) -> None:
    while True:
        try:
            pid = rt.processes().get(name, old)
        except Unreachable:
            continue
        except TrunklineError:
            return  # The app has ended.
        if pid != old:
            view.note(f"{name} is back as process {pid}, {time.monotonic() - killed:.1f} s after", "bold green")
            return
        time.sleep(0.05)


def _show_processes(console: Console, rt: Runtime) -> None:
    processes = ", ".join(f"{name} ({pid})" for name, pid in sorted(rt.processes().items()))
    console.print(f"Ray actors: {processes}", highlight=False)


def _show_books(console: Console, books: Books) -> None:
    table = Table(title="Balance sheet", title_justify="left")
    table.add_column("checked")
    table.add_column("left", justify="right")
    table.add_column("right", justify="right")
    table.add_column("")
    for line in books.lines:
        table.add_row(line.says, str(line.left), str(line.right), _mark(line.holds))
    console.print(table)
    table = Table(title="Wallets", title_justify="left")
    for column in ("player", "bought, by the log", "held, by the wallet", ""):
        table.add_column(column, justify="right" if "," in column else "left")
    for player, (bought, held) in books.players.items():
        table.add_row(player, str(bought), str(held), _mark(bought == held))
    console.print(table)


def _mark(good: bool) -> Text:
    return Text("equal", style="green") if good else Text("DIFFERS", style="bold red")


def _show_chain(console: Console, rt: Runtime, id: EventId) -> None:
    console.print("\nWhat one purchase led to:", style="bold")
    console.print(causal_tree(rt.chain(id)))


def _show_holders(console: Console, rt: Runtime) -> None:
    table = Table(title="Which Ray actor held what", title_justify="left")
    table.add_column("Ray actor")
    table.add_column("process", justify="right")
    table.add_column("holds")
    held: dict[str, list[str]] = rt.status()["where"]
    for name, pid in sorted(rt.processes().items()):
        host = name.partition(":")[2]
        what = ", ".join(sorted(held.get(host, []))) or ROLES.get(host, "nothing: a spare")
        table.add_row(name, str(pid), what)
    console.print(table)


ROLES = {
    "Router": "the journal: takes, delivers, commits",
    "Gateways": "Payments: talks to the provider",
    "Supervisor": "watches the others, and starts them again",
}


def _put_away(journal: Path) -> Path:
    """A finished run's journal is kept under its date, so that the next run begins anew."""
    kept = journal.with_name(f"{journal.stem}-{datetime.now():%Y-%m-%dT%H-%M-%S}{journal.suffix}")
    return journal.rename(kept)


__all__ = ["run"]
