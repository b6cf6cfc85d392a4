"""Aggregates: deterministic state, one mailbox, one turn at a time."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any, ClassVar, Literal
from uuid import UUID

from pydantic import ConfigDict

from actors.arguments import check_kinds
from actors.envelope import Envelope
from actors.errors import OutsideTurn
from actors.event import Upcasters, no_such_arguments, place_of_class, store_sets_sorted
from actors.handler import Handler, KeyOf
from actors.model import Model

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
RESERVED = frozenset({"id", "now", "random", "event", "new_id", "retire"})


@dataclass(frozen=True, slots=True)
class AggregateType:
    """What a class statement said of an aggregate."""

    name: str
    key: KeyOf | None
    singleton: bool
    shares: "type[Aggregate] | None"
    failures: Literal["hold", "skip"]
    placement: Literal["sharded", "dedicated"] | None
    version: int
    upcasters: Upcasters
    where: str


class TurnContext:
    """What `self.now` and its like come from while a turn runs."""

    __slots__ = ("_envelope", "_made", "_random", "address", "envelope_of", "new_ids", "retired", "time_us")

    def __init__(self, address: str, time_us: int, envelope_of: Callable[[], Envelope]) -> None:
        self.address = address
        self.time_us = time_us
        self.envelope_of = envelope_of
        self.retired = False
        self.new_ids = 0
        self._envelope: Envelope | None = None
        self._random: random.Random | None = None

    def envelope(self) -> Envelope:
        if self._envelope is None:
            self._envelope = self.envelope_of()
        return self._envelope

    def seed(self, purpose: str) -> bytes:
        return blake2b(f"{self.envelope().id}|{self.address}|{purpose}".encode(), digest_size=16).digest()

    def random(self) -> random.Random:
        if self._random is None:
            self._random = random.Random(self.seed("random"))
        return self._random


class Aggregate(Model):
    """State, and handlers that change it. Its fields are the state, each with a default: an instance starts empty.

    Class arguments: `key` (the event field that routes to an instance), `singleton` (there is one instance),
    `shares` (it lives in the memory of another class's instances), `failures` ("hold": after a dead letter later events
    wait; "skip": they go on), `placement` ("dedicated": a Ray actor of its own), `version` and `upcasters` (of the
    state), `name` (pins the stored name over a rename).
    """

    model_config = ConfigDict(extra="forbid", validate_assignment=True, allow_inf_nan=False, ignored_types=(Handler,))
    __slots__ = ("__trunkline_turn__",)
    __trunkline__: ClassVar[AggregateType]

    def __init_subclass__(
        cls,
        *,
        key: KeyOf | None = None,
        singleton: bool = False,
        shares: "type[Aggregate] | None" = None,
        failures: Literal["hold", "skip"] = "hold",
        placement: Literal["sharded", "dedicated"] | None = None,
        version: int = 1,
        name: str | None = None,
        upcasters: Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]] | None = None,
        **kwargs: Any,
    ) -> None:
        if kwargs:
            known = ("key", "singleton", "shares", "failures", "placement", "version", "upcasters", "name")
            raise no_such_arguments(cls, kwargs, known)
        super().__init_subclass__()
        where = place_of_class(cls)
        said = {"key": key, "singleton": singleton, "shares": shares, "name": name}
        check_kinds(f"class {cls.__name__}", where, version=version, upcasters=upcasters, **said)
        cls.__trunkline__ = AggregateType(
            cls.__name__ if name is None else name,
            key,
            singleton,
            shares,
            failures,
            placement,
            version,
            upcasters or {},
            where,
        )

    @classmethod
    def __pydantic_on_complete__(cls) -> None:
        store_sets_sorted(cls)

    def _turn(self, what: str) -> TurnContext:
        held = getattr(self, "__trunkline_turn__", None)
        if isinstance(held, TurnContext):
            return held
        raise OutsideTurn(
            f"{type(self).__name__}.{what} was used where no turn runs",
            hint=f"use self.{what} in a handler only; it comes from the event that is handled.",
        )

    @property
    def id(self) -> str:
        """The instance's key, as text. A singleton's is its class's name."""
        held = getattr(self, "__trunkline_turn__", None)
        address = held.address if isinstance(held, TurnContext) else held
        if address is None:
            raise OutsideTurn(
                f"this {type(self).__name__} is no instance: it has no id",
                hint="instances come from rt.get(...), or are `self` in a handler.",
            )
        return str(address).partition("/")[2]

    @property
    def now(self) -> datetime:
        """The event's time, UTC. Not the time of day: an event may be handled long after it happened."""
        return EPOCH + timedelta(microseconds=self._turn("now").time_us)

    @property
    def random(self) -> random.Random:
        """Random numbers that are the same whenever this event is handled by this instance."""
        return self._turn("random").random()

    @property
    def event(self) -> Envelope:
        """The envelope of the event that is handled."""
        return self._turn("event").envelope()

    def new_id(self) -> str:
        """A new unique id (UUID text), the same whenever this event is handled by this instance."""
        turn = self._turn("new_id")
        turn.new_ids += 1
        return str(UUID(bytes=turn.seed(f"id {turn.new_ids}"), version=4))

    def retire(self) -> None:
        """End this instance with this turn: its state is emptied, its timers are cancelled.

        A later event with its key begins it anew.
        """
        self._turn("retire").retired = True
