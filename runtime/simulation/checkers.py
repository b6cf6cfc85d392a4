"""What must be true of a journal when a storm is over and everything has drained, judged from the promises alone.

The logs are taken as given, and everything else must follow from them: each delivery has exactly the effect that its
turn has in a straight replay, nothing has an effect twice, and nothing is in the logs that has no cause.
"""

from collections import Counter

from actors.app import App
from actors.event import encode_event
from runtime.core.messages import EVERYWHERE, POSITION_BITS, CallKind, Emission, Taken, id_text
from runtime.core.parking import PARKED, RETRIED, SKIPPED
from runtime.core.reference import Handled, Replay
from runtime.core.rows import Entry, Status, decode_targets
from runtime.journal.memory import MemoryStore
from runtime.simulation.history import History
from runtime.simulation.timing import check_timers
from runtime.simulation.violation import require
from runtime.wire import decode_body

NOTES = (PARKED, RETRIED, SKIPPED)


class Ledger:
    """The logs of a journal, read once, with the entries that nothing has accounted for yet."""

    def __init__(self, store: MemoryStore) -> None:
        self.store = store
        self.logs = store.log
        self.emitted: dict[tuple[int, str], list[Entry]] = {}
        """(cause, source) → what this source emitted on this event, in order."""
        for log in self.logs.values():
            for entry in log:
                if entry.at == entry.id and entry.cause and entry.type not in NOTES:
                    self.emitted.setdefault((entry.cause, decode_body(entry.body).source), []).append(entry)


def check(app: App, store: MemoryStore, history: History) -> None:
    """Raise a Violation for the first promise that is broken."""
    ledger = Ledger(store)
    _acknowledged(ledger, history)
    _keys_once(ledger, history)
    _ticks_once(ledger)
    _copies_once(ledger)
    for partition, log in ledger.logs.items():
        replay = Replay(app, len(ledger.logs), log)
        for address, life in replay.lives.items():
            for handled in life.handled:
                _one_effect(ledger, handled)
            row = store.instances.get(address)
            require(row is not None or not life.live, "states equal the replay", f"{address} has no row")
            if row is not None:
                require(row.live == life.live, "states equal the replay", f"{address} live: {row.live}, {life.live}")
                require(
                    row.state == life.state,
                    "states equal the replay",
                    f"{address} has {row.state!r}, the replay {life.state!r}",
                )
            check_timers(ledger.emitted, store, address, life.handled)
        known = set(replay.lives)
        extra = [a for a, row in store.instances.items() if row.partition == partition and a not in known]
        require(not extra, "states equal the replay", f"{extra} have rows, and no event")
        for entry, gateway in replay.calls:
            _one_answer(ledger, app, history, entry, gateway)
    _nothing_else(ledger)
    _nothing_pending(ledger)


def _acknowledged(ledger: Ledger, history: History) -> None:
    """Nothing acknowledged is lost; nothing is taken twice; each client's events keep their order."""
    times: Counter[int] = Counter()
    for log in ledger.logs.values():
        last: dict[str, int] = {}
        for entry in log:
            if entry.client and entry.at == entry.id:
                previous = last.get(entry.client, 0)
                require(
                    previous < entry.seq, "a client's events keep their order", f"{id_text(entry.at)} after {previous}"
                )
                last[entry.client] = entry.seq
    for ack in history.acks:
        acked = ledger.store.entry(ack.id)
        require(acked is not None, "nothing acknowledged is lost", f"order {ack.order.number}: {id_text(ack.id)}")
        assert acked is not None
        if ack.taken in (Taken.NEW, Taken.REPEATED):
            data = decode_body(acked.body).data
            sent = encode_event(ack.order.event)
            require(data == sent, "nothing acknowledged is lost", f"order {ack.order.number} is {data!r} in the log")
        if ack.taken == Taken.NEW:
            times[ack.id] += 1
    twice = [id_text(event_id) for event_id, count in times.items() if count > 1]
    require(not twice, "an event is taken once", f"{twice} were given to several orders")


def _keys_once(ledger: Ledger, history: History) -> None:
    """A key is taken once: a repeat has the first id; another payload is told so."""
    first: dict[bytes | None, int] = {}
    payloads: Counter[tuple[str, bytes]] = Counter()
    for log in ledger.logs.values():
        for entry in log:
            if entry.client and entry.at == entry.id:
                payloads[entry.type, decode_body(entry.body).data] += 1
    for ack in history.acks:
        order = ack.order
        if order.key is None:
            continue
        scope = history.scope(order)
        known = first.setdefault(scope, ack.id)
        require(known == ack.id, "a key is taken once", f"{order.key} gave {id_text(known)} and {id_text(ack.id)}")
    wanted: dict[tuple[str, bytes], set[object]] = {}
    for order in history.orders.values():
        payload = (type(order.event).__trunkline__.name, encode_event(order.event))
        wanted.setdefault(payload, set()).add(order.number if order.key is None else order.key)
    for payload, orders in wanted.items():
        count = payloads[payload]
        require(count <= len(orders), "an event is taken once", f"{payload} is in the logs {count} times: {orders}")


def _ticks_once(ledger: Ledger) -> None:
    """Ticks only rise, and say how many were missed."""
    ticks = []
    for log in ledger.logs.values():
        own = [decode_body(e.body).data for e in log if e.type == "heartbeat" and e.at == e.id]
        if own:
            ticks.append([_tick(data) for data in own])
    require(len(ticks) <= 1, "ticks come once", "ticks are in several logs")
    for numbers in ticks:
        before = 0
        for tick, missed in numbers:
            require(tick > before, "ticks come once, rising", f"{tick} after {before}")
            require(missed == tick - before - 1, "ticks say what was missed", f"{tick} after {before} missed {missed}")
            before = tick


def _tick(data: bytes) -> tuple[int, int]:
    from actors.schedule import Heartbeat

    tick = Heartbeat.model_validate_json(data)
    return tick.tick, tick.missed


def _copies_once(ledger: Ledger) -> None:
    """An event is copied to each partition in which it has listeners, once, and to no other, in order."""
    copies: dict[int, list[int]] = {}
    for partition, log in ledger.logs.items():
        last: dict[int, int] = {}
        for position, entry in enumerate(log, 1):
            require(entry.at == partition << POSITION_BITS | position, "a log has no gaps", id_text(entry.at))
            if entry.at != entry.id:
                copies.setdefault(entry.id, []).append(partition)
                source = entry.id >> POSITION_BITS
                require(last.get(source, 0) <= entry.id, "copies keep their order", id_text(entry.at))
                last[source] = entry.id
    for home, log in ledger.logs.items():
        for entry in log:
            if entry.at != entry.id:
                continue
            wanted: set[int] = set()
            for where, _ in decode_targets(entry.targets) if entry.targets else ():
                if where == EVERYWHERE:
                    wanted |= set(ledger.logs)
                elif where >= 0:
                    wanted.add(where)
            wanted.discard(home)
            found = copies.pop(entry.id, [])
            require(sorted(found) == sorted(wanted), "an event is copied once", f"{id_text(entry.id)}: {found}")
    require(not copies, "an event is copied once", f"copies of nothing: {list(map(id_text, copies))}")


def _one_effect(ledger: Ledger, handled: Handled) -> None:
    """A delivery's effect is in the log, whole and once."""
    entry, address = handled.entry, handled.address
    what = f"{id_text(entry.at)} ({entry.type}) at {address}"
    parked = ledger.store.deliveries.get((entry.at, address))
    if handled.error is not None:
        left = parked is not None and parked.status == Status.PARKED
        require(
            left, "a failing turn leaves no trace", f"{what} raised in the replay, and is neither parked nor skipped"
        )
        return
    actual = ledger.emitted.get((entry.id, address), [])
    committed = actual[: len(handled.emitted)]
    same = len(committed) == len(handled.emitted) and all(
        _matches(e, emission) for e, emission in zip(committed, handled.emitted, strict=True)
    )
    require(
        same,
        "one committed effect per delivery",
        f"{what} should have emitted {[e.type for e in handled.emitted]}, and there is {[e.type for e in actual]}",
    )
    del actual[: len(handled.emitted)]


def _matches(entry: Entry, emission: Emission) -> bool:
    targets = decode_targets(entry.targets) if entry.targets else ()
    return (
        entry.type == emission.type
        and entry.time == emission.time
        and entry.body == emission.body
        and targets == emission.targets
    )


def _one_answer(ledger: Ledger, app: App, history: History, entry: Entry, gateway: str) -> None:
    """A gateway's delivery has one committed answer."""
    what = f"{id_text(entry.at)} ({entry.type}) at {gateway}"
    answers = ledger.emitted.pop((entry.id, gateway), [])
    row = ledger.store.deliveries.get((entry.at, gateway))
    if row is not None and row.status == Status.PARKED:
        require(not answers, "a call is answered once", f"{what} is parked and has {len(answers)} answers")
        return
    if not answers and _skipped(ledger, entry, gateway):
        return
    possible = history.answers.get((entry.id, gateway), [])
    require(
        any(len(answers) == len(one) and all(map(_matches, answers, one)) for one in possible),
        "a call is answered once",
        f"{what} has {len(answers)} answers in the log, and none of its {len(possible)} calls answered so",
    )
    handler = app.catalogue.gateways[gateway].handlers[entry.type]
    retried = sum(
        e.type == RETRIED and e.cause == entry.id and decode_body(e.body).source == gateway
        for e in ledger.logs[entry.at >> POSITION_BITS]
    )
    bound = (handler.retries + 1) * (retried + 1)
    count = history.calls[entry.at, gateway]
    require(count <= bound, "calls are bounded by their retries", f"{what}: {count} calls, {CallKind.CALL.name}")


def _skipped(ledger: Ledger, entry: Entry, address: str) -> bool:
    """Did a person go on without it?"""
    log = ledger.logs[entry.at >> POSITION_BITS]
    return any(e.type == SKIPPED and e.cause == entry.id and decode_body(e.body).source == address for e in log)


def _nothing_else(ledger: Ledger) -> None:
    """All that is in the logs came from outside, from a turn, from a call or from a timer."""
    left = {
        f"{id_text(cause)} at {source}": [e.type for e in found]
        for (cause, source), found in ledger.emitted.items()
        if found
    }
    require(not left, "one committed effect per delivery", f"these have no cause: {left}")


def _nothing_pending(ledger: Ledger) -> None:
    """After a drain no delivery waits."""
    rows = ledger.store.deliveries.values()
    open_rows = [row for row in rows if row.status in (Status.WAITING, Status.STARTED)]
    require(not open_rows, "after a drain nothing is pending", f"{open_rows}")
