"""What people name on the command line: events, moments, instances."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from actors.errors import EventRejected
from runtime.core.messages import EVERYWHERE, HOME
from runtime.core.rows import Entry, decode_targets
from runtime.publishing import EventId
from runtime.reading import parsed
from runtime.wire import decode_body

AGO = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
UNITS = {"ms": "milliseconds", "s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class EventIdParam(click.ParamType[EventId]):
    """`partition-position`."""

    name = "event"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> EventId:
        try:
            parsed(str(value))
        except EventRejected as error:
            self.fail(f"{error.message}: {error.hint}", param, ctx)
        return EventId(str(value))


class Since(click.ParamType[datetime | EventId]):
    """A while ago, a moment, or an event."""

    name = "since"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime | EventId:
        text = str(value)
        if ago := AGO.fullmatch(text):
            return datetime.now(UTC) - timedelta(**{UNITS[ago[2]]: float(ago[1])})
        if re.fullmatch(r"\d+-\d+", text):
            return EventId(text)
        try:
            # Without a zone it is this machine's.
            return datetime.fromisoformat(text).astimezone()
        except ValueError:
            self.fail(f"{text!r} is no moment: 10m, 2h, 2026-01-31T12:00, or an event's id.", param, ctx)


def concerns(entry: Entry, address: str) -> bool:
    """Did this instance or gateway hear this event, or emit it?"""
    group = address.partition("/")[0]
    for where, target in decode_targets(entry.targets):
        if target == address or (where == EVERYWHERE and target == group):
            return True
    return decode_body(entry.body).source == address


def hears(entry: Entry, address: str) -> str:
    """How this event comes to an instance: `keyed`, `broadcast`, or not at all."""
    group, _, key = address.partition("/")
    for where, target in decode_targets(entry.targets):
        if target == address and (key or where == HOME):
            return "keyed"
        if where == EVERYWHERE and target == group:
            return "broadcast"
    return ""


__all__ = ["EventIdParam", "Since", "concerns", "hears"]
