"""An app as a job on a cluster that stands by itself: it comes, keeps its journal, goes, and comes again."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.runtime.lifetimes.clusters import RAY, Cluster
from tests.runtime.lifetimes.programs import PATIENCE, ROOT, SHOP, run, said_processes, wait_for_the_end_of

pytestmark = pytest.mark.slow
PYTHON = sys.executable
APP = (
    SHOP
    + """
if __name__ == "__main__":
    import signal, sys
    from runtime import Runtime

    with Runtime.attach(app) if "attach" in sys.argv else Runtime.start(app) as rt:
        rt.publish(AttemptedPurchase(player_id="ada", credits=7))
        rt.drain()
        print("the wallet holds", rt.get(Wallet, "ada").credits)
        if "wait" in sys.argv:
            print("processes", *rt.processes().values(), flush=True)
            signal.pause()
"""
)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster() as cluster:
        yield cluster


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(APP)
    return tmp_path


def test_a_client_without_the_token_is_told_what_to_do(cluster: Cluster, folder: Path) -> None:
    env = cluster.environment()
    del env["RAY_AUTH_MODE"]

    outcome = cluster.ray("job", "list", "--address", cluster.dashboard, env=env)

    assert "Token authentication is enabled" in cluster.said
    assert outcome.status != 0, str(outcome)
    assert "RAY_AUTH_MODE is currently 'disabled' (not 'token')" in outcome.text, str(outcome)


def test_a_cluster_that_found_no_token_says_so_and_lets_in_everybody() -> None:
    with Cluster(token=False) as cluster:
        outcome = cluster.ray("job", "list", "--address", cluster.dashboard)

    assert "Token authentication is disabled" in cluster.said
    assert "ray get-auth-token --generate" in cluster.said
    assert outcome.status == 0, str(outcome)


def test_a_job_keeps_its_journal_and_the_next_one_goes_on(cluster: Cluster, folder: Path) -> None:
    # Its classes are in a module of the working directory, where the app's processes find it, too.
    (folder / "corner.py").write_text(SHOP)
    (folder / "app.py").write_text(APP.replace(SHOP, "from corner import *\n"))

    first = cluster.submit(folder, PYTHON, "-m", "app")
    second = cluster.submit(folder, PYTHON, "-m", "app")

    first.must_have_said("the wallet holds 10")
    second.must_have_said("the wallet holds 20")
    assert (cluster.home / ".trunkline" / "shop.db").exists()


@contextmanager
def running_job(cluster: Cluster, job: str, folder: Path, *program: str, until: str) -> Iterator[str]:
    """A job at work, whose log has come so far as to a line with `until`; and what it said."""
    submitted = cluster.submit(folder, *program, options=("--submission-id", job, "--no-wait"))
    assert submitted.status == 0, str(submitted)
    logs = subprocess.Popen(
        [RAY, "job", "logs", "--address", cluster.dashboard, "--follow", job],
        env=cluster.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert logs.stdout is not None
    said = ""
    try:
        for line in logs.stdout:
            said += line
            if until in line:
                break
        yield said
        logs.communicate(timeout=PATIENCE)
    finally:
        logs.kill()
        logs.communicate()


def test_a_job_is_joined_by_another_and_its_stop_ends_the_app_until_the_next_goes_on(
    cluster: Cluster, folder: Path
) -> None:
    (folder / "app.py").write_text(APP.replace('"shop"', '"stopped"'))
    with running_job(cluster, "stopped-job", folder, PYTHON, "-m", "app", "wait", until="processes") as said:
        joined = cluster.submit(folder, PYTHON, "-m", "app", "attach")

        stopped = cluster.ray("job", "stop", "--address", cluster.dashboard, "stopped-job")
        wait_for_the_end_of(said_processes(said))
    again = cluster.submit(folder, PYTHON, "-m", "app")

    joined.must_have_said("the wallet holds 20")
    assert stopped.status == 0, str(stopped)
    again.must_have_said("the wallet holds 30")


OTHER_DRIVER = """
import os, signal
from runtime import Runtime

with Runtime.attach("lasting", address=ADDRESS) as rt:
    _, Wallet, _ = rt.app.parts
    AttemptedPurchase = rt.app.catalogue.events["attempted_purchase"].cls
    before = rt.processes()
    supervisor = before["lasting:Supervisor"]
    os.kill(supervisor, signal.SIGKILL)
    os.kill(rt.processes()["lasting:host-0"], signal.SIGKILL)
    rt.publish(AttemptedPurchase(player_id="ada", credits=7))
    rt.drain()
    print("the wallet holds", rt.get(Wallet, "ada").credits)
    print("another supervisor:", rt.processes()["lasting:Supervisor"] != supervisor)
    print("processes", *{*before.values(), *rt.processes().values()})
    rt.stop()
"""


def test_a_detached_app_outlives_its_job_and_its_supervisor(cluster: Cluster, folder: Path) -> None:
    # By value, and above 100 KB: what Ray keeps with the process that sent it.
    table = "import random\nTABLE = random.Random(7).randbytes(400_000)\n"
    program = APP.replace('"shop"', '"lasting"').replace("start(app)", 'start(app, lifetime="detached")')
    (folder / "app.py").write_text(
        table + program.replace("return credits + BONUS", "return credits + BONUS * (len(TABLE) > 9)")
    )
    (folder / "other.py").write_text(OTHER_DRIVER.replace("ADDRESS", repr(cluster.address)))

    job = cluster.submit(folder, PYTHON, "-m", "app")
    outcome = run([PYTHON, "other.py"], folder, env=cluster.environment())

    job.must_have_said("the wallet holds 10")
    assert "and yet ends with this process" not in job.text
    outcome.must_have_said("the wallet holds 20")
    outcome.must_have_said("another supervisor: True")
    # All of them, also those that the first supervisor had started later, as the spare host.
    wait_for_the_end_of(said_processes(outcome.text))


def test_a_script_outside_connects_by_address(cluster: Cluster, folder: Path) -> None:
    program = APP.replace('"shop"', '"outside"').replace("start(app)", f"start(app, address={cluster.address!r})")
    (folder / "outside.py").write_text(program)
    knows = cluster.environment(RAY_gcs_server_port_wait_time_s="1")
    does_not = {k: v for k, v in knows.items() if k != "RAY_AUTH_MODE"}

    refused = run([PYTHON, "outside.py"], folder, env=does_not)
    outcome = run([PYTHON, "outside.py"], folder, env=knows)

    assert refused.status == 1, str(refused)
    assert "StartFailed" in refused.text, str(refused)
    assert "RAY_AUTH_MODE=token" in refused.text, str(refused)
    outcome.must_have_said("the wallet holds 10")


def test_the_demo_as_a_job_is_watched_by_another_stopped_and_gone_on_with(cluster: Cluster) -> None:
    # As README says it: `.gitignore` keeps out of the working directory what is no part of it.
    demo = (PYTHON, "-m", "apps.prankcall", "demo", "--seed", "7", "--players", "3", "--calls", "2")
    # So slow that it is not over before it is stopped.
    with running_job(cluster, "demo", ROOT, *demo, "--speed", "2", until="Ray actors: ") as said:
        processes = [int(pid) for pid in re.findall(r"prankcall:[^ ]+ \((\d+)\)", said)]

        with running_job(cluster, "watch", ROOT, *demo, "--attach", until="joined prankcall"):
            stopped = cluster.ray("job", "stop", "--address", cluster.dashboard, "demo")
            wait_for_the_end_of(processes)
    watched = cluster.ray("job", "status", "--address", cluster.dashboard, "watch")
    begun = (cluster.home / ".trunkline" / "prankcall-demo.db").exists()
    again = cluster.submit(ROOT, *demo)

    assert stopped.status == 0, str(stopped)
    assert len(processes) >= 4
    assert "SUCCEEDED" in watched.text.upper(), str(watched)
    assert begun
    again.must_have_said("Balance sheet")
    assert "DIFFERS" not in again.text, str(again)
    # It is put away under its date when all is done.
    assert list((cluster.home / ".trunkline").glob("prankcall-demo-*.db")), str(again)
