"""`@on`: a method that listens to events."""

import sys
from collections.abc import Awaitable, Callable, Iterable
from inspect import CO_OPTIMIZED
from types import CodeType, FrameType, FunctionType
from typing import Any, Generic, TypeVar, overload
from uuid import UUID

from actors.arguments import check_kinds
from actors.errors import GaveUp, TrunklineError
from actors.event import Event
from actors.hints import Hints

S = TypeVar("S")
E = TypeVar("E", bound=Event)
R = TypeVar("R")
T = TypeVar("T")

Key = str | int | UUID
KeyOf = str | Callable[[Any], Key | Iterable[Key]]
"""A field's name, or a function of the event that gives a key or several."""

RETRIES = 3
TIMEOUT = 30.0


class Handler(Generic[S, E, R]):
    """A handler: the function, what `@on` said of it, and where it stands. Its hints are read by `App`."""

    def __init__(
        self,
        function: Callable[[S, E], R],
        *,
        key: KeyOf | None = None,
        max_hops: int | None = None,
        retries: int | None = None,
        timeout: float | None = None,
        idempotent: bool | None = None,
        namespace: dict[str, Any] | None = None,
        hides: str = "",
    ) -> None:
        self.function = function
        self.key = key
        self.max_hops = max_hops
        self.retries = RETRIES if retries is None else retries
        self.timeout = TIMEOUT if timeout is None else timeout
        self.idempotent = bool(idempotent)
        self.says_how_to_call = (retries, timeout, idempotent) != (None, None, None)
        """As only a gateway's can: also if it says what holds anyway."""
        self.reconciler: Callable[..., Any] | None = None
        self.giving_up: Callable[..., Any] | None = None
        self.hints: Hints | None = None
        """As App read them. Kept, so that a class sent by value needs no names of its origin."""
        self.reconcile_hints: Hints | None = None
        self.failed_hints: Hints | None = None
        self.namespace = namespace or {}
        self.hides = hides
        """file:line of a handler of the same name that stood above it in the class, and is lost."""
        self.name = getattr(function, "__name__", "handler")
        self.__doc__ = function.__doc__

    @property
    def where(self) -> str:
        """file:line of the function."""
        return place_of(self.function)

    @overload
    def __get__(self, instance: None, owner: type[Any]) -> "Handler[S, E, R]": ...
    @overload
    def __get__(self, instance: S, owner: type[Any] | None = None) -> Callable[[E], R]: ...
    def __get__(self, instance: S | None, owner: type[Any] | None = None) -> Any:
        if instance is None:
            return self
        return self.function.__get__(instance, owner)

    def reconcile(self, function: Callable[[S, E], Awaitable[T]]) -> Callable[[S, E], Awaitable[T]]:
        """Decorates the gateway's method that finds out what became of a call whose outcome is unknown.

        It is async and takes the event. It gives the answer that the handler would have given; raises `NotDone` when
        the call did not take effect (it counts as failed, and is repeated while retries are left); raises `Unknown`, or
        anything else, when it can't tell yet (it is asked again).
        """
        self.reconciler = function
        return function

    def failed(self, function: Callable[[S, E, GaveUp], Awaitable[T]]) -> Callable[[S, E, GaveUp], Awaitable[T]]:
        """Decorates the gateway's method that turns an event and the error into an owned event, after giving up.

        It is async and takes the event and a `GaveUp`, which says how the last call ended.
        """
        self.giving_up = function
        return function

    def __getstate__(self) -> dict[str, Any]:
        # The names of the defining function served their purpose when the hints were read.
        return self.__dict__ | {"namespace": {}}


def place_of(function: Callable[..., Any]) -> str:
    """file:line of a function."""
    code = function.__code__
    return f"{code.co_filename}:{code.co_firstlineno}"


@overload
def on(function: Callable[[S, E], R], /) -> Handler[S, E, R]: ...
@overload
def on(
    *,
    key: KeyOf | None = None,
    max_hops: int | None = None,
    retries: int = RETRIES,
    timeout: float = TIMEOUT,
    idempotent: bool = False,
) -> Callable[[Callable[[S, E], R]], Handler[S, E, R]]: ...
def on(
    function: Callable[[S, E], R] | None = None,
    /,
    *,
    key: KeyOf | None = None,
    max_hops: int | None = None,
    retries: int | None = None,
    timeout: float | None = None,
    idempotent: bool | None = None,
) -> Any:
    """Make a method a handler: its parameter's hint is what it listens to, its return hint what it emits.

    It listens to an event class, with its subclasses, or to a union of several. It returns None, an event, an `After`
    or `Cancel` (of a gateway: an `At`), as its hint says: `-> None`, `-> X`, `-> X | After[Y] | None`. One that emits
    several yields them: `-> Iterator[X | After[Y]]`. (A gateway's, being async, returns a list: `-> Iterable[X]`.)

    Args:
        key: which instance an event goes to, where it is another than the class's key: a field's name, or a function of
            the event that gives a key or several.
        max_hops: declares a cycle in the wiring that passes through this handler, and its bound.
        retries: of a gateway: attempts after the first; 3.
        timeout: of a gateway: seconds after which a call's outcome is unknown; 30.
        idempotent: of a gateway: a call with an unknown outcome may simply be repeated.
    """
    if function is not None and not isinstance(function, FunctionType):
        said = getattr(function, "__name__", repr(function))
        raise TrunklineError(
            f"@on({said}) was given what is no method: the hint says what a handler listens to",
            hint=f"@on, and below it: def handler(self, event: {said}) -> None: ...",
        )
    said_of_it = {"key": key, "max_hops": max_hops, "retries": retries, "timeout": timeout, "idempotent": idempotent}
    frame = sys._getframe(1)
    namespace = _around(frame.f_back)
    above = frame.f_locals

    def decorate(f: Callable[[S, E], R]) -> Handler[S, E, R]:
        if not isinstance(f, FunctionType):
            raise TrunklineError(
                f"@on(...) stands above {f!r}, which is no method",
                hint="@on(...), and right below it: def handler(self, event: SomeEvent) -> None: ...",
            )
        check_kinds(f.__qualname__.rpartition("<locals>.")[2], place_of(f), **said_of_it)
        hidden = above.get(f.__name__)
        return Handler(
            f,
            key=key,
            max_hops=max_hops,
            retries=retries,
            timeout=timeout,
            idempotent=idempotent,
            namespace=namespace,
            hides=hidden.where if isinstance(hidden, Handler) else "",
        )

    return decorate if function is None else decorate(function)


def _around(frame: FrameType | None) -> dict[str, Any]:
    """What hints in a class body may name besides its module: locals of the classes and function that it stands in."""
    names: dict[str, Any] = {}
    while frame is not None and frame.f_locals is not frame.f_globals:
        names = frame.f_locals | names
        if frame.f_code.co_flags & CO_OPTIMIZED:
            break  # A function; what called it is another place.
        frame = frame.f_back
    return names


def handlers_of(cls: type[Any]) -> dict[str, Handler[Any, Any, Any]]:
    """A class's handlers by method name, those of its bases included; what overrides a handler replaces it."""
    found: dict[str, Handler[Any, Any, Any]] = {}
    for base in reversed(cls.__mro__):
        for name, value in vars(base).items():
            if isinstance(value, Handler):
                found[name] = value
            else:
                found.pop(name, None)
    return found


def unfilled(function: Callable[..., Any], given: int = 2) -> list[str]:
    """The parameters that need a value and get none where the first are given: `self` and the event."""
    code = function.__code__
    count = code.co_argcount
    positional = code.co_varnames[given : max(given, count - len(function.__defaults__ or ()))]
    named = code.co_varnames[count : count + code.co_kwonlyargcount]
    return [*positional, *(name for name in named if name not in (function.__kwdefaults__ or {}))]


def uncalled(cls: type[Any]) -> Iterable[tuple[str, Callable[..., Any]]]:
    """A class's public methods that are no handlers, and that no other of its methods names: what calls them?"""
    methods = {name: _function(value) for base in reversed(cls.__mro__) for name, value in vars(base).items()}
    handlers = handlers_of(cls)
    own = {f for handler in handlers.values() for f in (handler.reconciler, handler.giving_up)}
    for name, method in methods.items():
        if method is None or name.startswith("_") or method in own or name in handlers:
            continue
        others = (f for f in methods.values() if f is not None and f is not method)
        if not any(name in names_in(f.__code__) for f in others):
            yield name, method


def _function(value: object) -> FunctionType | None:
    value = value.function if isinstance(value, Handler) else value
    return value if isinstance(value, FunctionType) else None


def names_in(code: CodeType) -> list[str]:
    """The names that code uses, that of its comprehensions and inner functions included."""
    return [*code.co_names, *(name for c in code.co_consts if isinstance(c, CodeType) for name in names_in(c))]
