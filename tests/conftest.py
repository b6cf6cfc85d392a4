"""One Ray cluster for the whole session, for every test that asks for `start`; nothing of a test may outlive it."""

import logging
import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from actors import App
from tests.processes import PATIENCE, descendants, those_that_go_on

if TYPE_CHECKING:
    from runtime import Runtime

CLASS = re.compile(r"ray::(Supervisor|Router|Host|Gateways)\b")
"""What `ps` shows of an app's processes."""
Start: TypeAlias = "Callable[..., Runtime]"


def pytest_configure() -> None:
    """A shell has what it runs in the background ignore Ctrl-C, and so would every program that a test starts."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever uses the cluster is marked `cluster`."""
    for item in items:
        if "ray_cluster" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.cluster)


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[Path]:
    """Ray, on this machine alone; the folder of its logs."""
    import ray

    from tests.apps.prankcall.twilio_api.standin import TOKEN

    with pytest.MonkeyPatch.context() as patch:
        for name in [n for n in os.environ if n.startswith("TRUNKLINE_") or n == "RAY_ADDRESS"]:
            patch.delenv(name)
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("TRUNKLINE_QUIET", "1")
        # Workers find the tests' apps, wherever pytest was started.
        patch.setenv("PYTHONPATH", str(Path(__file__).resolve().parent.parent))
        with pytest.MonkeyPatch.context() as secrets:
            # Ray's processes have the environment in which it was started, and alone need it.
            secrets.setenv("TWILIO_AUTH_TOKEN", TOKEN)
            context: Any = ray.init(address="local", log_to_driver=False, logging_level=logging.ERROR)
        yield Path(context.address_info["session_dir"]) / "logs"
        ray.shutdown()


@pytest.fixture
def app_name(request: pytest.FixtureRequest) -> str:
    """A name for this test's app."""
    return re.sub(r"\W+", "-", request.node.name).strip("-")[:60]


@pytest.fixture
def start(nothing_left: None, tmp_path: Path) -> Iterator[Start]:
    """`Runtime.start`, on a journal of the test's own if it names none; what runs when the test ends is stopped."""
    from runtime import Runtime

    with ExitStack() as stack:

        def start(app: App, **options: Any) -> Runtime:
            rt = Runtime.start(app, **{"journal": tmp_path / f"{app.name}.db"} | options)
            stack.callback(rt.stop)
            return rt

        yield start


@pytest.fixture
def nothing_left(ray_cluster: Path) -> Iterator[None]:
    """At its end a test has left no process of an app and no named actor behind."""
    yield
    processes = {pid: title for pid, title in descendants(os.getpid()).items() if CLASS.match(title)}
    # Those that are being ended may still be at it.
    left = [f"process {pid}, {processes[pid]}" for pid in those_that_go_on(processes)]
    left += [f"actor {name}" for name in actors_left()]
    for pid in processes:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    assert not left, "the test left behind: " + "; ".join(left)


def actors_left() -> list[str]:
    """Named actors that live; they are ended."""
    import ray
    from ray.util import list_named_actors

    left = []
    until = time.monotonic() + PATIENCE
    named: Any = list_named_actors(all_namespaces=True)
    while named and time.monotonic() < until:
        # Ray may not have noticed yet that their processes have ended.
        named = list_named_actors(all_namespaces=True)
    for one in named:
        try:
            actor: Any = ray.get_actor(one["name"], namespace=one["namespace"])
            ray.kill(actor, no_restart=True)
        except ValueError:
            continue
        left.append(f"{one['name']} in {one['namespace']}")
    return left
