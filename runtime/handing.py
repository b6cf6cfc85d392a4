"""Many events, handed in together from the thread that has them."""

import asyncio
from collections.abc import Callable, Generator, Iterable, Mapping
from concurrent.futures import Future
from datetime import datetime
from typing import Any, cast

from actors.errors import TrunklineError
from actors.event import Event
from runtime.core.messages import Publish
from runtime.publishing import Bulk, EventId, Publishing

Ids = asyncio.Future[list[EventId]] | Future[list[EventId]]


def hand_many(
    publishing: Publishing,
    encode: Callable[[Event, str | None, datetime | None], Publish],
    events: Iterable[Event],
    idempotency_key: str | None,
    time: datetime | None,
    timeout: float,
    ids: Ids,
) -> Generator[None, None, None]:
    """Hand events in; yields whenever it should wait for room before it goes on. `ids` is told all of theirs.

    Raises:
        TrunklineError: what `encode` raises; a key was given; or the runtime is closed.
    """
    if idempotency_key is not None:
        raise TrunklineError(
            "a key is one event's: it can't be given for several", hint="publish them one by one, each with its key."
        )
    publishing.must_run()
    bulk = Bulk(lambda bulk: _settle(ids, bulk))
    try:
        for item in _items(encode, events, time):
            if publishing.crowded:
                yield
            publishing.hand(item, bulk.place(), timeout)
    except BaseException as error:
        handed = len(bulk.ids)
        if handed and isinstance(error, TrunklineError):
            error.add_note(f"  The {handed:,} events before it were handed in and are published.")
        ids.cancel()
        raise
    publishing.complete_soon(bulk)


def _items(
    encode: Callable[[Event, str | None, datetime | None], Publish], events: Any, time: datetime | None
) -> Iterable[Publish]:
    if not isinstance(events, Iterable) or isinstance(events, str | bytes | Mapping):
        # It says what is wrong with it.
        return [encode(cast(Event, events), None, time)]
    items = (encode(event, None, time) for event in events)
    # Of a list none is handed in before all of it is known to be good.
    return list(items) if isinstance(events, list | tuple) else items


def _settle(ids: Ids, bulk: Bulk) -> None:
    if ids.done():
        return
    try:
        ids.set_result(bulk.result())
    except TrunklineError as error:
        ids.set_exception(error)
