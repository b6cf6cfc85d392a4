"""Machines for `ray up`, made by `testhosts`, on which the project can be installed without a network."""

import fcntl
import os
import pwd
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.runtime.lifetimes.programs import ROOT, Outcome, environment, run

SCRIPT = Path(__file__).with_name("testhosts")
LOCK = Path("/run/testhosts.lock")
"""Held by the run that has the machine's hosts, and free when that is killed: `testhosts` asks, too."""

NEEDS = {"ip": "iproute2", "unshare": "util-linux", "ssh": "openssh-client", "rsync": "rsync"}
PREPARE = """
set -eu
python=$1 packages=$2 wheels=$3 venv=$4/trunkline/venv
$python -m venv --without-pip $venv
echo $packages > "$(echo $venv/lib/python*/site-packages)/of_the_checkout.pth"
printf '[global]\\nno-index = true\\nfind-links = %s\\n' $wheels > $venv/pip.conf
printf '#!/bin/sh\\nexec %s/bin/python -m ray.scripts.scripts "$@"\\n' $venv > $venv/bin/ray
chmod +x $venv/bin/ray
"""
"""An environment that sees what is installed in the checkout's, as a machine would have it from PyPI: hosts reach no
network. The project itself is not among that: a link into the checkout counts in the checkout's environment alone."""


TRY = """
set -e
ip link add name bridge-of-a-try type bridge
mount -t tmpfs tmpfs /mnt
mkdir /mnt/lower /mnt/upper /mnt/work
mount -t overlay overlay -o lowerdir=/mnt/lower,upperdir=/mnt/upper,workdir=/mnt/work /mnt/lower
"""
"""What `testhosts` does, in a network and a mount table that end with it."""


def what_is_missing() -> str:
    """Why there can be no hosts here; empty if there can."""
    if os.getuid() != 0:
        return "hosts for tests need root"
    for command, package in NEEDS.items():
        if shutil.which(command) is None:
            return f"hosts for tests need `{command}`: apt-get install {package}"
    if not Path("/usr/sbin/sshd").exists():
        return "hosts for tests need sshd: apt-get install openssh-server"
    tried = subprocess.run(
        [*["unshare", "--mount", "--uts", "--ipc", "--pid", "--net", "--fork", "--mount-proc", "sh", "-c"], TRY],
        capture_output=True,
        text=True,
    )
    return f"this machine allows no namespaces: {tried.stderr.strip()}" if tried.returncode else ""


@contextmanager
def hosts_of_this_run(folder: Path, count: int, *, say: Callable[[str], None]) -> Iterator["Hosts"]:
    """Hosts, while no other run on this machine has any: a machine has one set, and waits for it if need be."""
    with the_only_run(say):
        hosts = Hosts(folder)
        try:
            hosts.up(count)
            yield hosts
        finally:
            hosts.down()


@contextmanager
def the_only_run(say: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock, which no process that is started meanwhile inherits."""
    with LOCK.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            say(f"waiting for process {lock.read().strip()}, which has this machine's hosts for tests ...")
            fcntl.flock(lock, fcntl.LOCK_EX)
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


class Hosts:
    """Hosts 1 and up. `down` leaves nothing of them, and `up` nothing of those of a run that was killed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._env = environment(TESTHOSTS_DIR=str(folder / "hosts"), TESTHOSTS_LOCKED="1")
        self.home = Path(pwd.getpwuid(0).pw_dir)
        """Of the user that logs in; each host has its own."""
        self.addresses: list[str] = []

    def up(self, count: int) -> None:
        """Start them, each as a machine with Python, and a way to the packages."""
        # What it needs to build the project's wheel; the rest is in the checkout's environment.
        wheels = self._folder / "wheels"
        got = run(
            [sys.executable, "-m", "pip", "download", "--quiet", "--dest", wheels, "hatchling>=1.27"],
            self._folder,
            env=environment(),
        )
        assert got.status == 0, str(got)
        started = self._testhosts("up", str(count))
        assert started.status == 0, str(started)
        self.addresses = started.text.split()
        packages = sysconfig.get_path("purelib")
        for host in range(1, count + 1):
            # It leads nowhere. Without one Ray takes 127.0.0.1 for the machine's address.
            route = self.on(host, *["ip", "route", "add", "default", "dev", "eth0"])
            assert route.status == 0, str(route)
            ready = self.on(host, "sh", "-c", PREPARE, "prepare", sys.executable, packages, str(wheels), str(self.home))
            assert ready.status == 0, str(ready)

    def down(self) -> None:
        ended = self._testhosts("down")
        assert ended.status == 0, str(ended)

    def on(self, host: int, *command: str) -> Outcome:
        """Run a command on a host."""
        return self._testhosts("exec", str(host), *command)

    def first_process(self, host: int) -> int:
        """Its id, as this machine knows it: the others of the host end with it."""
        return int((self._folder / "hosts" / str(host) / "pid").read_text())

    def ray_processes(self, host: int) -> list[int]:
        """Ids, as this machine knows them, of what Ray and its apps run on a host."""
        space = os.readlink(f"/proc/{self.first_process(host)}/ns/pid")
        found = []
        for process in Path("/proc").iterdir():
            if process.name.isdigit():
                try:
                    words = (process / "cmdline").read_bytes()
                    if os.readlink(process / "ns" / "pid") == space and (b"ray::" in words or b"/ray/" in words):
                        found.append(int(process.name))
                except OSError:
                    continue
        return found

    @property
    def key(self) -> Path:
        """The private key that logs in."""
        return self._folder / "hosts" / "key"

    def ssh_config(self, file: Path) -> Path:
        """Write how to reach them."""
        file.write_text(self._testhosts("config").text)
        return file

    def _testhosts(self, *words: str) -> Outcome:
        return run([SCRIPT, *words], ROOT, env=self._env)
