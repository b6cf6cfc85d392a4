"""A turn: an instance's state and an event in; events, timers and the new state out. The one implementation there is.

A turn leaves no trace unless it goes through: after a failure the objects are made anew from the last good bytes. It is
deterministic: a handler sees its state, its event, and what derives from them.
"""

import warnings
from collections.abc import Callable, Iterable
from types import GeneratorType
from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json, to_json

from actors.aggregate import Aggregate, TurnContext
from actors.catalogue import EventPlan, GroupPlan, HandlerPlan, Route
from actors.envelope import Envelope, EnvelopeUnavailable
from actors.errors import (
    EventRejected,
    HandlerFailed,
    LargeState,
    StateNotRoundTrip,
    StateTooLarge,
    TrunklineError,
    TurnError,
    UnexpectedEmission,
)
from actors.event import Event, check_size, encode_event, upcast
from actors.timer import After, Cancel

VERSION = "__version__"
CHECK_ALL_BELOW = 4096
"""Bytes: the state is read back and compared after every turn below this size, after every 16th above it."""
CHECK_EVERY = 16
STATE_LARGE = 64 << 10
"""Bytes of a state from which a class is warned of, once in a process."""
STATE_MAX = 1 << 20


class Emitted:
    """An event that a turn, or a gateway, emitted."""

    __slots__ = ("data", "emitter", "event", "max_hops", "plan", "targets", "time_us")

    def __init__(
        self,
        plan: EventPlan,
        event: Event,
        targets: tuple[Route, ...],
        emitter: str,
        max_hops: int | None,
        time_us: int | None = None,
    ) -> None:
        self.plan = plan
        self.event = event
        self.data = encode_event(event)
        check_size(event, self.data)
        self.targets = targets
        self.emitter = emitter
        self.max_hops = max_hops
        self.time_us = time_us
        """Stated by a gateway; None: not stated."""


class TimerSet:
    """A timer that a turn set: `emitted` is to happen `delay_us` after the turn's time."""

    __slots__ = ("delay_us", "emitted", "name")

    def __init__(self, emitted: Emitted, delay_us: int, name: str) -> None:
        self.emitted = emitted
        self.delay_us = delay_us
        self.name = name


class TimerCancel:
    """A timer that a turn cancelled."""

    __slots__ = ("name", "type")

    def __init__(self, type: str, name: str) -> None:
        self.type = type
        self.name = name


class TurnResult:
    """What a turn led to."""

    __slots__ = ("changed", "emitted", "retired", "state", "timers")

    def __init__(self) -> None:
        self.emitted: list[Emitted] = []
        self.timers: list[TimerSet | TimerCancel] = []
        self.changed = False
        self.state: bytes | None = None
        """The new state, if it changed; None if it did not, or was emptied."""
        self.retired = False


class Instance:
    """One instance in memory: its objects, and its state as last stored."""

    __slots__ = ("_extra", "_objects", "_turns", "address", "group", "state")

    def __init__(self, group: GroupPlan, id: str, state: bytes | None) -> None:
        self.group = group
        self.address = f"{group.name}/{id}"
        self.state = state
        """The last good bytes; None: empty."""
        self._extra: dict[str, Any] | None = None
        """Stored fields that no class knows: kept, and written back."""
        self._turns = 0
        self._objects = self._read(state)

    def objects(self) -> tuple[Aggregate, ...]:
        """The instance as each class of its group sees it."""
        return self._objects

    def run(self, plan: EventPlan, event: Event, time_us: int, envelope: Callable[[], Envelope]) -> TurnResult:
        """Run one turn: every handler of the group that listens, in App's order.

        Raises:
            TurnError: it did not go through; nothing has changed.
            EnvelopeUnavailable: a handler asked for what the event does not have yet; nothing has changed.
        """
        context = TurnContext(self.address, time_us, envelope)
        result = TurnResult()
        objects = self._objects
        try:
            for index, handler in self.group.handlers(plan.type):
                target = objects[index]
                object.__setattr__(target, "__trunkline_turn__", context)
                try:
                    self._call(handler, target, event, result)
                finally:
                    object.__setattr__(target, "__trunkline_turn__", self.address)
                if len(objects) > 1:
                    self._share_from(index)
            if context.retired:
                result.retired = True
                result.changed = self.state is not None
                # Those that it has set now are cancelled with those that it had.
                result.timers.clear()
                self._extra = None
                self.state = None
                self._objects = self._read(None)
            else:
                self._keep(plan, result)
        except BaseException:
            self._objects = self._read(self.state)
            raise
        return result

    # ------------------------------------------------------------ handlers

    def _call(self, handler: HandlerPlan, target: Aggregate, event: Event, result: TurnResult) -> None:
        try:
            returned = handler.fn(target, event)
            if returned is None:
                return
            if handler.iterates:
                if type(returned) is not GeneratorType:
                    check_several(handler.name, handler.where, returned, "return a list, or yield it")
                for one in returned:
                    if one is not None:
                        self._emit(handler, one, event, result)
            else:
                self._emit(handler, returned, event, result)
        except (TurnError, EnvelopeUnavailable):
            raise
        except (Exception, SystemExit, GeneratorExit) as error:
            # A handler may not end its host; what is left of BaseException is not the handler's to raise: Ctrl-C.
            said = f"{type(error).__name__}: {error}"
            raise HandlerFailed(
                f"{handler.name} raised {said} while {self.address} handled {type(event).__name__}",
                where=handler.where,
                hint="mend the handler and retry the dead letter, or skip it.",
            ) from error

    def _emit(self, handler: HandlerPlan, one: Any, event: Event, result: TurnResult) -> None:
        if isinstance(one, Event):
            plan = handler.allowed("emits", type(one))
            if plan is not None:
                result.emitted.append(Emitted(plan, one, plan.targets(one), handler.name, handler.max_hops))
                return
        elif isinstance(one, After) and isinstance(one.event, Event):
            plan = handler.allowed("after", type(one.event))
            if plan is not None:
                emitted = Emitted(plan, one.event, plan.targets(one.event), handler.name, handler.max_hops)
                result.timers.append(TimerSet(emitted, one.delay_us, one.name))
                return
        elif isinstance(one, Cancel):
            plan = handler.allowed("cancels", one.event_class)
            if plan is not None:
                result.timers.append(TimerCancel(plan.type, one.name))
                return
        raise unexpected(handler.name, handler.where, one, event, self.address)

    # ------------------------------------------------------------ state

    def _keep(self, plan: EventPlan, result: TurnResult) -> None:
        """Make the new state good, if it differs and would survive being stored."""
        try:
            state = self._dump()
        except ValueError as error:
            raise self._lost(plan, self._unwritable(error)) from None
        before = self.state
        if before is None:
            if self.group.defaults is None:
                empty = Instance.__new__(Instance)
                empty.group, empty.address, empty.state, empty._extra, empty._turns = self.group, "", None, None, 0
                empty._objects = empty._read(None)
                self.group.defaults = empty._dump()
            before = self.group.defaults
        self._turns += 1
        if len(state) < CHECK_ALL_BELOW or self._turns % CHECK_EVERY == 0:
            # Also where nothing seems to have changed: what is lost by being stored would not be seen in the bytes.
            self._check(plan, state)
        if state == before:
            return
        if len(state) > STATE_LARGE:
            self._weigh(len(state))
        self.state = state
        result.changed = True
        result.state = state

    def _weigh(self, size: int) -> None:
        name = self.group.name
        hint = f"keep less in {name}: split it over more instances, or let old entries go."
        if size > STATE_MAX:
            raise StateTooLarge(
                f"the state of {self.address} has {size:,} bytes; the limit is {STATE_MAX:,}",
                where=self.group.classes[0].__trunkline__.where,
                hint=hint,
            )
        if not self.group.warned:
            self.group.warned = True
            warnings.warn(
                f"the state of {self.address} has {size:,} bytes, and is written whole with each change; above "
                f"{STATE_MAX:,} it is refused\n  fix: {hint}",
                LargeState,
                stacklevel=1,
            )

    def _check(self, plan: EventPlan, state: bytes) -> None:
        try:
            if self.group.plain and self._extra is None:
                target = self._objects[0]
                again: Any = type(target).__pydantic_validator__.validate_json(state)
                if again.__dict__ == target.__dict__:
                    return
                pairs = [(target, again)]
            else:
                kept = self._extra
                pairs = list(zip(self._objects, self._read(state), strict=True))
                self._extra = kept
                if all(a.__dict__ == b.__dict__ for a, b in pairs):
                    return
            field, value, back = next(
                (f"{type(a).__name__}.{name}", a.__dict__[name], b.__dict__.get(name, "nothing"))
                for a, b in pairs
                for name in a.__dict__
                if name not in b.__dict__ or a.__dict__[name] != b.__dict__[name]
            )
            said = f"{field} is {value!r}, and would be read back as {back!r}"
        except (ValidationError, TrunklineError) as error:
            said = f"it can't be read back: {error}"
        raise self._lost(plan, said)

    def _unwritable(self, error: ValueError) -> str:
        """Which field it is that can't be written: pydantic says no more than what it met there."""
        for one in self._objects:
            for name in type(one).__pydantic_fields__:
                try:
                    type(one).__pydantic_serializer__.to_json(one, include={name}, warnings=False)
                except ValueError as why:
                    return f"{type(one).__name__}.{name} is {one.__dict__[name]!r}, and can't be written: {why}"
        return f"it can't be written: {error}"

    def _lost(self, plan: EventPlan, said: str) -> StateNotRoundTrip:
        by = " and ".join(handler.where for _, handler in self.group.handlers(plan.type))
        return StateNotRoundTrip(
            f"the state of {self.address} does not survive being stored: {said}, after {by} handled "
            f"{plan.cls.__name__}",
            where=type(self._objects[0]).__trunkline__.where,
            hint="assign values of the field's own type, and no subclasses of it.",
        )

    def _dump(self) -> bytes:
        if self.group.plain and self._extra is None:
            target = self._objects[0]
            return type(target).__pydantic_serializer__.to_json(target, warnings=False)
        merged: dict[str, Any] = dict(self._extra or {})
        for target in self._objects:
            merged.update(type(target).__pydantic_serializer__.to_python(target, mode="json", warnings=False))
            version = type(target).__trunkline__.version
            if version != 1:
                merged[self._version_key(type(target))] = version
        # In the order of the fields, and nothing sorted below: a handler may go over a dict in its order.
        return to_json(merged)

    def _read(self, state: bytes | None) -> tuple[Aggregate, ...]:
        classes = self.group.classes
        made: tuple[Aggregate, ...]
        if state is None:
            made = tuple(cls() for cls in classes)
        elif self.group.plain and self._extra is None:
            try:
                made = (classes[0].__pydantic_validator__.validate_json(state),)
            except ValidationError:
                made = self._read_by_field(state)
        else:
            made = self._read_by_field(state)
        for one in made:
            object.__setattr__(one, "__trunkline_turn__", self.address)
        return made

    def _read_by_field(self, state: bytes) -> tuple[Aggregate, ...]:
        stored: dict[str, Any] = from_json(state)
        known: set[str] = set()
        made = []
        for cls in self.group.classes:
            info = cls.__trunkline__
            key = self._version_key(cls)
            version = stored.get(key, 1)
            known.add(key)
            fields = stored
            if version != info.version:
                try:
                    fields = upcast(dict(stored), version, info.version, info.upcasters, cls.__name__)
                except EventRejected as error:
                    raise TurnError(
                        f"the stored state of {self.address} can't be read: {error.message}",
                        where=info.where,
                        hint=error.hint,
                    ) from error
                known |= set(stored) - set(fields)
            mine = {name: fields[name] for name in cls.__pydantic_fields__ if name in fields}
            known |= mine.keys()
            try:
                made.append(cls.__pydantic_validator__.validate_json(to_json(mine)))
            except ValidationError as error:
                raise TurnError(
                    f"the stored state of {self.address} is no {cls.__name__}: {error}",
                    where=info.where,
                    hint=f"give {cls.__name__} a higher version and an upcaster from {version}.",
                ) from error
        self._extra = {name: value for name, value in stored.items() if name not in known} or None
        return tuple(made)

    def _version_key(self, cls: type[Aggregate]) -> str:
        """Where a class's version stands in the stored state, whatever its place in the app."""
        name = cls.__trunkline__.name
        return VERSION if name == self.group.name else f"{VERSION}:{name}"

    def _share_from(self, index: int) -> None:
        """After a class's handlers: what it wrote into fields that others have, too."""
        source = self._objects[index].__dict__
        for position, other in enumerate(self._objects):
            if position != index:
                for name in other.__dict__:
                    if name in source:
                        other.__dict__[name] = source[name]


def unexpected(name: str, where: str, one: Any, event: Event, address: str) -> UnexpectedEmission:
    """The error for something that a return hint does not name."""
    hint = "add it to the return hint, or don't return it."
    if isinstance(one, list | tuple):
        hint = "say in the return hint that it gives several: -> Iterator[X] or -> Iterable[X]."
    return UnexpectedEmission(
        f"{name} returned {one!r}, which its return hint does not name, while {address} handled {type(event).__name__}",
        where=where,
        hint=hint,
    )


def check_several(name: str, where: str, returned: Any, right: str) -> None:
    """What is to be gone over holds what was emitted: an event does not, and would give its fields.

    Raises:
        UnexpectedEmission: it is one thing.
    """
    if isinstance(returned, Event) or not isinstance(returned, Iterable):
        raise UnexpectedEmission(
            f"{name} returned {returned!r}, and its return hint says that it gives several",
            where=where,
            hint=f"{right}; or leave Iterator[...] or Iterable[...] out of the hint.",
        )
