"""Draw what a command shows on a terminal: `python docs/pictures/draw.py why.svg trunkline why 12-345`."""

import os
import pty
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from rich.console import Console
from rich.text import Text

COLUMNS = 120


def on_a_terminal(command: list[str]) -> str:
    """What a command writes to a terminal, with its colours."""
    ours, theirs = pty.openpty()
    environment = os.environ | {"TERM": "xterm-256color", "COLUMNS": str(COLUMNS)}
    done = subprocess.Popen(command, stdout=theirs, stderr=subprocess.DEVNULL, env=environment)
    os.close(theirs)
    shown = bytearray()
    # The terminal ends with an error when the last who writes to it has gone.
    with suppress(OSError):
        while data := os.read(ours, 65536):
            shown += data
    os.close(ours)
    if done.wait() != 0:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}")
    return shown.decode().replace("\r\n", "\n")


def main() -> None:
    name, *command = sys.argv[1:]
    shown = Text.from_ansi(on_a_terminal(command))
    console = Console(record=True, width=COLUMNS, file=open(os.devnull, "w"))  # noqa: SIM115 - ends with the program
    console.print(shown, no_wrap=True, crop=True)
    drawn = console.export_svg(title="$ " + " ".join(command))
    # A picture asks no other host for its letters: any fixed-width ones will do.
    Path(name).write_text(re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.DOTALL))


if __name__ == "__main__":
    main()
