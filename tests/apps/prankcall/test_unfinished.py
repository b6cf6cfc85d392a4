"""A demo looks at the journal that it would play into before it begins anything."""

import asyncio
from pathlib import Path

import pytest

from apps.prankcall import demo
from apps.prankcall.app import app
from apps.prankcall.cli import main
from apps.prankcall.events import AttemptedPurchase
from apps.prankcall.players import BEGIN
from apps.prankcall.telephony.network import us_of
from apps.prankcall.unfinished import begin
from runtime import KeyReused
from runtime.journal import Reader, open_reader
from runtime.settings import journal_place, read_settings
from tests.runtime.shells.inside import inside


def journal_with(folder: Path, order: str) -> str:
    """A journal at rest, in which one order was made."""

    async def main() -> None:
        async with inside(app, journal, gateways=False) as parts:
            rt = parts.client()
            await rt.publish(AttemptedPurchase(player_id="ada", credits=10, order=order))
            await rt.close()

    journal = folder / "game.db"
    asyncio.run(main())
    return str(journal)


def newest(journal: str) -> int:
    reader: Reader = open_reader(journal)
    try:
        return max(e.recorded for p in range(reader.info.partitions) for e in reader.log(p, 0, 100))
    finally:
        reader.close()


def test_a_game_goes_on_with_its_seed_at_the_moment_at_which_it_stopped(tmp_path: Path) -> None:
    journal = journal_with(tmp_path, "order-2-ada-0")

    assert begin(journal, 2) == (journal, newest(journal))
    assert begin(str(tmp_path / "new.db"), 2) == (str(tmp_path / "new.db"), us_of(BEGIN))


def test_a_demo_and_what_people_play_have_journals_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    place, _ = begin(None, 1)

    assert place == str(tmp_path / "prankcall-demo.db")
    assert journal_place(app.name, None, read_settings()) == str(tmp_path / "prankcall.db")


@pytest.mark.parametrize(
    ("order", "said"),
    [("order-1-ada-0", "an unfinished game with seed 1"), ("order-5f0c12aa", "a game that people play")],
)
def test_what_is_no_game_of_its_seed_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], order: str, said: str
) -> None:
    journal = journal_with(tmp_path, order)

    status = main(["demo", "--seed", "2", "--journal", journal])

    err = capsys.readouterr().err
    assert status == 1
    assert said in err
    assert "fix:" in err
    assert Path(journal).exists()


def test_a_game_that_nothing_would_be_left_of_is_not_begun(capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["demo", "--journal", "memory://"])

    err = capsys.readouterr().err
    assert status == 1
    assert "can't be played in memory" in err
    assert "fix:" in err


def test_what_goes_wrong_in_one_of_several_tasks_is_said_without_a_traceback(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(console: object, address: str | None) -> int:
        async with asyncio.TaskGroup() as outer:
            outer.create_task(nested())
        return 0

    async def nested() -> None:
        async with asyncio.TaskGroup() as inner:
            inner.create_task(reuse())

    async def reuse() -> None:
        raise KeyReused("the key was used", hint="another one.")

    monkeypatch.setattr(demo, "_watch", fail)

    status = main(["demo", "--attach"])

    assert status == 1
    assert "fix: another one." in capsys.readouterr().err
