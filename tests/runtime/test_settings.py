"""Where journals are, by what a driver says and where it was started."""

import json
import os
from pathlib import Path

import pytest

from actors import TrunklineError
from runtime import JournalReadOnly
from runtime.settings import journal_place, read_settings

SUBMITTED = {"metadata": {"job_submission_id": "raysubmit_1"}}
WITH_FOLDER = SUBMITTED | {"runtime_env": {"working_dir": "gcs://_ray_pkg_1.zip"}}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A driver's working directory; its home is beside it."""
    for name in (*(n for n in os.environ if n.startswith("TRUNKLINE_")), "RAY_JOB_CONFIG_JSON_ENV_VAR"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "here"
    folder.mkdir()
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def job(here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RAY_JOB_CONFIG_JSON_ENV_VAR", json.dumps(WITH_FOLDER))
    return here


def place(journal: str | None = None) -> str:
    return journal_place("shop", journal, read_settings())


def test_by_default_it_is_in_the_working_directory(here: Path) -> None:
    assert place() == str(here / "shop.db")


@pytest.mark.parametrize("given", ["books.db", "./books.db", "sqlite:///books.db"])
def test_a_relative_path_means_the_drivers_directory(here: Path, given: str) -> None:
    assert place(given) == str(here / "books.db")


def test_absolute_paths_homes_and_urls_stay(here: Path) -> None:
    assert place("/var/lib/books.db") == "/var/lib/books.db"
    assert place("sqlite:////var/lib/books.db") == "/var/lib/books.db"
    assert place("~/books.db") == str(here.parent / "home" / "books.db")
    assert place("memory://") == "memory://"
    assert place("postgresql://ada@db/books") == "postgresql://ada@db/books"


def test_the_environment_names_a_file_or_a_folder(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUNKLINE_JOURNAL", str(here.parent / "books.db"))
    assert place() == str(here.parent / "books.db")

    monkeypatch.setenv("TRUNKLINE_JOURNAL", str(here.parent))
    assert place() == str(here.parent / "shop.db")

    assert place("given.db") == str(here / "given.db")


def test_no_name_is_no_journal(here: Path) -> None:
    with pytest.raises(TrunklineError, match="names no journal"):
        place("")


def test_a_submitted_jobs_journal_outlives_its_directory(job: Path) -> None:
    assert place() == str(job.parent / "home" / ".trunkline" / "shop.db")
    assert (job.parent / "home" / ".trunkline").is_dir()


@pytest.mark.parametrize("given", ["books.db", "sqlite:///books.db"])
def test_a_journal_that_would_be_deleted_with_its_job_is_refused(job: Path, given: str) -> None:
    with pytest.raises(TrunklineError, match="deletes after the job"):
        place(given)
    with pytest.raises(TrunklineError, match="deletes after the job"):
        place(str(job / "books.db"))

    assert place(str(job.parent / "books.db")) == str(job.parent / "books.db")
    assert place("memory://") == "memory://"


def test_a_job_without_a_directory_of_its_own_may_use_the_one_it_is_in(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_JOB_CONFIG_JSON_ENV_VAR", json.dumps(SUBMITTED))

    assert place("books.db") == str(here / "books.db")
    assert place() == str(here.parent / "home" / ".trunkline" / "shop.db")


def test_a_job_without_a_home_is_told(job: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/dev/null")

    with pytest.raises(JournalReadOnly, match="can't be made"):
        place()


@pytest.mark.parametrize("config", ["", "{}", "null", "[]", "not json", '{"metadata": null}', '{"metadata": {"x": 1}}'])
def test_other_configurations_of_ray_are_no_jobs(here: Path, monkeypatch: pytest.MonkeyPatch, config: str) -> None:
    monkeypatch.setenv("RAY_JOB_CONFIG_JSON_ENV_VAR", config)

    assert read_settings().submitted is False


def test_a_placement_that_means_nothing_is_refused(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUNKLINE_PLACEMENT", "everywhere")

    with pytest.raises(TrunklineError, match="TRUNKLINE_PLACEMENT=sharded"):
        read_settings()


def test_numbers_have_defaults_and_are_read_where_they_are_set(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = read_settings()
    monkeypatch.setenv("TRUNKLINE_HOSTS", "3")
    monkeypatch.setenv("TRUNKLINE_DEDICATED", "0")
    monkeypatch.setenv("TRUNKLINE_PATIENCE", "1.5")

    after = read_settings()

    assert (before.hosts, before.dedicated, before.idle, before.turn_limit, before.patience) == (1, 64, 600, 30, 10)
    assert (after.hosts, after.dedicated, after.idle, after.turn_limit, after.patience) == (3, 0, 600, 30, 1.5)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TRUNKLINE_HOSTS", "0"),
        ("TRUNKLINE_HOSTS", "1.5"),
        ("TRUNKLINE_DEDICATED", "-1"),
        ("TRUNKLINE_IDLE", "never"),
        ("TRUNKLINE_TURN_LIMIT", "0"),
        ("TRUNKLINE_PATIENCE", "nan"),
    ],
)
def test_a_number_that_means_nothing_is_refused(
    here: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(TrunklineError, match=f"{name}='{value}' is not a") as refused:
        read_settings()

    assert f"{name}=" in refused.value.hint
