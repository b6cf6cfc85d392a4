"""Each checker alone: one row of a good journal is changed, and the promise that it breaks is named."""

from collections.abc import Callable
from typing import Any

import pytest

from actors import App
from runtime.core.messages import Taken
from runtime.core.parking import PARKED, RETRIED, SKIPPED
from runtime.core.rows import DeliveryRow, Entry, InstanceRow, Status, TimerRow
from runtime.simulation.checkers import check
from runtime.simulation.play import SCENARIOS, play
from runtime.simulation.profile import Profile
from runtime.simulation.scheduler import Scheduler
from runtime.simulation.violation import Violation
from runtime.simulation.world import World
from runtime.wire import decode_body

NOTES = (PARKED, RETRIED, SKIPPED)


def ended(scenario: str) -> World:
    """A world after a history, which a test may change."""
    worlds: list[World] = []

    def make(app: App, profile: Profile, scheduler: Scheduler) -> World:
        worlds.append(World(app, profile, scheduler))
        return worlds[0]

    seed = {"bank": 4, "relay": 0}[scenario]
    play(seed, scenario=scenario, make=make)  # type: ignore[arg-type]
    return worlds[0]


def entries(world: World, wanted: Callable[[Entry], Any]) -> list[Entry]:
    return [entry for log in world.store.log.values() for entry in log if wanted(entry)]


def put(world: World, entry: Entry, **changes: Any) -> None:
    """An entry is another."""
    log = world.store.log[entry.at >> 40]
    log[log.index(entry)] = entry._replace(**changes)


def published(world: World) -> Entry:
    acked = {ack.id for ack in world.history.acks if ack.taken == Taken.NEW}
    return entries(world, lambda e: e.at in acked)[-1]


# ------------------------------------------------------------ one change each


def an_acknowledged_event_is_another(world: World) -> None:
    entry, body = published(world), decode_body(published(world).body)
    put(world, entry, body=entry.body.replace(body.data[:9], b'{"zccount'))


def an_event_is_not_there(world: World) -> None:
    log = world.store.log[published(world).at >> 40]
    log.remove(published(world))


def two_events_of_a_client_change_places(world: World) -> None:
    first, second = entries(world, lambda e: e.client and e.at == e.id and e.client.startswith("client"))[:2]
    put(world, first, seq=second.seq, client=second.client)
    put(world, second, seq=first.seq, client=second.client)


def a_repeated_key_has_an_id_of_its_own(world: World) -> None:
    ack = next(ack for ack in world.history.acks if ack.order.key is not None)
    other = next(a.id for a in world.history.acks if a.id != ack.id)
    world.history.acks.append(ack._replace(id=other, taken=Taken.KEY_REUSED))


def a_tick_comes_again(world: World) -> None:
    first, second = entries(world, lambda e: e.type == "heartbeat" and e.at == e.id)[:2]
    put(world, second, body=first.body)


def a_copy_is_of_another_event(world: World) -> None:
    first, second = entries(world, lambda e: e.at != e.id)[:2]
    put(world, first, id=second.id)


def a_state_is_older(world: World) -> None:
    address, row = next((a, r) for a, r in world.store.instances.items() if r.state is not None)
    world.store.instances[address] = row._replace(state=None)


def a_live_instance_is_not(world: World) -> None:
    address, row = next((a, r) for a, r in world.store.instances.items() if r.live)
    world.store.instances[address] = row._replace(live=False)


def a_row_has_no_event(world: World) -> None:
    world.store.instances["Account/nobody"] = InstanceRow("Account/nobody", 0, 1, True, None)


def a_row_is_missing(world: World) -> None:
    del world.store.instances[next(a for a, r in world.store.instances.items() if r.live)]


def an_emitted_event_says_something_else(world: World) -> None:
    emitted = entries(world, lambda e: e.cause and e.at == e.id and e.type not in NOTES)
    put(world, emitted[-1], time=emitted[-1].time + 1)


def an_event_has_no_cause(world: World) -> None:
    home = next(p for p, log in world.store.log.items() if log)
    cause = next(e for e in world.store.log[home] if not e.cause and e.at == e.id)
    at = home << 40 | len(world.store.log[home]) + 1
    body = next(e.body for e in entries(world, lambda e: e.cause and e.type not in NOTES))
    world.store.log[home].append(Entry(at, at, cause.id, cause.id, 0, 0, "noted", "", 0, b"", body))


def a_call_is_answered_twice(world: World) -> None:
    gateways = world.app.catalogue.gateways
    answer = entries(world, lambda e: e.cause and e.type not in NOTES and decode_body(e.body).source in gateways)[0]
    log = world.store.log[answer.at >> 40]
    at = answer.at >> 40 << 40 | len(log) + 1
    log.append(answer._replace(at=at, id=at, targets=b""))


def a_delivery_waits(world: World) -> None:
    at = published(world).at
    world.store.deliveries[at, "Account/a0"] = DeliveryRow(at, "Account/a0", 0, Status.WAITING, 0, 0, 0, 0, None)


def a_fired_timer_is_left(world: World) -> None:
    left(world, "rings")


def a_cancelled_timer_is_left(world: World) -> None:
    left(world, "was_cancelled")


def left(world: World, event_type: str) -> None:
    fired = entries(world, lambda e: e.type == "rings" and e.at == e.id)[-1]
    address = decode_body(fired.body).source
    row = TimerRow(address, event_type, "", fired.at >> 40, fired.time, 0, 0, b"", b"")
    world.store.timers[address, event_type, ""] = row


def a_timer_fired_before_it_was_due(world: World) -> None:
    fired = entries(world, lambda e: e.type == "rings" and e.at == e.id)[0]
    put(world, fired, recorded=fired.time - 1)


CHANGES = [
    ("bank", an_acknowledged_event_is_another, "nothing acknowledged is lost"),
    ("bank", an_event_is_not_there, "nothing acknowledged is lost"),
    ("bank", two_events_of_a_client_change_places, "a client's events keep their order"),
    ("bank", a_repeated_key_has_an_id_of_its_own, "a key is taken once"),
    ("bank", a_tick_comes_again, "ticks come once, rising"),
    ("bank", a_copy_is_of_another_event, "an event is copied once"),
    ("bank", a_state_is_older, "states equal the replay"),
    ("bank", a_live_instance_is_not, "states equal the replay"),
    ("bank", a_row_has_no_event, "states equal the replay"),
    ("bank", a_row_is_missing, "states equal the replay"),
    ("bank", an_emitted_event_says_something_else, "one committed effect per delivery"),
    ("bank", an_event_has_no_cause, "one committed effect per delivery"),
    ("bank", a_call_is_answered_twice, "a call is answered once"),
    ("bank", a_delivery_waits, "after a drain nothing is pending"),
    ("relay", a_fired_timer_is_left, "a timer fires once"),
    ("relay", a_cancelled_timer_is_left, "a cancelled timer does not fire"),
    ("relay", a_timer_fired_before_it_was_due, "a timer never fires early"),
]


@pytest.mark.parametrize(("scenario", "change", "promise"), CHANGES, ids=[change.__name__ for _, change, _ in CHANGES])
def test_it_is_seen_that(scenario: str, change: Callable[[World], None], promise: str) -> None:
    world = ended(scenario)
    check(world.app, world.store, world.history)

    change(world)

    with pytest.raises(Violation) as found:
        check(world.app, world.store, world.history)
    assert found.value.promise == promise, str(found.value)


def test_sums_that_do_not_add_up_are_seen() -> None:
    world = ended("bank")
    address, row = next((a, r) for a, r in world.store.instances.items() if a.startswith("Totals/"))
    world.store.instances[address] = row._replace(state=b'{"amount":1,"paid_out":1}')

    with pytest.raises(Violation, match="sums add up"):
        SCENARIOS["bank"].adds_up(world.store)
