"""What is known of an app from the folder of its sockets."""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from actors import TrunklineError
from runtime.errors import StartFailed
from runtime.launching import join
from runtime.shells.folders import ROUTER, Noted, folders_here, new_folder, note, running_here

Run = Callable[[str, str], Path]


@pytest.fixture(autouse=True)
def no_cluster_named(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path_factory.mktemp("t")))
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr("ray.is_initialized", lambda: False)


@pytest.fixture
def run() -> Iterator[Run]:
    """Have an app run, of which nothing is there but what others find it by."""
    with ExitStack() as stack:

        def run(app: str, cluster: str) -> Path:
            folder = new_folder()
            os.mkdir(folder)
            router = stack.enter_context(socket.socket(socket.AF_UNIX))
            router.bind(f"{folder}/{ROUTER}")
            router.listen()
            note(folder, app, cluster)
            return Path(folder)

        yield run


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses at which Ray was asked for; it is at none."""
    asked: list[str] = []

    def begin(address: str, *, dashboard: bool) -> None:
        asked.append(address)
        raise StartFailed("nobody is there")

    monkeypatch.setattr("runtime.embedded.RaySession.begin", begin)
    # It would change the environment of the whole process.
    monkeypatch.setattr("runtime.embedded.maybe_enable_token_auth_if_token_available", lambda warn_if_disabled: None)
    return asked


def test_apps_are_found_with_their_clusters(run: Run) -> None:
    run("shop", "127.0.0.1:6380")
    run("bank", "127.0.0.1:6379")

    assert running_here() == [Noted("bank", "127.0.0.1:6379"), Noted("shop", "127.0.0.1:6380")]


def test_what_a_killed_app_has_left_behind_is_no_app(run: Run) -> None:
    folder = run("shop", "127.0.0.1:6380")
    (folder / ROUTER).unlink()

    assert running_here() == []
    assert folders_here() == [folder]


def test_an_app_that_is_just_being_started_is_none_yet(run: Run) -> None:
    os.mkdir(new_folder())

    assert running_here() == []


@pytest.mark.parametrize(
    ("address", "environment", "asked"),
    [
        (None, "", "127.0.0.1:6380"),
        ("10.0.0.1:6379", "", "10.0.0.1:6379"),
        # Which Ray takes as what RAY_ADDRESS says.
        (None, "10.0.0.2:6379", "auto"),
    ],
)
def test_an_app_is_looked_for_where_one_is_told_to_else_where_it_runs(
    run: Run, begun: list[str], monkeypatch: pytest.MonkeyPatch, address: str | None, environment: str, asked: str
) -> None:
    run("shop", "127.0.0.1:6380")
    run("bank", "127.0.0.1:6379")
    monkeypatch.setenv("RAY_ADDRESS", environment)

    with pytest.raises(TrunklineError, match="no app 'shop' was found"):
        join("shop", address=address)

    assert begun == [asked]


def test_an_app_that_runs_twice_is_not_chosen_by_chance(run: Run, begun: list[str]) -> None:
    run("shop", "127.0.0.1:6380")
    run("shop", "127.0.0.1:6379")

    with pytest.raises(TrunklineError) as raised:
        join("shop", address=None)

    assert "runs on several Ray clusters of this machine: 127.0.0.1:6379, 127.0.0.1:6380" in str(raised.value)
    assert "address=" in raised.value.hint
    assert begun == []
