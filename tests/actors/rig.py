"""One instance of one app, a turn at a time: what the runtime's hosts do, without the hosts."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from actors import Aggregate, App, Envelope, Event
from actors.aggregate import EPOCH
from actors.turn import Instance, TurnResult

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def envelope(id: str = "0-1", time: datetime = NOON) -> Envelope:
    """An envelope with this id."""
    return Envelope(id, "client", "", "", time, "", id.partition("-")[2], "", id, "", 0, "")


class Rig:
    """The instance that the first of these classes has under an id."""

    def __init__(self, *classes: type[Aggregate], id: str = "ada", state: object = None) -> None:
        self.app = App("test", *classes)
        self.group = self.app.catalogue.group_of[classes[0]]
        data = None if state is None else json.dumps(state, separators=(",", ":")).encode()
        self.instance = Instance(self.group, id, data)

    def turn(self, event: Event, *, id: str = "0-1", time: datetime = NOON) -> TurnResult:
        """Handle one event."""
        plan = self.app.catalogue.plan(event)
        time_us = (time - EPOCH) // timedelta(microseconds=1)
        return self.instance.run(plan, event, time_us, lambda: envelope(id, time))

    @property
    def state(self) -> Any:
        """The instance as the first of its classes sees it."""
        return self.instance.objects()[0]

    @property
    def stored(self) -> Any:
        """What is stored of it, as JSON; None: it is empty."""
        return None if self.instance.state is None else json.loads(self.instance.state)
