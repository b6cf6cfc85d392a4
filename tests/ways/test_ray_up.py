"""`ray up` on two machines, the game as a job, `ray down`: with the file that is to be filled in, and nothing else."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from tests.processes import those_that_go_on
from tests.runtime.lifetimes.clusters import RAY, free_ports
from tests.runtime.lifetimes.programs import PATIENCE, ROOT, Outcome, environment, run
from tests.ways.hosts import Hosts, hosts_of_this_run

# The fixture may wait for another run's hosts.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600, func_only=True)]
BOTH_NODES = """
import ray
from ray.util.placement_group import placement_group

ray.init()
# Each bundle on a node of its own: it waits for the one that is still being set up.
both = placement_group([{"CPU": 1}, {"CPU": 1}], strategy="STRICT_SPREAD")
print("both nodes are there:", both.wait(120))
"""


class Operator:
    """Somebody at a machine of his own, with a cluster file and a token."""

    def __init__(self, hosts: Hosts, folder: Path) -> None:
        self._hosts = hosts
        self._folder = folder
        self._file = folder / "cluster.local.yaml"
        (folder / "home").mkdir()
        # What Ray knows of a cluster stands in its temporary folder, here of the test's own.
        self._env = environment(HOME=str(folder / "home"), RAY_AUTH_MODE="token", RAY_TMPDIR=str(folder))

    def fills_in_the_file(self) -> None:
        text = (ROOT / "cluster.local.yaml").read_text()
        assert text.count("# yours") == 4
        config = yaml.safe_load(text)
        head, *workers = self._hosts.addresses
        config["provider"] |= {"head_ip": head, "worker_ips": workers}
        config["auth"] = {"ssh_user": "root", "ssh_private_key": str(self._hosts.key)}
        self._file.write_text(yaml.safe_dump(config))

    def ray(self, *words: str | Path, folder: Path = ROOT) -> Outcome:
        return run([RAY, *words], folder, env=self._env, patience=300)

    def on_worker(self, command: str) -> Outcome:
        return run(["ssh", "-F", self._ssh_config(), self._hosts.addresses[1], command], self._folder, env=self._env)

    @contextmanager
    def port_of_jobs(self) -> Iterator[str]:
        """The head's, here, as `ray dashboard` brings it; this one says when it is there."""
        (port,) = free_ports(1)
        forward = ("-L", f"{port}:127.0.0.1:8265", "-o", "ExitOnForwardFailure=yes")
        command = ["ssh", "-F", str(self._ssh_config()), *forward, self._hosts.addresses[0], "echo forwarding; cat"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as ssh:
            assert ssh.stdout is not None
            assert ssh.stdout.readline() == "forwarding\n"
            yield f"http://127.0.0.1:{port}"
            # At the end of its input `cat` ends, and so does the rest.
            ssh.communicate(timeout=PATIENCE)

    def _ssh_config(self) -> Path:
        return self._hosts.ssh_config(self._folder / "ssh_config")

    @property
    def file(self) -> Path:
        return self._file


@pytest.fixture
def hosts(hosts_possible: None, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Iterator[Hosts]:
    def say(words: str) -> None:
        with capfd.disabled():
            print(f"\n{words}")

    with hosts_of_this_run(tmp_path, 2, say=say) as hosts:
        yield hosts


def test_the_game_is_played_on_a_cluster_that_ray_up_made_of_two_machines(hosts: Hosts, tmp_path: Path) -> None:
    operator = Operator(hosts, tmp_path)
    operator.fills_in_the_file()
    (tmp_path / "job").mkdir()
    (tmp_path / "job" / "both.py").write_text(BOTH_NODES)

    token = operator.ray("get-auth-token", "--generate")
    assert token.status == 0, str(token)
    up = operator.ray("up", "--yes", operator.file)
    assert up.status == 0, str(up)
    with operator.port_of_jobs() as address:
        submit = ("job", "submit", "--address", address, "--working-dir", ".")
        both = operator.ray(*submit, "--", "python", "both.py", folder=tmp_path / "job")
        both.must_have_said("both nodes are there: True")
        game = operator.ray(*submit, "--", "python", "-m", "apps.prankcall", "demo", "--players", "3", "--calls", "2")
    journals = hosts.on(1, "ls", str(hosts.home / ".trunkline"))
    elsewhere = hosts.on(2, "ls", "-A", str(hosts.home / ".trunkline"))
    head, worker = hosts.ray_processes(1), hosts.ray_processes(2)
    down = operator.ray("down", "--yes", operator.file)
    left_on_head = those_that_go_on(head)
    stopped = operator.on_worker("trunkline/venv/bin/ray stop")
    left_on_worker = those_that_go_on(worker)

    game.must_have_said("Balance sheet")
    assert "DIFFERS" not in game.text, str(game)
    assert "prankcall-demo-" in journals.text, str(journals)
    assert elsewhere.status != 0, str(elsewhere)
    assert head
    assert worker
    assert down.status == 0, str(down)
    assert left_on_head == []
    assert stopped.status == 0, str(stopped)
    assert left_on_worker == []
