"""App: classes wired together, checked."""

import sys
from collections.abc import Sequence
from typing import Any

from actors.aggregate import Aggregate
from actors.arguments import check_kinds
from actors.catalogue import Catalogue
from actors.errors import TrunklineError, WiringProblem
from actors.event import Event
from actors.gateway import Gateway
from actors.schedule import Beat, Cron, Schedule
from actors.wiring import Wiring

HEARTBEAT_MIN, HEARTBEAT_MAX = 0.001, 366 * 86_400
"""Seconds."""


class App:
    """A name, and the aggregates and gateways that belong together.

    Hints are read, owners, listeners, routes and cycles are checked here, once.

    Args:
        name: of the app: what `Runtime.attach` finds it by, and the default name of its journal.
        parts: aggregate classes; gateways, as classes or with their settings. Their order is the order in which classes
            that share an instance get an event.
        heartbeat: seconds between two `Heartbeat` events; None: no heartbeat.
        schedules: what `cron(...)` gives.

    Raises:
        WiringError: everything that is wrong with the wiring, in full.
    """

    def __init__(
        self,
        name: str,
        *parts: type[Aggregate] | type[Gateway] | Gateway,
        heartbeat: float | None = None,
        schedules: Sequence[Cron] = (),
    ) -> None:
        if not isinstance(name, str):
            raise TrunklineError(f"App(...) was given {name!r} for its name", hint="App('shop', Wallet, ...).")
        if not name or not name.replace("-", "").replace("_", "").isalnum():
            raise TrunklineError(f"{name!r} can't be an app's name", hint="letters, digits, - and _.")
        check_kinds(f"app {name!r}", heartbeat=heartbeat)
        if heartbeat is not None and not HEARTBEAT_MIN <= heartbeat <= HEARTBEAT_MAX:
            raise TrunklineError(
                f"a heartbeat can't have a period of {heartbeat:g} s: it has one from a millisecond to a year",
                hint="App(..., heartbeat=10) beats every 10 s.",
            )
        if not isinstance(schedules, Sequence) or not all(isinstance(one, Cron) for one in schedules):
            raise TrunklineError(
                f"app {name!r} has schedules={schedules!r}, which is no list of what cron(...) gives",
                hint='App(..., schedules=[cron("0 8 * * *", DailyBoard)]).',
            )
        self.name = name
        self.heartbeat = heartbeat
        self.schedules: tuple[Schedule, ...] = (*((Beat(heartbeat),) if heartbeat else ()), *schedules)
        frame = sys._getframe(1)
        self._aliases: dict[str, str] = {}
        problems: list[WiringProblem] = []
        if not parts and not self.schedules:
            problems.append(
                WiringProblem(
                    "NoParts",
                    f"app {name!r} has no aggregate and no gateway: nothing would come of any event",
                    hint=f"App({name!r}, Wallet, ...).",
                )
            )
        self._wire(tuple(self._part(part, problems) for part in parts), dict(frame.f_locals), problems)

    @classmethod
    def unread(cls, name: str) -> "App":
        """An app of which only the name is known, where its code can't be read."""
        app = cls.__new__(cls)
        app.name, app.heartbeat, app.schedules, app._aliases = name, None, (), {}
        app._wire((), {})
        return app

    def _part(self, part: Any, problems: list[WiringProblem]) -> type[Aggregate] | Gateway:
        if isinstance(part, Gateway):
            return part
        if isinstance(part, type) and issubclass(part, Aggregate) and part is not Aggregate:
            return part
        if isinstance(part, type) and issubclass(part, Gateway) and part is not Gateway:
            try:
                return part()
            except ValueError as error:
                problem = WiringProblem(
                    "MissingSettings",
                    f"{part.__name__} has settings without a default: {error}",
                    (part.__trunkline__.where,),
                    hint=f"App({self.name!r}, ..., {part.__name__}(setting=...)).",
                )
                problems.append(problem)
                return part.model_construct()
        raise TrunklineError(
            f"App({self.name!r}, ...) was given {part!r}, which is no aggregate and no gateway",
            hint="give classes derived from Aggregate, and gateways.",
        )

    def _wire(
        self,
        parts: tuple[type[Aggregate] | Gateway, ...],
        namespace: dict[str, Any],
        problems: Sequence[WiringProblem] = (),
        origins: frozenset[type[Event]] | None = None,
    ) -> None:
        self.parts = parts
        wiring = Wiring(self.name, parts, self.schedules, namespace, self._aliases, problems, origins)
        self.catalogue: Catalogue = wiring.build()

    def using(self, **gateways: Gateway) -> "App":
        """The same app with gateways replaced, by the name of the replaced one: `app.using(Payments=Fake())`.

        Raises:
            TrunklineError: there is no gateway of this name.
            WiringError: the replacement does not fit.
        """
        for said, gateway in gateways.items():
            if not isinstance(gateway, Gateway):
                given = getattr(gateway, "__name__", repr(gateway))
                raise TrunklineError(
                    f"app.using({said}={given}) was given what is no gateway's instance",
                    hint=f"app.using({said}=Fake()), of a class derived from Gateway.",
                )
        parts: list[type[Aggregate] | Gateway] = []
        left = dict(gateways)
        aliases = {}
        for part in self.parts:
            name = part.__trunkline__.name if isinstance(part, Gateway) else ""
            name = self._aliases.get(name, name)
            if name in left:
                part = left.pop(name)
                aliases[part.__trunkline__.name] = name
            parts.append(part)
        if left:
            have = ", ".join(self.catalogue.gateways) or "none"
            raise TrunklineError(
                f"app {self.name!r} has no gateway {', '.join(left)}", hint=f"its gateways are: {have}."
            )
        app = App.__new__(App)
        app.name, app.heartbeat, app.schedules = self.name, self.heartbeat, self.schedules
        app._aliases = self._aliases | aliases
        app._wire(tuple(parts), dict(sys._getframe(1).f_locals))
        return app

    def __getstate__(self) -> dict[str, Any]:
        origins = [plan.cls for plan in self.catalogue.events.values() if plan.origin]
        return {key: value for key, value in self.__dict__.items() if key != "catalogue"} | {"origins": origins}

    def __setstate__(self, state: dict[str, Any]) -> None:
        origins = frozenset(state.pop("origins"))
        self.__dict__.update(state)
        self._wire(self.parts, {}, origins=origins)

    def __repr__(self) -> str:
        names = [*(cls.__name__ for cls in self.catalogue.group_of), *self.catalogue.gateways]
        return f"<App {self.name!r}: {', '.join(names) or 'empty'}>"

    def __str__(self) -> str:
        """The catalogue as a table."""
        from actors.render import table

        return table(self.name, self.catalogue)

    def mermaid(self) -> str:
        """The catalogue as a Mermaid flowchart."""
        from actors.render import mermaid

        return mermaid(self.catalogue)

    def asyncapi(self) -> dict[str, Any]:
        """The catalogue as an AsyncAPI 3 document."""
        from actors.render import asyncapi

        return asyncapi(self.name, self.catalogue)


def expect_app(given: object, by: str) -> None:
    """It is an app that is to be tried.

    Raises:
        TrunklineError: it is something else.
    """
    if not isinstance(given, App):
        raise TrunklineError(
            f"{by}(...) takes an app, and {given!r} is none",
            hint=f"app = App('shop', Wallet, ...), and {by}(app, ...).",
        )
