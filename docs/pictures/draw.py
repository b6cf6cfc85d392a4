"""Draw what a command shows on a terminal.

    python docs/pictures/draw.py why.svg trunkline why 12-345
    python docs/pictures/draw.py --at "the game goes on" demo.svg prankcall demo
    python docs/pictures/draw.py --from Leaderboard --until "What one requested_call" books.svg prankcall demo

A command that writes over what it has written is drawn as it leaves the screen; `--at`: as the screen was when these
words had come. `--from`, `--until`: the lines from one that has these words to before one that has those.
"""

import argparse
import os
import pty
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from rich.console import Console
from rich.text import Text

COLUMNS, LINES = 120, 40
CONTROL = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|\r|\n")
UP, ERASE, COLOUR = "A", "K", "m"


def on_a_terminal(command: list[str]) -> str:
    """What a command writes to a terminal, with its colours."""
    ours, theirs = pty.openpty()
    environment = os.environ | {"TERM": "xterm-256color", "COLUMNS": str(COLUMNS), "LINES": str(LINES)}
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


def on_the_screen(written: str) -> list[str]:
    """The lines that are left of what was written. What is written over was erased before: Rich does so."""
    lines, row, at = [""], 0, 0
    for control in CONTROL.finditer(written):
        lines[row] += written[at : control.start()]
        at = control.end()
        if control[0] == "\n":
            row += 1
            lines += [""] * (row == len(lines))
        elif control[2] == UP:
            row = max(row - int(control[1] or 1), 0)
        elif control[2] == ERASE:
            lines[row] = ""
        elif control[2] == COLOUR:
            lines[row] += control[0]
    lines[row] += written[at:]
    return lines


def moment(written: str, words: str) -> str:
    """What was written when these words had come, and all that is shown beside them."""
    come = written.index(words) + len(words)
    erased = written.find("\x1b[2K", come)
    return written if erased < 0 else written[:erased]


def between(lines: list[str], first: str | None, beyond: str | None) -> list[str]:
    begin = next((n for n, line in enumerate(lines) if first and first in line), 0)
    end = next((n for n, line in enumerate(lines) if beyond and beyond in line), len(lines))
    return lines[begin:end]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--at")
    parser.add_argument("--from", dest="first")
    parser.add_argument("--until")
    parser.add_argument("name")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    said = parser.parse_args()
    written = on_a_terminal(said.command)
    lines = between(on_the_screen(moment(written, said.at) if said.at else written), said.first, said.until)
    console = Console(record=True, width=COLUMNS, file=open(os.devnull, "w"))  # noqa: SIM115 - ends with the program
    console.print(Text.from_ansi("\n".join(lines).rstrip("\n")), no_wrap=True, crop=True)
    drawn = console.export_svg(title="$ " + " ".join(said.command))
    # A picture asks no other host for its letters: any fixed-width ones will do.
    Path(said.name).write_text(re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.DOTALL))


if __name__ == "__main__":
    main()
