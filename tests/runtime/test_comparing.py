"""A journal that the simulator's storms have left, and the code that wrote it: there is no difference."""

from collections import Counter

import pytest

from actors import App
from runtime.comparing import Difference, addresses, compare
from runtime.core.rows import Entry
from runtime.journal.memory import MemoryStore
from runtime.simulation.play import play
from runtime.simulation.profile import Profile
from runtime.simulation.scheduler import Scheduler
from runtime.simulation.world import World


def journal_of(seed: int) -> tuple[App, MemoryStore]:
    """What a history leaves."""
    worlds: list[World] = []

    class Kept(World):
        def __init__(self, app: App, profile: Profile, scheduler: Scheduler) -> None:
            worlds.append(self)
            super().__init__(app, profile, scheduler)

    play(seed, make=Kept)
    return worlds[0].app, worlds[0].store


def difference(app: App, store: MemoryStore, log: list[Entry], partition: int) -> Difference | None:
    rows = {address: store.instances[address] for address in addresses(log) if address in store.instances}
    timers = [timer for timer in store.timers.values() if timer.partition == partition]
    return compare(app, len(store.log), log, rows, timers).first


@pytest.mark.parametrize("seeds", [range(first, first + 10) for first in range(0, 40, 10)], ids=lambda s: f"{s[0]}-")
def test_the_code_that_wrote_a_journal_does_what_it_says(seeds: range) -> None:
    for seed in seeds:
        app, store = journal_of(seed)

        for partition, log in store.log.items():
            assert difference(app, store, log, partition) is None, f"seed {seed}, partition {partition}"


def test_an_emitted_event_that_is_missing_or_too_much_is_a_difference() -> None:
    app, store = journal_of(3)
    found: Counter[str] = Counter()

    for partition, log in store.log.items():
        for index, entry in enumerate(log):
            if entry.cause and entry.at == entry.id and entry.type in app.catalogue.events and not entry.targets:
                # Nobody hears it: its place in the log is all that tells of it.
                less = difference(app, store, log[:index] + log[index + 1 :], partition)
                more = difference(app, store, [*log[:index], entry, *log[index:]], partition)
                found["less"] += less is not None
                found["more"] += more is not None
                found["all"] += 1

    assert found["less"] == found["more"] == found["all"] > 0


def test_an_instance_that_lives_and_should_not_is_a_difference() -> None:
    app, store = journal_of(3)
    for partition, log in store.log.items():
        for address in addresses(log):
            row = store.instances[address]
            store.instances[address] = row._replace(live=not row.live)
            found = difference(app, store, log, partition)
            store.instances[address] = row

            assert found is not None
            assert (found.address, found.what) == (address, "the state in the end")
            assert (found.journal["live"], found.code["live"]) == (not row.live, row.live)
