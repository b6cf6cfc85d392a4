"""Ray, as this process has it: initialised by us and then ours to end, or somebody else's and left alone."""

import logging
import socket
import threading
from typing import Any

import ray
import ray._private.services
import ray._private.utils
import ray.exceptions
from ray._private.authentication.authentication_token_setup import maybe_enable_token_auth_if_token_available

from actors.errors import TrunklineError
from runtime.errors import NodeLost, StartFailed
from runtime.interrupts import held_back
from runtime.settings import named_cluster
from runtime.shells.folders import running_here

CONNECT_TIMEOUT_S = 5.0
STARTING = "interrupted: it ends as soon as Ray has started"
_lock = threading.Lock()
_users = 0
"""Runtimes of this process that use the Ray which we initialised."""
_ours = ""
"""The id of the session that we initialised, as long as it is the one that is up."""


class RaySession:
    """One runtime's use of Ray, from `begin` to `end`. The last to end ends a Ray that we began."""

    def __init__(self, ours: bool) -> None:
        self._ours = ours
        self._ended = False

    @classmethod
    def begin(cls, address: str | None, *, dashboard: bool) -> "RaySession":
        """Use the Ray that this process is connected to, or connect it, or start one here.

        Raises:
            StartFailed: Ray said why.
            TrunklineError: this process is connected to another cluster than `address`.
        """
        global _users, _ours
        with _lock:
            if ray.is_initialized():
                _check_address(address)
                ours = _session() == _ours
            else:
                try:
                    with held_back(STARTING):
                        ray.init(
                            address=_that_answers(address), include_dashboard=dashboard, logging_level=logging.ERROR
                        )
                except KeyboardInterrupt:
                    ray.shutdown()
                    raise
                except (ConnectionError, RuntimeError, ValueError, OSError, ray.exceptions.RayError) as error:
                    where = f"connect to a Ray cluster at {address!r}" if address else "start Ray"
                    raise StartFailed(f"can't {where}: {error}", hint=_remedy(address, error)) from error
                _ours, _users, ours = _session(), 0, True
            if ours:
                _users += 1
            return cls(ours)

    @classmethod
    def joining(cls, app: str, address: str | None) -> "RaySession":
        """Use the Ray that this process is connected to, or connect it to the cluster that runs an app; start none.

        Raises:
            StartFailed, TrunklineError: as for `begin`; or the app runs on several clusters.
        """
        noted = None if address else _noted_cluster(app)
        if noted is not None:
            # As Ray does itself with a cluster that it finds here, and never with one that was named. It is quiet then.
            logging.getLogger("ray").setLevel(logging.ERROR)
            maybe_enable_token_auth_if_token_available(warn_if_disabled=False)
        return cls.begin(address or noted or "auto", dashboard=False)

    def end(self) -> None:
        """Use it no longer."""
        global _users, _ours
        with _lock:
            if self._ended:
                return
            self._ended = True
            if self._ours and ray.is_initialized() and _session() == _ours:
                _users -= 1
                if _users == 0:
                    _ours = ""
                    ray.shutdown()


def node_is_ours() -> bool:
    """This process has started the Ray node that it uses, which ends with it."""
    node = getattr(ray._private.worker, "_global_node", None)
    return bool(getattr(node, "all_processes", None))


def node_lost() -> NodeLost | None:
    """An error if the Ray node that this process started has died."""
    node = getattr(ray._private.worker, "_global_node", None)
    if node is None:
        return None
    dead = [name for name, _ in node.dead_processes() if name in ("raylet", "gcs_server")]
    if not dead:
        return None
    return NodeLost(
        f"the Ray node of this process has died (its {' and '.join(dead)})",
        hint="close this runtime and start it again on the same journal: nothing acknowledged is lost.",
    )


def _noted_cluster(name: str) -> str | None:
    """The cluster of this machine that runs an app, where nobody says which is meant; None: nothing is known of one."""
    if ray.is_initialized() or named_cluster() not in (None, "auto"):
        return None
    clusters = sorted({one.cluster for one in running_here() if one.app == name})
    if len(clusters) > 1:
        raise TrunklineError(
            f"app {name!r} runs on several Ray clusters of this machine: {', '.join(clusters)}",
            hint="say which is meant: address=, or RAY_ADDRESS.",
        )
    return clusters[0] if clusters else None


def _that_answers(address: str | None) -> str | None:
    """The address for Ray, which would wait for minutes for a cluster that is gone.

    A cluster that was killed leaves its address behind, in a file that Ray reads when it is told none.

    Raises:
        ConnectionError: nobody listens there.
    """
    named = address if address not in (None, "auto") else named_cluster() or address
    if named is None or named == "auto":
        last = ray._private.utils.read_ray_address(None)
        if last is None or _listens(last):
            return address
        if named is None:
            return "local"
        services: Any = ray._private.services
        if not services.find_gcs_addresses():
            raise ConnectionError(f"no cluster runs here; the last one, at {last}, is gone")
    elif named != "local" and "://" not in named and not _listens(named):
        raise ConnectionError(f"nobody listens at {named}")
    return address


def _listens(address: str) -> bool:
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        return True  # Ray has words of its own for that.
    try:
        socket.create_connection((host, int(port)), CONNECT_TIMEOUT_S).close()
    except OSError:
        return False
    return True


def _remedy(address: str | None, error: BaseException) -> str:
    """What to do about Ray's not starting here, or not letting us in."""
    why: BaseException | None = error
    while why is not None:
        # Ray tells of a refused token in the text of another error.
        if isinstance(why, ray.exceptions.AuthenticationError) or "AuthenticationError" in str(why):
            return (
                "the cluster asks for a token: set RAY_AUTH_MODE=token; "
                "and RAY_AUTH_TOKEN, if the cluster's token is not in ~/.ray/auth_token here."
            )
        why = why.__cause__
    if address is not None:
        return "address= is a cluster's host:port, or 'auto'; leave it out to start Ray here."
    if isinstance(error, ConnectionError):
        return "that is in RAY_ADDRESS: correct it, or unset it, which starts Ray here."
    if isinstance(error, OSError):
        return "Ray keeps its token in ~/.ray: let HOME be a folder that can be written, or set RAY_AUTH_TOKEN."
    return "its own words are above; RAY_ADDRESS says which cluster to use instead."


def _session() -> str:
    node = getattr(ray._private.worker, "_global_node", None)
    return getattr(node, "session_name", "") or "unknown"


def _check_address(address: str | None) -> None:
    if address in (None, "auto"):
        return
    here = ray.get_runtime_context().gcs_address
    if address not in (here, f"ray://{here}"):
        raise TrunklineError(
            f"this process is connected to the Ray cluster at {here} already, not to {address}",
            hint="leave address= out to use that one; or call ray.shutdown() first.",
        )
