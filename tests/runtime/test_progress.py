"""What is said while something takes long: a line a step that does, and nothing of one that is soon over."""

from io import StringIO
from threading import Event

import pytest

from runtime.progress import Progress

FOR_EVER = 1000.0


class Listened(StringIO):
    """What was written, and when: `line` is set by the end of the first line."""

    def __init__(self) -> None:
        super().__init__()
        self.line = Event()

    def write(self, text: str) -> int:
        written = super().write(text)
        if "\n" in text:
            self.line.set()
        return written


def test_a_step_that_takes_long_is_told() -> None:
    said = Listened()

    with Progress(quiet=False, stream=said, patience=0) as progress:
        progress.step("starting Ray")
        said.line.wait()

    assert said.getvalue() == "trunkline: starting Ray ...\n"


def test_steps_that_are_soon_over_are_not_told_and_what_is_to_be_said_is() -> None:
    said = Listened()

    with Progress(quiet=False, stream=said, patience=FOR_EVER) as progress:
        progress.step("starting Ray")
        progress.step("starting the supervisor")
        progress.say("the shop runs")

    assert said.getvalue() == "the shop runs\n"


@pytest.mark.parametrize("patience", [0, FOR_EVER])
def test_who_wants_it_quiet_is_told_nothing(patience: float) -> None:
    said = Listened()

    with Progress(quiet=True, stream=said, patience=patience) as progress:
        progress.step("starting Ray")
        progress.say("the shop runs")

    assert said.getvalue() == ""
