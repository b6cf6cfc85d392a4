"""Journals at rest, made by the simulator in calm weather and kept as SQLite keeps them."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from actors import App, Event
from runtime.core.rows import SUPERVISOR, Batch
from runtime.journal import open_journal
from runtime.journal.memory import MemoryStore
from runtime.simulation.client import Order
from runtime.simulation.play import wait
from runtime.simulation.profile import Profile
from runtime.simulation.scheduler import Scheduler
from runtime.simulation.world import World

PARTITIONS = 8
SECOND = 1_000_000


def played(app: App, events: Sequence[Event]) -> MemoryStore:
    """What an app's journal holds after these events, published one after the other."""
    scheduler = Scheduler(1)
    world = World(app, replace(Profile(), partitions=PARTITIONS), scheduler)
    for number, event in enumerate(events, 1):
        world.add_client([Order(number, event)])
        client = world.clients[-1]
        wait(world, scheduler.now + 1000 * SECOND, lambda client=client: client.done, "clients are answered")  # type: ignore[misc]
        world.drainer.begin(timers=False)
        wait(world, scheduler.now + 1000 * SECOND, lambda: not world.drainer.waiting, "drains end")
    return world.store


def kept(store: MemoryStore, path: Path) -> Path:
    """The same journal in a file."""
    info = store.info
    journal = open_journal(str(path), app=info.app, partitions=info.partitions, now=info.started)
    epochs = journal.claim([*range(info.partitions), SUPERVISOR])
    entries = [entry for log in store.log.values() for entry in log]
    journal.commit(
        Batch.empty()._replace(
            epochs=epochs,
            entries=entries,
            instances=dict(store.instances),
            timers=dict(store.timers),
            keys=list(store.keys.values()),
            deliveries=dict(store.deliveries),
            taken=dict(store.taken),
            schedules=dict(store.schedules),
            watermarks=dict(store.watermarks),
        )
    )
    journal.close()
    return path


__all__ = ["kept", "played"]
