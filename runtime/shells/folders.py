"""The folders of this user's apps on this machine: their sockets, and which Ray cluster each app runs on.

Ray itself writes down the last cluster that `ray start` has made, and none that a program has begun; of several it
takes any one.
"""

import json
import os
import secrets
import socket
import tempfile
from pathlib import Path
from typing import NamedTuple

ROUTER = "router.sock"
DRIVER = "driver.sock"
NOTE = "app.json"


class Noted(NamedTuple):
    """An app that runs here."""

    app: str
    cluster: str
    """The address of its Ray cluster, host:port."""


def new_folder() -> str:
    """A path of its own for an app that starts; short, as that of a socket must be."""
    return os.path.join(tempfile.gettempdir(), f"{_prefix()}{secrets.token_hex(4)}")


def folders_here() -> list[Path]:
    """Also those that were left behind."""
    return list(Path(tempfile.gettempdir()).glob(f"{_prefix()}*"))


def note(folder: str, app: str, cluster: str) -> None:
    """Write down which app this folder is of."""
    fresh = os.path.join(folder, f"{NOTE}.{os.getpid()}")
    Path(fresh).write_text(json.dumps(Noted(app, cluster)))
    os.replace(fresh, os.path.join(folder, NOTE))


def running_here() -> list[Noted]:
    """The apps whose routers can be reached."""
    found = set()
    for folder in folders_here():
        try:
            noted = Noted(*json.loads((folder / NOTE).read_text()))
        except FileNotFoundError:
            # It is just being started, or ended.
            continue
        if _listens(folder / ROUTER):
            found.add(noted)
    return sorted(found)


def _prefix() -> str:
    return f"trunkline-{os.getuid()}-"


def _listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
        try:
            link.connect(str(path))
        except OSError:
            return False
    return True
