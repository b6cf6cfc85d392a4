"""A gateway holds what it needs from before its first call until after its last."""

from pathlib import Path

from actors import Aggregate, App, Event, Gateway, on
from tests.conftest import Start


class Asked(Event, origin=True):
    what: str


class Answered(Event):
    what: str


class Oracle(Gateway):
    """Writes down what becomes of it, in a file."""

    diary: Path

    async def open(self) -> None:
        self._write("opened")

    async def close(self) -> None:
        self._write("closed")

    @on
    async def answer(self, event: Asked) -> Answered:
        self._write(event.what)
        return Answered(what=event.what)

    def _write(self, line: str) -> None:
        with self.diary.open("a") as diary:
            print(line, file=diary)


class Pilgrim(Aggregate, key="what"):
    heard: int = 0

    @on
    def hear(self, event: Answered) -> None:
        self.heard += 1


def test_a_gateway_is_opened_before_its_first_call_and_closed_after_its_last(
    start: Start, app_name: str, tmp_path: Path
) -> None:
    diary = tmp_path / "diary"
    rt = start(App(app_name, Oracle(diary=diary), Pilgrim))

    rt.publish([Asked(what="first"), Asked(what="second")])
    rt.drain()
    rt.stop()

    first, *calls, last = diary.read_text().splitlines()
    assert (first, last) == ("opened", "closed")
    assert sorted(calls) == ["first", "second"]
