"""What users may name is what was decided, and says what it is; errors say what to do, and survive a pickle."""

import ast
import importlib
import inspect
import pickle
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NewType

import pytest

import actors
import actors.testing
import runtime
import runtime.testing
from actors.errors import NotDone, TrunklineError, TurnError, Unknown, WiringError, WiringProblem
from runtime.errors import CodeError, Fenced

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted(p for d in ("actors", "runtime", "apps") for p in (ROOT / d).rglob("*.py"))

ACTORS = {
    *("After", "Aggregate", "App", "At", "Cancel", "Event", "Gateway", "Heartbeat", "cron", "on"),
    # What `self.event` is, the event that stops a chain, how a gateway's call ends, what `App(...)` raises.
    *("ChainHalted", "Envelope", "GaveUp", "NotDone", "TrunklineError", "Unknown", "WiringError"),
}
RUNTIME = {
    *("AsyncRuntime", "Runtime"),
    # What they take for the time.
    *("Clock", "ScaledClock"),
    # What its methods give.
    *("DeadLetter", "EventId", "Recorded"),
    # What its methods raise.
    *("AlreadyRunning", "BadKey", "CodeError", "DrainTimeout", "EventRejected", "JournalError", "JournalFailed"),
    *(
        "JournalFull",
        "JournalLost",
        "JournalMismatch",
        "JournalReadOnly",
        "KeyReused",
        "NodeLost",
        "NotRunning",
        "OutcomeUnknown",
    ),
    *("Overloaded", "RequestTimeout", "StartFailed", "TrunklineError", "Unreachable", "WiringError"),
}
PUBLIC = [
    *((actors, name) for name in sorted(ACTORS)),
    *((runtime, name) for name in sorted(RUNTIME)),
    *((actors.testing, name) for name in ("given", "scenario")),
    *((runtime.testing, name) for name in ("DeadLetter", "End", "Publish", "simulate")),
]


def errors() -> list[type[TrunklineError]]:
    """Every error of Trunkline, also those that only its own parts see."""
    for package in (actors, runtime):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)

    def below(cls: type[TrunklineError]) -> Iterator[type[TrunklineError]]:
        for sub in cls.__subclasses__():
            if sub.__module__.split(".")[0] in ("actors", "runtime"):
                yield sub
            yield from below(sub)

    return sorted({TrunklineError, *below(TrunklineError)}, key=lambda cls: (cls.__module__, cls.__name__))


def sample(cls: type[TrunklineError]) -> TrunklineError:
    """One with everything in it."""
    problem = WiringProblem("TwoOwners", "A has two owners", ("a.py:1", "b.py:2"), hint="let one emit it.")
    if cls is WiringProblem:
        return problem
    if cls is WiringError:
        return WiringError("shop", (problem, problem))
    if cls is Fenced:
        return Fenced((1, 2))
    if cls is CodeError:
        return CodeError("it is not there", module="shop", hint="install it.")
    if issubclass(cls, TurnError):
        return cls("it raised", where="a.py:1", hint="mend it.")
    return cls("it went wrong", hint="do it otherwise.")


ERRORS = [cls for cls in errors() if not cls.__module__.startswith("runtime.simulation")]


def test_what_is_public_is_what_was_decided() -> None:
    assert set(actors.__all__) == ACTORS
    assert set(runtime.__all__) == RUNTIME


@pytest.mark.parametrize("module", [actors, runtime], ids=["actors", "runtime"])
def test_all_of_it_can_be_imported_and_is_listed_once_in_order(module: ModuleType) -> None:
    names = list(module.__all__)

    assert names == sorted(set(names))
    assert all(hasattr(module, name) for name in names)
    assert set(names) <= set(dir(module))


@pytest.mark.parametrize(("module", "name"), PUBLIC, ids=[f"{m.__name__}.{n}" for m, n in PUBLIC])
def test_what_is_public_says_what_it_is(module: ModuleType, name: str) -> None:
    thing = getattr(module, name)
    if isinstance(thing, NewType):
        return

    own = thing.__doc__ or ""

    assert own, f"{name} has no docstring"
    assert not own.startswith(f"{thing.__name__}("), f"{name} has only the docstring that dataclass made"
    if isinstance(thing, type):
        silent = [method for method, function in methods(thing) if not inspect.getdoc(function)]
        assert silent == [], f"methods of {name} without a docstring"


def methods(cls: type) -> Iterator[tuple[str, Any]]:
    """The public ones that it defines itself."""
    for name, thing in vars(cls).items():
        if not name.startswith(("_", "model_")) and (
            inspect.isfunction(thing) or isinstance(thing, (property, classmethod, staticmethod))
        ):
            yield name, getattr(thing, "__func__", thing)


@pytest.mark.parametrize("name", sorted(RUNTIME))
def test_public_exceptions_have_one_base(name: str) -> None:
    thing = getattr(runtime, name)

    if isinstance(thing, type) and issubclass(thing, BaseException):
        assert issubclass(thing, TrunklineError)


def test_a_gateways_two_answers_are_no_errors_of_ours() -> None:
    assert not issubclass(Unknown, TrunklineError)
    assert not issubclass(NotDone, TrunklineError)


@pytest.mark.parametrize("cls", ERRORS, ids=lambda cls: cls.__name__)
def test_an_error_is_the_same_after_a_pickle(cls: type[TrunklineError]) -> None:
    error = sample(cls)
    error.add_note("seen in passing")

    read = pickle.loads(pickle.dumps(error))

    assert type(read) is cls
    assert str(read) == str(error)
    assert read.hint == error.hint
    assert read.args == error.args
    assert read.__notes__ == ["seen in passing"]
    assert {k: str(v) for k, v in vars(read).items()} == {k: str(v) for k, v in vars(error).items()}


@pytest.mark.parametrize("cls", ERRORS, ids=lambda cls: cls.__name__)
def test_an_errors_last_line_says_what_to_do(cls: type[TrunklineError]) -> None:
    assert str(sample(cls)).splitlines()[-1].strip().startswith("fix: ")


def test_no_error_is_made_without_saying_what_to_do() -> None:
    # Those that are told no hint make their own.
    names = {cls.__name__ for cls in ERRORS if "hint" in inspect.signature(cls).parameters}

    silent = [
        f"{path.relative_to(ROOT)}:{call.lineno}: {call.func.id}"
        for path in SOURCES
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in names
        if not any(keyword.arg == "hint" for keyword in call.keywords)
    ]

    assert silent == []
