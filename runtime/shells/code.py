"""The app's code on its way to the processes that run it: by reference where they can import it, by value where not.

Only they know what they can import: Ray gives workers the driver's working directory and its script's folder, but not
what a notebook or a test runner has added to `sys.path`. So the code is tried by reference, and a module of the user's
that a process did not find goes by value the next time.

The bytes are kept in the cluster's own store, and actors are told their name: what an actor is given is kept by the
process that gave it if it is above 100 KB, and a supervisor must be able to start again when its driver has long ended.
"""

import sys
import sysconfig
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from types import ModuleType
from typing import Any

from ray import cloudpickle
from ray.experimental import internal_kv

from actors.app import App
from runtime.errors import CodeError

_STORE = b"trunkline"


def dump_app(app: App, by_value: frozenset[str] = frozenset()) -> bytes:
    """The app's bytes. Classes of `__main__`, of notebooks and of functions go by value, with what they name.

    So does what is in the modules `by_value`, and in those below them.

    Raises:
        CodeError: it names something that can't be sent.
    """
    dumps: Any = cloudpickle.dumps
    try:
        with _registered(by_value):
            code: bytes = dumps(app)
    except Exception as error:
        # Whatever the objects that it names say when they are asked for their content.
        raise CodeError(
            f"{_culprit(app, by_value)} of app {app.name!r} can't be sent to the processes that are to run it: {error}",
            hint="it names a lock, file or connection of this process: make that in a gateway's open(); "
            "or put the app in a module, which is imported there.",
        ) from error
    return code


def _culprit(app: App, by_value: frozenset[str]) -> str:
    """The first part that can't be sent."""
    dumps: Any = cloudpickle.dumps
    for part in app.parts:
        try:
            with _registered(by_value):
                dumps(part)
        except Exception:
            return part.__trunkline__.name
    return "the code"


def load_app(code: bytes, schema_hash: str) -> App:
    """The app of these bytes.

    Raises:
        CodeError: its modules can't be imported here, or are not the ones that the app was made from.
    """
    try:
        app = cloudpickle.loads(code)
    except ModuleNotFoundError as error:
        raise CodeError(
            f"the app's code can't be imported where it is to run: {error}",
            module=error.name or "",
            hint="install it on every node, or start from its folder, or submit it with --working-dir.",
        ) from error
    except Exception as error:
        # Whatever a module does while it is imported. Tracebacks do not travel; the place does.
        at = traceback.extract_tb(error.__traceback__)[-1]
        where = f"\n  at {at.filename}:{at.lineno}" if at.filename != __file__ else ""
        raise CodeError(
            f"the app's code can't be loaded where it is to run: {type(error).__name__}: {error}{where}\n"
            "  Either its modules differ between driver and host, or they can only be imported in the driver.",
            hint="install the same version of the app's modules on every node; start again after editing them.",
        ) from error
    assert isinstance(app, App)
    here = app.catalogue.schema_hash
    if here != schema_hash:
        raise CodeError(
            f"the code of app {app.name!r} differs between driver and host (schema {schema_hash[:12]} and {here[:12]}, "
            f"Python {sys.version.split()[0]})",
            hint="install the same version of the app's modules on every node; start again after editing them.",
        )
    return app


def keep_code(app: str, code: bytes) -> str:
    """Keep an app's bytes in the cluster, for as long as it stands; their name."""
    name = f"{app}-{blake2b(code, digest_size=8).hexdigest()}"
    put: Any = internal_kv._internal_kv_put
    put(name, code, namespace=_STORE)
    return name


def kept_code(name: str) -> bytes:
    """The bytes of this name.

    Raises:
        CodeError: the cluster has them no longer.
    """
    get: Any = internal_kv._internal_kv_get
    code: bytes | None = get(name, namespace=_STORE)
    if code is None:
        raise CodeError(
            f"the app's code ({name}) is no longer kept in this Ray cluster",
            hint="start the app again on the same journal: nothing acknowledged is lost.",
        )
    return code


def forget_code(name: str) -> None:
    delete: Any = internal_kv._internal_kv_del
    delete(name, namespace=_STORE)


def can_go_by_value(module: str) -> bool:
    """Is this a module of the user's? A library is to be installed where it is used, as one with state in C must be."""
    file = getattr(sys.modules.get(module), "__file__", None)
    path = getattr(sys.modules.get(module), "__path__", None)
    places = [file] if file else list(path or ())
    libraries = [Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    return bool(places) and not any(Path(p).resolve().is_relative_to(lib) for p in places for lib in libraries)


@contextmanager
def _registered(names: frozenset[str]) -> Iterator[None]:
    """Have modules pickled by value; what the user has registered stays so."""
    pickling: Any = cloudpickle
    before = pickling.list_registry_pickle_by_value()
    modules: list[ModuleType] = [sys.modules[name] for name in names if name not in before]
    for module in modules:
        pickling.register_pickle_by_value(module)
    try:
        yield
    finally:
        for module in modules:
            pickling.unregister_pickle_by_value(module)
