"""What a command says: tables and colour to a person, lines with tabs to a pipe, an object a line with `--json`."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from runtime.reading import Recorded
from runtime.tree import fields_of, printable


class Row(NamedTuple):
    """A line of a table, and the same for a program."""

    cells: Sequence[str]
    record: dict[str, Any]


class Output:
    """What one command prints: on standard output, or on a console that an app's own commands have."""

    def __init__(self, as_json: bool, console: Console | None = None) -> None:
        self.as_json = as_json
        # A pipe is not cut to the width of a screen.
        self._console = console or Console(highlight=False)
        self.for_person = not as_json and self._console.is_terminal

    def table(self, columns: Sequence[str], rows: Iterable[Row], *, empty: str) -> None:
        """Rows; `empty` is what a person is told if there are none."""
        if not self.for_person:
            for row in rows:
                self.row(row)
            return
        table = Table(*columns, box=None, header_style="bold", pad_edge=False)
        for row in rows:
            table.add_row(*(Text(printable(cell)) for cell in row.cells))
        if table.row_count:
            self._console.print(table)
        else:
            self._console.print(empty, style="dim")

    def row(self, row: Row) -> None:
        """One row, for a program."""
        self._line(as_line(row.record) if self.as_json else "\t".join(map(printable, row.cells)))

    def record(self, record: dict[str, Any]) -> None:
        """Something as JSON, on a line."""
        self._line(as_line(record))

    def say(self, text: Text | Tree | str) -> None:
        """Something for a person; plain text may hold what came from outside."""
        if isinstance(text, str):
            text = Text("\n".join(map(printable, text.split("\n"))))
        self._console.print(text, soft_wrap=not isinstance(text, Tree))

    def _line(self, text: str) -> None:
        click.echo(text, file=self._console.file)

    def event(self, recorded: Recorded) -> None:
        """An event of a log."""
        if self.as_json:
            self.record(event_record(recorded))
        elif self.for_person:
            cells = event_cells(recorded)
            styles = ("green", "cyan", "bold", "", "dim")
            self.say(Text("  ").join(Text(printable(c), s) for c, s in zip(cells, styles, strict=True)))
        else:
            self.row(Row(event_cells(recorded), {}))


def as_line(record: Any) -> str:
    return json.dumps(record, ensure_ascii=False, default=str)


def event_cells(recorded: Recorded) -> tuple[str, ...]:
    """When it was recorded, its id, its type, who emitted it, what stands in it."""
    return (
        moment(recorded.recorded),
        recorded.id,
        recorded.type,
        recorded.source,
        json.dumps(fields_of(recorded.event), ensure_ascii=False),
    )


def event_record(recorded: Recorded) -> dict[str, Any]:
    """An event for a program: all that is known of it."""
    return {
        "id": recorded.id,
        "type": recorded.type,
        "time": recorded.time.isoformat(),
        "recorded": recorded.recorded.isoformat(),
        "source": recorded.source,
        "handler": recorded.handler,
        "subject": recorded.subject,
        "cause": recorded.cause,
        "correlation": recorded.correlation,
        "hops": recorded.hops,
        "sequence": recorded.sequence,
        "partitionkey": recorded.partitionkey,
        "dataschema": recorded.dataschema,
        "traceparent": recorded.traceparent,
        "event": fields_of(recorded.event),
    }


def moment(time: datetime) -> str:
    """A moment in the zone of this machine, to the millisecond."""
    return time.astimezone().isoformat(sep=" ", timespec="milliseconds")


def note(text: str) -> None:
    """Something beside the answer: to stderr."""
    click.echo(f"trunkline: {text}", err=True)
