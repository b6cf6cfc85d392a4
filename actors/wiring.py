"""Build the catalogue, and find every mistake in the wiring before anything runs."""

from collections.abc import Sequence
from typing import Any

from actors.aggregate import Aggregate
from actors.catalogue import Catalogue, EventPlan, GatewayPlan
from actors.cycles import undeclared_cycles
from actors.errors import WiringError, WiringProblem
from actors.event import ChainHalted, Event
from actors.gateway import Gateway
from actors.handler import Handler, handlers_of
from actors.parts import (
    NAME_HINT,
    can_be_name,
    check_arguments,
    check_fields,
    check_handlers,
    check_names,
    check_some_handler,
    read_hints,
)
from actors.problems import Problems
from actors.routes import Routes
from actors.schedule import Heartbeat, Schedule

Part = type[Aggregate] | Gateway


class Wiring:
    """One reading of an app's classes."""

    def __init__(
        self,
        name: str,
        parts: Sequence[Part],
        schedules: Sequence[Schedule],
        namespace: dict[str, Any],
        aliases: dict[str, str],
        problems: Sequence[WiringProblem] = (),
        origins: frozenset[type[Event]] | None = None,
    ) -> None:
        """`origins` are those that the app was first made with, where it is made again: another process may know fewer
        or more subclasses of an event that is listened to.
        """
        self.name = name
        self.aggregates = [p for p in parts if isinstance(p, type)]
        self.gateways = [p for p in parts if isinstance(p, Gateway)]
        self.aliases = aliases
        self.schedules = schedules
        self.origins = origins
        self.namespace = namespace
        self.problems = Problems(problems)
        self.unread = False
        """Some hints can't be read: who emits what is not fully known."""
        self.events: dict[type[Event], EventPlan] = {}

    def build(self) -> Catalogue:
        """The catalogue.

        Raises:
            WiringError: with every problem that was found.
        """
        check_names(self._classes(), self.problems)
        check_fields(self._classes(), self.problems)
        check_some_handler(self._classes(), self.namespace, self.problems)
        for cls in self._classes():
            check_arguments(cls, self.problems)
            check_handlers(cls, self.namespace, self.problems)
        read = [read_hints(cls, self.namespace, self.problems) for cls in self._classes()]
        self.unread = not all(read)
        self._collect_events()
        self._owners()
        gateways = {self._gateway_name(g): GatewayPlan(g, self._gateway_name(g)) for g in self.gateways}
        groups = Routes(self.name, self.aggregates, gateways, self.events, self.problems).groups
        self.problems += undeclared_cycles(self._classes(), self.events)
        if self.problems:
            raise WiringError(self.name, tuple(self.problems))
        return Catalogue({plan.type: plan for plan in self.events.values()}, groups, gateways)

    def _gateway_name(self, gateway: Gateway) -> str:
        """A replacement stands under the name of what it replaces."""
        name = gateway.__trunkline__.name
        return self.aliases.get(name, name)

    def _classes(self) -> list[type[Any]]:
        return [*self.aggregates, *(type(g) for g in self.gateways)]

    # ------------------------------------------------------------ events

    def _emitted(self, cls: type[Any]) -> list[tuple[type[Event], Handler[Any, Any, Any]]]:
        found = []
        for handler in handlers_of(cls).values():
            for hints in (handler.hints, handler.reconcile_hints, handler.failed_hints):
                if hints is not None:
                    found += [(event, handler) for event in (*hints.emits, *hints.after)]
        return found

    def _collect_events(self) -> None:
        classes = self._classes()
        found: dict[type[Event], None] = {}
        heard: list[tuple[type[Event], str, Handler[Any, Any, Any]]] = []
        for cls in classes:
            for event, _ in self._emitted(cls):
                found[event] = None
            for handler in handlers_of(cls).values():
                if handler.hints is not None:
                    heard += [(event, f"{cls.__name__}.{handler.name}", handler) for event in handler.hints.listens]
        named: set[str] = set()
        for schedule in self.schedules:
            found[schedule.event_class] = None
            if schedule.name in named:
                self.problems.add(
                    "SameSchedule",
                    f"there are two schedules {schedule.name!r}",
                    schedule.event_class.__trunkline__.where,
                    hint="leave one out, or give them different fields: cron(..., board='daily').",
                )
            named.add(schedule.name)
        found[ChainHalted] = None
        for event, _, _ in heard:
            # Of `Event` itself there are those of every app in the process; of it, what the app has anyway is heard.
            for kind in (event,) if event is Event else (event, *_subclasses(event)):
                if kind.__trunkline__.origin and (self.origins is None or kind in self.origins):
                    found[kind] = None
        beats = any(schedule.event_class is Heartbeat for schedule in self.schedules)
        for event, who, handler in heard:
            if event is Heartbeat and not beats:
                self.problems.add(
                    "ListenerOfNothing",
                    f"{who} listens to Heartbeat, and the app has none",
                    handler.where,
                    hint=f"App({self.name!r}, ..., heartbeat=10) beats every 10 seconds.",
                )
            elif not self.unread and not any(issubclass(known, event) for known in found):
                self.problems.add(
                    "ListenerOfNothing",
                    f"{who} listens to {event.__name__}, which nobody emits",
                    handler.where,
                    event.__trunkline__.where,
                    hint=f"let a handler emit {event.__name__}, or publish it from outside: "
                    f"class {event.__name__}(Event, origin=True).",
                )
        by_type: dict[str, type[Event]] = {}
        for event in found:
            name = event.__trunkline__.name
            if name in by_type:
                self.problems.add(
                    "SameWireType",
                    f"{by_type[name].__name__} and {event.__name__} are both {name!r} on the wire",
                    by_type[name].__trunkline__.where,
                    event.__trunkline__.where,
                    hint="give one of them another: class X(Event, name='...').",
                )
            by_type[name] = event
            if not can_be_name(name):
                self.problems.add(
                    "BadName", f"{name!r} can't be an event's wire type", event.__trunkline__.where, hint=NAME_HINT
                )
            self.events[event] = EventPlan(event)

    def _owners(self) -> None:
        owners: dict[type[Event], tuple[type[Any], Handler[Any, Any, Any]]] = {}
        for cls in self._classes():
            for event, handler in self._emitted(cls):
                who = f"{cls.__name__}.{handler.name}"
                if event.__trunkline__.origin:
                    self.problems.add(
                        "EmitsOrigin",
                        f"{who} emits {event.__name__}, which comes from outside (origin=True)",
                        handler.where,
                        event.__trunkline__.where,
                        hint="emit an event of its own, or take origin=True away.",
                    )
                    continue
                first = owners.setdefault(event, (cls, handler))
                if first[0] is not cls and not any(
                    p.kind == "TwoOwners" and p.places == (first[1].where, handler.where) for p in self.problems
                ):
                    self.problems.add(
                        "TwoOwners",
                        f"{event.__name__} has two owners, {first[0].__name__}.{first[1].name} and {who}",
                        first[1].where,
                        handler.where,
                        hint="let one of them emit it and the other listen to it.",
                    )
                self.events[event].owner = first[0].__name__
        for cls in self._classes():
            for handler in handlers_of(cls).values():
                own = {e for h in handlers_of(cls).values() if h.hints is not None for e in h.hints.after}
                for event in handler.hints.cancels if handler.hints is not None else ():
                    if event not in own and not self.unread:
                        self.problems.add(
                            "Unowned",
                            f"{cls.__name__}.{handler.name} cancels {event.__name__}, for which {cls.__name__} "
                            "sets no timer",
                            handler.where,
                            event.__trunkline__.where,
                            hint=f"a timer belongs to the class that sets it: return After({event.__name__}(...)) "
                            f"from a handler of {cls.__name__}, or let its owner cancel it.",
                        )


def _subclasses(cls: type[Event]) -> list[type[Event]]:
    found: list[type[Event]] = []
    for sub in cls.__subclasses__():
        found += [sub, *_subclasses(sub)]
    return found
