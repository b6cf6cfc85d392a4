"""What happens in the demo, as it happens: a live view on a terminal, a line a second elsewhere."""

import asyncio
import time
from collections import Counter, deque
from types import TracebackType

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from runtime import Recorded
from runtime.tree import payload

RECENT = 10
COLOURS = {
    "attempted_purchase": "blue",
    "completed_purchase": "green",
    "declined_purchase": "red",
    "requested_call": "blue",
    "refused_call": "red",
    "ringing_call": "cyan",
    "answered_call": "green",
    "unanswered_call": "red",
    "scored_call": "magenta",
    "receipt_sent": "yellow",
}
"""What is counted in the summary, in this order."""


class View:
    """Shows what it hears. `total` is the number of calls; `ends` the wire types that end one."""

    def __init__(self, console: Console, total: int, ends: frozenset[str]) -> None:
        self._console = console
        self._total = total
        self._ends = ends
        self._counts: Counter[str] = Counter()
        self._recent: deque[Recorded] = deque(maxlen=RECENT)
        self._begun = time.monotonic()
        self._live: Live | None = None
        self._lines: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "View":
        if self._console.is_terminal:
            # What others print is not its own: the demo drops what Ray prints of a killed process.
            self._live = Live(
                console=self._console,
                get_renderable=self._draw,
                refresh_per_second=10,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            ).__enter__()
        else:
            self._lines = asyncio.create_task(self._say())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        if self._lines is not None:
            self._lines.cancel()
        if self._live is not None:
            self._live.__exit__(None, None, None)
        self._console.print(self._summary())

    def hear(self, recorded: Recorded) -> None:
        """Something was recorded."""
        self._counts[recorded.type] += 1
        if recorded.type != "heartbeat":
            self._recent.append(recorded)

    def note(self, text: str, style: str = "bold red") -> None:
        """Say something that stays."""
        self._console.print(Text(f"[{self._clock()}] {text}", style=style))

    async def _say(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            self._console.print(self._summary())

    def _clock(self) -> str:
        return f"{time.monotonic() - self._begun:5.1f} s"

    @property
    def _done(self) -> int:
        return sum(self._counts[type] for type in self._ends)

    def _summary(self) -> Text:
        counts = ", ".join(f"{self._counts[type]} {type}" for type in COLOURS if self._counts[type])
        of = f"/{self._total}" if self._total else ""
        return Text(f"[{self._clock()}] {self._done}{of} calls over: {counts or 'nothing yet'}")

    def _draw(self) -> RenderableType:
        table = Table.grid(padding=(0, 2))
        for recorded in list(self._recent):
            table.add_row(
                f"{recorded.time:%H:%M:%S}",
                Text(recorded.type, style=COLOURS.get(recorded.type, "white")),
                recorded.source,
                Text(payload(recorded.event), style="dim"),
            )
        bar = Table.grid(padding=(0, 1))
        bar.add_row(
            ProgressBar(total=max(self._total, 1), completed=min(self._done, self._total), width=40),
            f"{self._done}/{self._total} calls over",
        )
        return Group("", bar, self._summary(), table)
