"""What people give for a class, an event or a key: found in an app's code, or said to be in none."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from actors.aggregate import Aggregate
from actors.app import App
from actors.catalogue import EVERYONE, SAME_NAME, EventPlan, GroupPlan, of_the_same_name, plain_key
from actors.chain import HALTED
from actors.errors import BadKey, EventRejected, TrunklineError
from actors.event import Event, snake_case
from actors.handler import Key
from runtime.core.parking import NOTES


class Names:
    """The names of one app, or of one whose code is not here: then they are taken as they are."""

    def __init__(self, app: App | None) -> None:
        self._app = app
        self._events: Mapping[str, EventPlan] = {} if app is None else app.catalogue.events

    def group(self, cls: type[Aggregate]) -> GroupPlan:
        assert self._app is not None, "who has a class has the code"
        groups = self._app.catalogue.group_of
        group = groups.get(cls)
        if group is None:
            known = ", ".join(sorted(c.__name__ for c in groups)) or "none"
            name = getattr(cls, "__name__", repr(cls))
            if another := self._another(cls, groups):
                raise TrunklineError(another, hint=SAME_NAME)
            raise TrunklineError(
                f"{name} is no aggregate of app {self._app.name!r}",
                hint=f"its aggregates are {known}; give the class itself, as the app was made with.",
            )
        return group

    def address(self, instance: str) -> str:
        """`Class/ID`, or a singleton's class, as it is stored: one that several classes share has the first's name."""
        name, slash, id = instance.partition("/")
        groups = () if self._app is None else self._app.catalogue.groups.values()
        found = (g.name for g in groups for cls in g.classes if name in (cls.__name__, cls.__trunkline__.name))
        return next(found, name) + slash + id

    def types(self, wanted: Iterable[type[Event] | str]) -> frozenset[str]:
        """Wire types; a base class stands for its subclasses, a class's name for its type."""
        names: set[str] = set()
        for one in wanted:
            if not isinstance(one, str | type):
                raise EventRejected(
                    f"{one!r} is no event class and no wire type", hint="give them one by one: tail(First, Second)."
                )
            if isinstance(one, str):
                found = self._of_name(one)
            else:
                found = {name for name, plan in self._events.items() if issubclass(plan.cls, one)}
            if not found:
                assert self._app is not None, "without code every wire type is taken as it is"
                if another := self._another(one, [plan.cls for plan in self._events.values()]):
                    raise EventRejected(another, hint=SAME_NAME)
                raise EventRejected(
                    f"{one if isinstance(one, str) else one.__name__} is no event of app {self._app.name!r}",
                    hint=f"its events are {', '.join(sorted(self._events))}, {', '.join(sorted(NOTES))}.",
                )
            names |= found
        return frozenset(names)

    def _another(self, cls: object, known: Iterable[type]) -> str:
        """What is wrong with a class that is none of the app's, but has the name of one; empty: it has not."""
        assert self._app is not None, "who has a class has the code"
        for own in known:
            if isinstance(cls, type) and cls.__name__ == own.__name__:
                differ = of_the_same_name(cls, own)
                return f"this {cls.__name__} is not the class that app {self._app.name!r} has: {differ}"
        return ""

    def _of_name(self, name: str) -> set[str]:
        if self._app is None:
            # A class is seldom given another wire type than its name makes.
            return {name, snake_case(name)}
        return {name} & (NOTES | set(self._events)) or {
            type for type, plan in self._events.items() if plan.cls.__name__ == name
        }

    def replies(self, wanted: Iterable[type[Event]]) -> frozenset[str]:
        """The wire types of what a request may wait for.

        Raises:
            EventRejected: one of them is an event that nothing leads to.
        """
        found: set[str] = set()
        for one in wanted:
            types = self.types((one,))
            if not any(self._is_emitted(type) for type in types):
                raise EventRejected(
                    f"{one.__name__} can't be the reply to a request: no handler emits it",
                    hint="wait for an event that a handler emits; tail() shows what comes from outside.",
                )
            found |= types
        return frozenset(found)

    def _is_emitted(self, type: str) -> bool:
        # The runtime itself ends a chain that halts.
        return type == HALTED or self._events[type].owner is not None

    def type_of(self, event_type: type[Event] | str) -> str:
        """The wire type of one class, or of its name."""
        names = self.types((event_type,))
        if not isinstance(event_type, str):
            # Its own type alone: a key is not shared with subclasses.
            names = frozenset((event_type.__trunkline__.name,))
        if len(names) > 1:
            raise TrunklineError(
                f"which {event_type}? {' and '.join(sorted(names))} are events of classes of this name",
                hint="give the wire type, or the class.",
            )
        (name,) = names
        return name

    def only_key(self, name: str, key: str) -> str | None:
        """The routing key that all events of a type have; None: some have none.

        Raises:
            TrunklineError: each has its own, so without it there is nothing to be found.
        """
        plan = self._events.get(name)
        if plan is None:
            return None
        agreed = {(of, fixed) for _, of, fixed in plan.routes if of is not None or fixed not in (None, EVERYONE)}
        if len(agreed) != 1:
            return None
        ((of, fixed),) = agreed
        if isinstance(of, str):
            field = plan.cls.model_fields.get(of)
            kind = None if field is None else field.annotation
            # Of others, a list say, an event may have several, and then none.
            if isinstance(kind, type) and issubclass(kind, str | int | UUID):
                raise TrunklineError(
                    f"has() needs a routing key: idempotency keys of {name} count for each {of} on its own",
                    hint=f"has({plan.cls.__name__}, {key!r}, {of}), with the {of} of the event that was published.",
                )
        return fixed


def id_of(key: Key, what: str) -> str:
    """A key as the text that addresses are made of.

    Raises:
        BadKey: it is none.
    """
    text = plain_key(key)
    if text is None:
        raise BadKey(
            f"{key!r} is no key of a {what}: a key is a str, an int or a UUID, not empty, without control characters",
            hint="give the value that its events carry.",
        )
    return text


__all__ = ["Names", "id_of"]
