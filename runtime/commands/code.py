"""An app named by its code: `module:app`."""

import importlib
import sys
import traceback
from pathlib import Path
from typing import Any

import click

from actors.app import App
from actors.errors import TrunklineError


class Code(click.ParamType[App]):
    """`module:app`, imported from this folder or from what is installed."""

    name = "module:app"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> App:
        if isinstance(value, App):
            return value
        return load(str(value))


def load(text: str) -> App:
    """The app of `module:app`; a function without parameters is called.

    Raises:
        UsageError: there is no such module, or no such app in it.
        TrunklineError: the module raised what follows.
    """
    module_name, _, path = text.partition(":")
    if not module_name or not path:
        raise click.UsageError(f"{text!r} names no app: it is said as module:app, as in shop.app:app.")
    found = _module(module_name)
    for name in path.split("."):
        if not hasattr(found, name):
            apps = [name for name, value in vars(sys.modules[module_name]).items() if isinstance(value, App)]
            known = f"its apps are {', '.join(apps)}" if apps else "it has no app"
            raise click.UsageError(f"module {module_name!r} has no {path!r}: {known}.")
        found = getattr(found, name)
    if callable(found) and not isinstance(found, type):
        found = _called(found, text)
    if not isinstance(found, App):
        kind = "class" if isinstance(found, type) else type(found).__name__
        raise click.UsageError(f"{text} is no App but a {kind}.")
    return found


def import_from_here() -> str:
    """Have modules of the working directory found, as `python -m` does: a script has its own folder there instead."""
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    return folder


def _module(name: str) -> Any:
    folder = import_from_here()
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(error.name + ".")):
            raise click.UsageError(f"there is no module {error.name!r}, in {folder} or installed.") from error
        raise _raised(name, error) from error
    except TrunklineError:
        raise
    except Exception as error:
        raise _raised(name, error) from error


def _called(make: Any, text: str) -> Any:
    try:
        return make()
    except TrunklineError:
        raise
    except Exception as error:
        raise _raised(text, error) from error


def _raised(what: str, error: Exception) -> TrunklineError:
    """What the user's code raised, with its place: a stack would show mostly our own."""
    at = traceback.extract_tb(error.__traceback__)[-1]
    return TrunklineError(
        f"{what} can't be loaded: {type(error).__name__}: {error}\n  at {at.filename}:{at.lineno}",
        hint="mend it, or run this where it can be imported.",
    )


__all__ = ["Code", "import_from_here", "load"]
