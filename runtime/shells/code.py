"""The app's code on its way to the processes that run it: by reference where they can import it, by value where not."""

import sys
from hashlib import blake2b
from typing import Any

from ray import cloudpickle

from actors.app import App
from actors.errors import TrunklineError


def dump_app(app: App) -> bytes:
    """The app's bytes. Classes of `__main__`, of notebooks and of functions go by value, with what they name."""
    dumps: Any = cloudpickle.dumps
    code: bytes = dumps(app)
    return code


def load_app(code: bytes, schema_hash: str) -> App:
    """The app of these bytes.

    Raises:
        TrunklineError: its modules can't be imported here, or are not the ones that the app was made from.
    """
    try:
        app = cloudpickle.loads(code)
    except ImportError as error:
        raise TrunklineError(
            f"the app's code can't be imported where it is to run: {error}",
            hint="install it on every node, or start from its folder, or submit it with --working-dir.",
        ) from error
    assert isinstance(app, App)
    here = app.catalogue.schema_hash
    if here != schema_hash:
        raise TrunklineError(
            f"the code of app {app.name!r} differs between driver and host (schema {schema_hash[:12]} and {here[:12]}, "
            f"Python {sys.version.split()[0]})",
            hint="install the same version of the app's modules on every node.",
        )
    return app


def code_hash(code: bytes) -> str:
    return blake2b(code, digest_size=8).hexdigest()
