"""What class statements, `@on` and their like may be given: a wrong kind is told where it stands.

It is told at once: a journal that was written with `version="2"` could not be read again by any code.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from actors.errors import TrunklineError, WiringProblem


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _number(value: Any) -> bool:
    return isinstance(value, float) or _whole(value)


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _key(value: Any) -> bool:
    return isinstance(value, str) or callable(value)


def _aggregate(value: Any) -> bool:
    return isinstance(value, type) and hasattr(getattr(value, "__trunkline__", None), "shares")


def _version(value: Any) -> bool:
    return _whole(value) and value >= 1


def _upcasters(value: Any) -> bool:
    return isinstance(value, Mapping) and all(_version(n) and callable(f) for n, f in value.items())


KINDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "version": (_version, "a whole number from 1 on: version=2."),
    "upcasters": (_upcasters, "a function for each version that it brings up to the next: upcasters={1: from_1_to_2}."),
    "origin": (_flag, "origin=True, or leave it out."),
    "broadcast": (_flag, "broadcast=True, or leave it out."),
    "singleton": (_flag, "singleton=True, or leave it out."),
    "idempotent": (_flag, "idempotent=True, or leave it out."),
    "name": (_text, "a text: name='billing.Wallet'."),
    "key": (_key, "the name of the event's field, or a function of the event: key='player_id'."),
    "shares": (_aggregate, "the class itself, derived from Aggregate: shares=Wallet."),
    "concurrency": (_whole, "a whole number of calls at once: concurrency=64."),
    "per_second": (_number, "a number of calls: per_second=10."),
    "max_hops": (_whole, "a whole number: max_hops=8."),
    "retries": (_whole, "a whole number of attempts after the first: retries=3."),
    "timeout": (_number, "a number of seconds: timeout=30."),
    "heartbeat": (_number, "a number of seconds: heartbeat=10."),
}
"""By argument, whatever has it: what a value is to be, and what to write."""


def check_kinds(who: str, where: str = "", **arguments: Any) -> None:
    """Each is of its kind, or None, where that is its default.

    Raises:
        WiringProblem: one is not.
    """
    places = (where,) if where else ()
    for name, value in arguments.items():
        fits, hint = KINDS[name]
        if not fits(value) and (value is not None or name in ("version", "origin", "broadcast", "singleton")):
            raise WiringProblem("BadArgument", f"{who} has {name}={value!r}", places, hint=hint)
    version = arguments.get("version", 1)
    late = [n for n in arguments.get("upcasters") or () if n >= version]
    if late:
        raise WiringProblem(
            "BadArgument",
            f"{who} has an upcaster from version {late[0]}, and is of version {version} itself",
            places,
            hint=f"version={max(late) + 1}, if the fields have changed; else no such upcaster.",
        )


def check_zone(what: str, time: Any) -> None:
    """It is a moment.

    Raises:
        TrunklineError: it is no datetime, or one that stands for another moment in each zone.
    """
    if not isinstance(time, datetime) or time.tzinfo is None:
        raise TrunklineError(
            f"{what} is a time with a zone, and {time!r} is none", hint="datetime(2026, 1, 1, tzinfo=UTC)."
        )
