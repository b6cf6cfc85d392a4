"""Gateways: the only place for I/O."""

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import ConfigDict

from actors.arguments import check_kinds
from actors.envelope import Envelope
from actors.errors import OutsideTurn
from actors.event import no_such_arguments, place_of_class
from actors.handler import Handler
from actors.model import Model

RESERVED = frozenset({"event", "idempotency_key", "open", "close"})
HOOKS = frozenset({"open", "close"})
"""Of these, what a gateway may define itself."""


@dataclass(frozen=True, slots=True)
class GatewayType:
    """What a class statement said of a gateway."""

    name: str
    concurrency: int
    per_second: float | None
    where: str


@dataclass(frozen=True, slots=True)
class CallContext:
    """The call that a coroutine is making."""

    envelope: Envelope
    idempotency_key: str


current_call: ContextVar[CallContext | None] = ContextVar("trunkline_call", default=None)


class Gateway(Model):
    """Talks to the outside world: its handlers are async, unordered, retried.

    Its fields are settings: given in `App(..., Payments(url=...))`, replaced in tests by `app.using(Payments=Fake())`.
    Clients that are not settings are made in `open` and kept in a private attribute (`_client: Client`).

    Class arguments: `concurrency` (calls at once) and `per_second` (calls started a second), both over the whole app;
    `name` (pins the name over a rename).
    """

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True, ignored_types=(Handler,))
    __trunkline__: ClassVar[GatewayType]

    def __init_subclass__(
        cls, *, concurrency: int = 64, per_second: float | None = None, name: str | None = None, **kwargs: Any
    ) -> None:
        if kwargs:
            raise no_such_arguments(cls, kwargs, ("concurrency", "per_second", "name"))
        super().__init_subclass__()
        where = place_of_class(cls)
        check_kinds(f"class {cls.__name__}", where, name=name, concurrency=concurrency, per_second=per_second)
        cls.__trunkline__ = GatewayType(cls.__name__ if name is None else name, concurrency, per_second, where)

    @property
    def event(self) -> Envelope:
        """The envelope of the event that this call handles."""
        return self._call("event").envelope

    @property
    def idempotency_key(self) -> str:
        """A text without blanks that stays the same over retries and restarts: give it to the outside world."""
        return self._call("idempotency_key").idempotency_key

    def _call(self, what: str) -> CallContext:
        call = current_call.get()
        if call is None:
            raise OutsideTurn(
                f"{type(self).__name__}.{what} was used outside a call", hint=f"use self.{what} in a handler only."
            )
        return call

    async def open(self) -> None:
        """Called once in the process that makes the calls, before the first; in another one after a restart."""

    async def close(self) -> None:
        """Called once, after the last call; not if the process is killed."""
