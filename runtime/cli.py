"""`trunkline`: look into an app, running or at rest. Exit status: 0 done, 1 it went wrong, 2 it was asked wrongly."""

import errno
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click

from actors.errors import TrunklineError

COMMANDS = {
    "catalogue": "runtime.commands.catalogue",
    "graph": "runtime.commands.graph",
    "tail": "runtime.commands.tail",
    "show": "runtime.commands.show",
    "why": "runtime.commands.why",
    "dead-letters": "runtime.commands.dead_letters",
    "timers": "runtime.commands.timers",
    "replay": "runtime.commands.replay",
    "doctor": "runtime.commands.doctor",
    "completion": "runtime.commands.completion",
}
"""Where each command is: a module with a `command`, imported when it is asked for."""
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""Why standard output takes no more."""
INTERRUPTED = 130
"""What a shell gives for a program that Ctrl-C ended."""


class Commands(click.Group):
    """The commands in the order above."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            done = super().invoke(ctx)
            sys.stdout.flush()
            return done
        except BrokenPipeError:
            # Whoever read has had enough (`| head`); Python would complain again when it flushes at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(COMMANDS[cmd_name]).command
        return command


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="""\b
Examples:
  trunkline catalogue shop.app:app
  trunkline tail --journal shop.db -n 50
  trunkline why 12-345 --app shop
""",
)
@click.version_option(package_name="trunkline", prog_name="trunkline")
def trunkline() -> None:
    """Look into a Trunkline app: one that runs (--app NAME), or a journal at rest (--journal PATH).

    With neither, the app that runs on a journal of this folder is asked; else that journal is read; or the one app that
    runs is asked. A person gets tables and colour; a pipe gets lines with tabs between their cells; --json gives an
    object a line. `catalogue` and `graph` show code, of which a journal has none: MODULE:APP, or an app that runs.
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; its exit status."""
    try:
        status = trunkline.main(arguments, prog_name="trunkline", standalone_mode=False)
        return status if isinstance(status, int) else 0
    except (KeyboardInterrupt, click.Abort):
        # Nor is the end of this process to be interrupted.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        return INTERRUPTED
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except OSError as error:
        if error.errno not in FULL or error.filename is not None:
            raise
        # What is left would be written again, and complained of, at the end of Python.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        click.echo(f"trunkline: the answer can't be written: {error.strerror}", err=True)
        return 1
    except TrunklineError as error:
        click.echo(f"trunkline: {error}", err=True)
        return 1


if __name__ == "__main__":
    sys.exit(main())
