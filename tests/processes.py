"""Processes, as the kernel knows them: who descends from whom, and who has ended."""

import os
import select
import time
from collections.abc import Iterable
from pathlib import Path

PATIENCE = 20.0
"""Seconds after which something hangs. Nothing is asserted about how long it takes."""


def descendants(root: int) -> dict[int, str]:
    """The processes below this one, with their titles."""
    parents: dict[int, int] = {}
    titles: dict[int, str] = {}
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                fields = (process / "stat").read_text().rpartition(")")[2].split()
                title = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            except OSError:
                continue
            parents[int(process.name)] = int(fields[1])
            titles[int(process.name)] = title
    found = {}
    for pid in parents:
        above: int | None = pid
        while above is not None and above != root:
            above = parents.get(above)
        if above == root and pid != root:
            found[pid] = titles[pid]
    return found


def those_that_go_on(pids: Iterable[int], patience: float = PATIENCE) -> list[int]:
    """Wait for the end of processes; those that have not ended by then."""
    until = time.monotonic() + patience
    left = []
    for pid in pids:
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        if not select.select([handle], [], [], max(until - time.monotonic(), 0))[0]:
            left.append(pid)
        os.close(handle)
    return left
