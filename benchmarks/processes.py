"""What a process has used, as the kernel counts it: steadier than the time that passes on a machine that others use."""

import os
from pathlib import Path

from runtime import Runtime


def memory(rt: Runtime) -> dict[str, int]:
    """Resident bytes of each of the app's processes."""
    found = {}
    for name, pid in rt.processes().items():
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                found[_short(name)] = int(line.split()[1]) * 1024
    return found


def cpu_seconds(rt: Runtime) -> dict[str, float]:
    """Seconds of CPU that each of the app's processes has used, in user and in kernel mode."""
    tick = os.sysconf("SC_CLK_TCK")
    found = {}
    for name, pid in rt.processes().items():
        # After the command's name, which may hold blanks: state is field 3, utime 14, stime 15.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        found[_short(name)] = (int(fields[11]) + int(fields[12])) / tick
    return found


def _short(name: str) -> str:
    return name.partition(":")[2]
