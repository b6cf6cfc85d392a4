"""What happens in the demo, as it happens: a live view on a terminal, a line a second elsewhere."""

import threading
import time
from collections import Counter, deque
from types import TracebackType

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from actors import TrunklineError
from runtime import Recorded, Runtime
from runtime.tree import payload

RECENT = 8
COLOURS = {
    "attempted_purchase": "blue",
    "completed_purchase": "green",
    "declined_purchase": "red",
    "credits_granted": "magenta",
    "receipt_sent": "yellow",
}


class View:
    """Follows the log of a running app until left. `end` is the wire type of a chain's last event."""

    def __init__(self, rt: Runtime, console: Console, total: int, end: str) -> None:
        self._rt = rt
        self._console = console
        self._total = total
        self._end = end
        self._counts: Counter[str] = Counter()
        self._recent: deque[Recorded] = deque(maxlen=RECENT)
        self._begun = time.monotonic()
        self._changed = threading.Condition()
        self._over = False
        self._live: Live | None = None
        self._threads = [threading.Thread(target=self._follow, daemon=True)]
        if not console.is_terminal:
            self._threads.append(threading.Thread(target=self._lines, daemon=True))

    def __enter__(self) -> "View":
        if self._console.is_terminal:
            self._live = Live(
                console=self._console, get_renderable=self._draw, refresh_per_second=10, transient=True
            ).__enter__()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with self._changed:
            self._over = True
            self._changed.notify_all()
        if self._live is not None:
            self._live.__exit__(None, None, None)
        self._console.print(self._summary())

    def note(self, text: str, style: str = "bold red") -> None:
        """Say something that stays."""
        self._console.print(Text(f"[{self._clock()}] {text}", style=style))

    def wait_all(self) -> None:
        """Wait until every chain's last event has been seen."""
        with self._changed:
            self._changed.wait_for(lambda: self._counts[self._end] >= self._total)

    def _follow(self) -> None:
        try:
            for recorded in self._rt.tail(follow=True):
                with self._changed:
                    if self._over:
                        return
                    self._counts[recorded.type] += 1
                    self._recent.append(recorded)
                    self._changed.notify_all()
        except TrunklineError:
            return  # The app has ended, and the view with it.

    def _lines(self) -> None:
        while True:
            with self._changed:
                if self._changed.wait_for(lambda: self._over, timeout=1.0):
                    return
                self._console.print(self._summary())

    def _clock(self) -> str:
        return f"{time.monotonic() - self._begun:5.1f} s"

    def _summary(self) -> Text:
        counts = "  ".join(f"{self._counts[type]} {type}" for type in COLOURS if self._counts[type])
        return Text(f"[{self._clock()}] {self._counts[self._end]}/{self._total} orders done: {counts or 'nothing yet'}")

    def _draw(self) -> RenderableType:
        with self._changed:
            done = self._counts[self._end]
            table = Table.grid(padding=(0, 2))
            for recorded in self._recent:
                style = COLOURS.get(recorded.type, "white")
                table.add_row(
                    f"{recorded.recorded:%H:%M:%S.%f}"[:-3],
                    Text(recorded.type, style=style),
                    recorded.source,
                    Text(payload(recorded.event), style="dim"),
                )
            bar = Table.grid(padding=(0, 1))
            bar.add_row(
                ProgressBar(total=max(self._total, 1), completed=min(done, self._total), width=40),
                f"{done}/{self._total} orders done",
            )
            return Group("", bar, self._summary(), table)


__all__ = ["View"]
