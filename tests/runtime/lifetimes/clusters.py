"""A Ray cluster that stands by itself, as `ray start --head` makes it, with ports and a home of its own.

Token authentication, as Ray 2.60 has it: `ray start` turns it on by itself if there is a token in `~/.ray/auth_token`,
and there is one as soon as `ray.init()` has once started a Ray here (`Runtime.start` without `address=` does), or after
`ray get-auth-token --generate`. A client finds out by itself only if it is to look for a cluster by itself, too; one
that is told an address (`ray job submit --address`, `RAY_ADDRESS`, `address=`) must be told of the token as well:

    export RAY_AUTH_MODE=token          # the token is read from ~/.ray/auth_token
    export RAY_AUTH_TOKEN=...           # or from here, on a machine that has no such file
    export RAY_AUTH_TOKEN_PATH=...      # or from this file

Without a token `ray start` warns, and lets in everybody; `RAY_AUTH_MODE=disabled` has the same effect where there is
one. Drivers of submitted jobs need nothing: the cluster gives them the token.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Self

from tests.runtime.lifetimes.programs import PATIENCE, ROOT, Outcome, environment, run

RAY = Path(sys.executable).parent / "ray"


class Cluster:
    """One head node. Its processes end with it; nothing else is touched."""

    def __init__(self, *, token: bool = True) -> None:
        # Not under pytest's folder: a socket's path has 107 bytes at most.
        self.folder = Path(tempfile.mkdtemp(prefix="tl-"))
        self.home = self.folder / "home"
        self.home.mkdir()
        # What is installed on the cluster is what its processes can import; here the checkout stands for it.
        self._env = environment(HOME=str(self.home), PYTHONPATH=str(ROOT))
        if token:
            self._env["RAY_AUTH_MODE"] = "token"
            made = run([RAY, "get-auth-token", "--generate"], self.folder, env=self._env)
            assert made.status == 0, str(made)
        gcs, client, dashboard, agent = free_ports(4)
        self.address = f"127.0.0.1:{gcs}"
        self.dashboard = f"http://127.0.0.1:{dashboard}"
        self._head = subprocess.Popen(
            [
                *(RAY, "start", "--head", "--block", "--num-cpus", "2", "--include-dashboard", "true"),
                *("--node-ip-address", "127.0.0.1", "--port", str(gcs), "--ray-client-server-port", str(client)),
                *("--dashboard-port", str(dashboard), "--dashboard-agent-listen-port", str(agent)),
                *("--temp-dir", str(self.folder / "ray")),
            ],
            cwd=self.folder,
            # Not told of the mode: it finds the token.
            env={k: v for k, v in self._env.items() if k != "RAY_AUTH_MODE"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        assert self._head.stdout is not None
        said = []
        for line in self._head.stdout:
            said.append(line)
            if "Ray runtime started" in line:
                break
        else:
            raise AssertionError("`ray start` failed:\n" + "".join(said))
        self.said = "".join(said)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *why: object) -> None:
        self._head.send_signal(signal.SIGTERM)
        try:
            self._head.communicate(timeout=PATIENCE)
        finally:
            for pid in self.left():
                os.kill(pid, signal.SIGKILL)
            shutil.rmtree(self.folder, ignore_errors=True)

    def left(self) -> list[int]:
        """Processes that were told of this cluster's folder."""
        found = []
        for process in Path("/proc").iterdir():
            if process.name.isdigit():
                try:
                    if str(self.folder / "ray") in (process / "cmdline").read_text():
                        found.append(int(process.name))
                except OSError:
                    continue
        return found

    def environment(self, **variables: str) -> dict[str, str]:
        """A client's, who knows the token, if there is one."""
        return self._env | variables

    def ray(self, *words: str | Path, env: dict[str, str] | None = None) -> Outcome:
        """`ray job ...` against this cluster."""
        return run([RAY, *words], self.folder, env=env or self._env)

    def submit(self, folder: Path, *program: str, options: tuple[str, ...] = ()) -> Outcome:
        """`ray job submit --working-dir <folder> -- <program>`, to its end."""
        return self.ray(
            *("job", "submit", "--address", self.dashboard, "--working-dir", str(folder), *options, "--", *program)
        )


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens to. (Ray wants 10002 to 19999 for its workers; the kernel gives higher ones.)"""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
