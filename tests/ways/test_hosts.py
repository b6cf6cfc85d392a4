"""The machines for tests: one run has them at a time, and one that was killed leaves the next in peace."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.processes import those_that_go_on
from tests.runtime.lifetimes.programs import PATIENCE, environment, run, running
from tests.ways.hosts import SCRIPT, hosts_of_this_run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600, func_only=True), pytest.mark.usefixtures("hosts_possible")]
A_RUN = """
import sys
from pathlib import Path

from tests.ways.hosts import hosts_of_this_run

with hosts_of_this_run(Path(sys.argv[1]), 1, say=lambda words: print("it says:", words)) as hosts:
    print("it says: has", *hosts.addresses, hosts.first_process(1))
    sys.stdin.read()
print("done")
"""


@contextmanager
def a_run(folder: Path, until: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """Another run, which has hosts until its input ends; and what it said until then."""
    folder.mkdir()
    with running(["-c", A_RUN, folder], folder, until=until) as (process, said):
        yield process, said


def left_on_the_machine() -> list[str]:
    """Names that hosts have in the machine's network."""
    words = ""
    for command in (["ip", "netns", "list"], ["ip", "-o", "link", "show"]):
        words += subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return re.findall(r"\b(?:th\d+|vth\d+|br-testhosts)\b", words)


def test_hosts_that_a_killed_run_left_are_taken_away_by_the_next(tmp_path: Path) -> None:
    with a_run(tmp_path / "killed", until="it says: has ") as (process, said):
        of_the_dead = int(said.split()[-1])
        process.kill()
        process.wait(PATIENCE)
        left_by_the_dead = left_on_the_machine()

    with hosts_of_this_run(tmp_path, 2, say=print) as hosts:
        names = [hosts.on(host, "hostname").text for host in (1, 2)]
        living = those_that_go_on([of_the_dead])

    assert "th1" in left_by_the_dead
    assert names == ["th1\n", "th2\n"]
    assert living == []
    assert left_on_the_machine() == []


def test_a_run_waits_for_the_hosts_of_another_and_says_so(tmp_path: Path) -> None:
    with (
        a_run(tmp_path / "first", until="it says: has ") as (first, said),
        a_run(tmp_path / "second", until="it says: ") as (second, waits),
    ):
        by_hand = run([SCRIPT, "up", "1"], tmp_path, env=environment())
        host_of_the_first = int(said.split()[-1])
        goes_on = those_that_go_on([host_of_the_first], patience=0)
        first.communicate(timeout=PATIENCE)
        then, _ = second.communicate(timeout=PATIENCE)

    assert f"waiting for process {first.pid}, " in waits
    assert by_hand.status == 1, str(by_hand)
    assert "another run has the hosts" in by_hand.text
    assert goes_on == [host_of_the_first]
    assert then.splitlines()[-1] == "done"
    assert (first.returncode, second.returncode) == (0, 0)
    assert left_on_the_machine() == []
