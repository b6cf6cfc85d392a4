"""What a demo does to its own processes, and how they come back."""

import asyncio
import os
import signal
import time
from collections.abc import Sequence
from random import Random

from apps.prankcall.view import View
from runtime import AsyncRuntime, Unreachable

ACTORS = {"router": "Router", "host": "host-0", "gateways": "Gateways", "supervisor": "Supervisor"}
"""The processes that may be killed, by the names that a user gives them."""
LOOK_EVERY = 0.05
"""Seconds between two looks at whether a killed process is back: it tells nobody."""


def victims(wish: str, seed: int) -> list[str]:
    """Whom to kill, in order: by name (`router,host`), or so many at random (`3`).

    Raises:
        ValueError: it is neither.
    """
    if wish in ("", "none"):
        return []
    if wish.isdecimal():
        random = Random(f"{seed} harm")
        return [random.choice(sorted(ACTORS)) for _ in range(int(wish))]
    names = wish.split(",")
    unknown = [name for name in names if name not in ACTORS]
    if unknown:
        raise ValueError(f"{wish!r}: a number, or names out of {', '.join(ACTORS)}")
    return names


async def harm(rt: AsyncRuntime, view: View, whom: Sequence[str], moments: Sequence[asyncio.Event]) -> None:
    """Kill one process after the other, each at its moment; wait until each is back."""
    for victim, moment in zip(whom, moments, strict=True):
        await moment.wait()
        name = f"{rt.app.name}:{ACTORS[victim]}"
        pid = (await _processes(rt)).get(name)
        if pid is None:
            view.note(f"{name} is starting just now, and is left alone", "yellow")
            continue
        os.kill(pid, signal.SIGKILL)
        view.note(f"killed {name} (process {pid}) with SIGKILL; the game goes on")
        begun = time.monotonic()
        successor = await _successor(rt, name, pid)
        view.note(f"{name} is back as process {successor}, {time.monotonic() - begun:.1f} s after", "bold green")


async def _successor(rt: AsyncRuntime, name: str, old: int) -> int:
    while True:
        pid = (await _processes(rt)).get(name, old)
        if pid != old:
            return pid
        await asyncio.sleep(LOOK_EVERY)


async def _processes(rt: AsyncRuntime) -> dict[str, int]:
    """The app's processes, once somebody can say: the supervisor may be the one that was killed."""
    while True:
        try:
            return await rt.processes()
        except Unreachable:
            await asyncio.sleep(LOOK_EVERY)
