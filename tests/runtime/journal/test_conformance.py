"""What every journal promises the router: batches, epochs, lookups. One suite for all of them."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from runtime.core.messages import pack_id
from runtime.core.rows import SUPERVISOR, Batch, BegunRow, KeyRow, ScheduleRow, Status, TakenRow
from runtime.errors import Fenced, JournalError
from runtime.journal import Journal, JournalInfo, Reader
from runtime.journal.schema import FORMAT

from .places import APP, PARTITIONS, STARTED, Place
from .rows import batch, cursor, delivery, entry, instance, timer, timer_key

ALL = range(PARTITIONS)


def everything(epochs: dict[int, int]) -> Batch:
    """A batch with a row of every kind, in two partitions."""
    return batch(
        epochs,
        entries=[entry(0, 1, targets=((0, "Wallet/ada"),)), entry(1, 1)],
        instances=[instance("Wallet/ada", 0)],
        cursors=[cursor("Wallet/bob", 1, 1)],
        timers=[timer("Wallet/ada", 0)],
        keys=[KeyRow(b"key", 0, 1, b"digest")],
        deliveries=[delivery(0, 1, "Payments", Status.STARTED)],
        taken=[TakenRow(0, "client", 4, 1)],
        schedules=[ScheduleRow("heartbeat", 0, 12)],
        watermarks={1: 1},
    )


def contents(journal: Journal, reader: Reader, epochs: dict[int, int]) -> dict[str, object]:
    """All that a journal can be asked for."""
    return {
        "recoveries": [journal.recover(p, epochs[p]) for p in ALL],
        "instances": journal.instances(["Wallet/ada", "Wallet/bob"]),
        "keys": journal.keys([b"key", b"other"]),
        "logs": [reader.log(p, 0, 100) for p in ALL],
        "heads": reader.heads(),
        "deliveries": reader.deliveries(),
        "timers": reader.timers(),
        "epochs": reader.epochs(),
    }


# ------------------------------------------------------------ a batch is all or nothing


def test_rows_are_read_back_as_they_were_written(place: Place) -> None:
    journal = place.open()
    epochs = journal.claim(ALL)
    written = everything(epochs)

    journal.commit(written)

    recovery, reader = journal.recover(0, epochs[0]), place.reader()
    assert [*reader.log(0, 0, 9), *reader.log(1, 0, 9)] == written.entries
    assert journal.entries([1, pack_id(1, 1), 99]) == {row.at: row for row in written.entries}
    assert journal.instances(["Wallet/ada", "Wallet/bob", "Wallet/eve"]) == {**written.instances, **written.cursors}
    assert journal.keys([b"key", b"other"]) == {b"key": written.keys[0]}
    assert recovery.timers == list(written.timers.values())
    assert recovery.deliveries == list(written.deliveries.values())
    assert recovery.taken == list(written.taken.values())
    assert recovery.schedules == list(written.schedules.values())
    assert journal.recover(1, epochs[1]).watermark == 1


def test_bytes_and_texts_of_any_kind_survive(place: Place) -> None:
    journal = place.open()
    epochs = journal.claim(ALL)
    body, name = bytes(range(256)) * 300, "Wallet/\u00e9\U0001f600 '\";-- %_"
    row = entry(0, 1, body=body, targets=((0, name),), type="sp\u00e4t", client="\u2603", seq=2**40)
    limits = row._replace(time=-(2**62), recorded=2**62)

    journal.commit(batch(epochs, entries=[limits], instances=[instance(name, 0, state=body)]))

    assert journal.entries([row.at]) == {row.at: limits}
    assert journal.instances([name]) == {name: instance(name, 0, state=body)}


def test_a_batch_that_fails_midway_writes_nothing(place: Place) -> None:
    journal, reader = place.open(), place.reader()
    epochs = journal.claim(ALL)
    journal.commit(everything(epochs))
    before = contents(journal, reader, epochs)
    broken = batch(
        epochs,
        entries=[entry(0, 2), entry(2, 1), entry(1, 1)],
        instances=[instance("Wallet/ada", 0, 2, state=b"new")],
        timers_gone=[timer_key(timer("Wallet/ada", 0))],
        deliveries_gone=[(pack_id(0, 1), "Payments")],
        taken=[TakenRow(0, "client", 5, 2)],
        schedules=[ScheduleRow("heartbeat", 0, 13)],
        watermarks={0: 2},
    )

    with pytest.raises(JournalError):
        journal.commit(broken)

    assert contents(journal, reader, epochs) == before
    journal.commit(broken._replace(entries=broken.entries[:2]))
    assert reader.heads() == {0: 2, 1: 1, 2: 1}


def test_a_batch_that_gives_a_key_again_writes_nothing(place: Place) -> None:
    journal, reader = place.open(), place.reader()
    epochs = journal.claim(ALL)
    journal.commit(everything(epochs))
    before = contents(journal, reader, epochs)

    with pytest.raises(JournalError):
        journal.commit(batch(epochs, entries=[entry(0, 2)], keys=[KeyRow(b"key", 0, 2, b"other digest")]))

    assert contents(journal, reader, epochs) == before


def test_rows_under_an_existing_key_replace_it(place: Place) -> None:
    journal, reader = place.open(), place.reader()
    epochs = journal.claim(ALL)
    journal.commit(everything(epochs))

    journal.commit(
        batch(
            epochs,
            instances=[instance("Wallet/ada", 0, 5, live=False, state=None)],
            timers=[timer("Wallet/ada", 0, due=60)],
            deliveries=[delivery(0, 1, "Payments", Status.PARKED, detail=b"why")],
            taken=[TakenRow(0, "client", 9, 8)],
            schedules=[ScheduleRow("heartbeat", 0, 13)],
        )
    )

    recovery = journal.recover(0, epochs[0])
    assert journal.instances(["Wallet/ada"]) == {"Wallet/ada": instance("Wallet/ada", 0, 5, live=False, state=None)}
    assert reader.timers() == recovery.timers == [timer("Wallet/ada", 0, due=60)]
    assert reader.deliveries() == recovery.deliveries == [delivery(0, 1, "Payments", Status.PARKED, detail=b"why")]
    assert recovery.taken == [TakenRow(0, "client", 9, 8)]
    assert recovery.schedules == [ScheduleRow("heartbeat", 0, 13)]


def test_none_deletes_timers_and_deliveries(place: Place) -> None:
    journal, reader = place.open(), place.reader()
    epochs = journal.claim(ALL)
    other = timer("Wallet/ada", 0, name="other")
    journal.commit(everything(epochs))
    journal.commit(batch(epochs, timers=[other], deliveries=[delivery(0, 1, "Other")]))

    journal.commit(
        batch(
            epochs,
            timers_gone=[timer_key(timer("Wallet/ada", 0)), ("Wallet/ada", "never", "set")],
            deliveries_gone=[(pack_id(0, 1), "Payments"), (pack_id(0, 7), "Never")],
        )
    )

    assert reader.timers() == [other]
    assert reader.deliveries() == [delivery(0, 1, "Other")]


def test_a_cursor_leaves_the_state_as_it_is(place: Place) -> None:
    journal = place.open()
    epochs = journal.claim(ALL)
    journal.commit(batch(epochs, instances=[instance("Wallet/ada", 0, 1, state=b"kept")]))

    journal.commit(batch(epochs, cursors=[cursor("Wallet/ada", 0, 2), cursor("Wallet/new", 0, 2, live=False)]))

    assert journal.instances(["Wallet/ada", "Wallet/new"]) == {
        "Wallet/ada": instance("Wallet/ada", 0, 2, state=b"kept"),
        "Wallet/new": instance("Wallet/new", 0, 2, live=False, state=None),
    }


def test_an_empty_batch_changes_nothing(place: Place) -> None:
    journal, reader = place.open(), place.reader()
    epochs = journal.claim(ALL)
    journal.commit(everything(epochs))
    before = contents(journal, reader, epochs)

    journal.commit(Batch.empty())

    assert contents(journal, reader, epochs) == before


# ------------------------------------------------------------ large batches, and lookups meanwhile


@pytest.mark.parametrize("count", [1, 31, 32, 33, 64, 100])
def test_of_any_number_of_rows_each_is_written_once(place: Place, count: int) -> None:
    journal, reader = place.open(), place.reader()
    epochs = journal.claim(ALL)
    entries = [entry(0, n) for n in range(1, count + 1)]
    rows = [instance(f"Wallet/{n}", 0, n, state=b"%d" % n) for n in range(count)]
    moved = [cursor(f"Wallet/{n}", 0, 1000 + n) for n in range(count)]
    timers = [timer(f"Wallet/{n}", 0, due=n) for n in range(count)]
    deliveries = [delivery(0, n, "Wallet/ada") for n in range(1, count + 1)]
    keys = [KeyRow(b"%d" % n, 0, n, b"digest") for n in range(count)]

    journal.commit(batch(epochs, entries=entries, instances=rows, timers=timers, deliveries=deliveries, keys=keys))
    journal.commit(batch(epochs, cursors=moved))

    assert reader.timers() == timers
    assert reader.deliveries() == deliveries
    assert [reader.key(row.key) for row in keys] == keys
    assert reader.log(0, 0, 1000) == entries
    assert reader.group("Wallet") == sorted(row._replace(cursor=1000 + row.cursor) for row in rows)


def test_lookups_in_one_thread_see_whole_batches_of_another(place: Place) -> None:
    """Its lookups never raise, nor see a part of a batch, nor fewer than they saw before."""
    journal, reader = place.open(), place.reader()
    epochs = journal.claim(ALL)
    addresses = [f"Wallet/{n}" for n in range(100)]

    def write(moment: int) -> None:
        rows = [instance(address, 0, moment, state=b"%d" % moment) for address in addresses]
        journal.commit(batch(epochs, entries=[entry(0, moment)], instances=rows))

    seen = [0]
    with ThreadPoolExecutor(1) as pool:
        for moment in range(1, 60):
            committing = pool.submit(write, moment)
            while not committing.done():
                found = journal.instances(addresses).values()
                assert {row.cursor for row in found} <= {moment - 1, moment}
                assert len({row.cursor for row in found}) <= 1
                seen.append(max((row.cursor for row in found), default=0))
                assert len(journal.live(0, "Wallet", "", 200)) in (0, 100)
                assert len({row.cursor for row in reader.group("Wallet")}) <= 1
            committing.result()
            assert {row.cursor for row in journal.instances(addresses).values()} == {moment}

    assert seen == sorted(seen)


# ------------------------------------------------------------ epochs


def test_a_claim_raises_the_epochs_of_its_partitions_by_one_and_no_other(place: Place) -> None:
    journal, reader = place.open(), place.reader()

    first = journal.claim([0, 2])
    second = journal.claim([2, SUPERVISOR])

    assert first == {0: 1, 2: 1}
    assert second == {2: 2, SUPERVISOR: 1}
    assert reader.epochs() == {0: 1, 2: 2, SUPERVISOR: 1}


def test_a_claim_of_a_partition_that_is_not_there_claims_nothing(place: Place) -> None:
    journal, reader = place.open(), place.reader()

    with pytest.raises(JournalError, match="no partition 3") as raised:
        journal.claim([0, PARTITIONS])

    assert raised.value.hint
    assert reader.epochs() == {}


def test_two_that_claim_at_once_get_different_epochs(place: Place) -> None:
    journals = [place.open() for _ in range(4)]

    def claims(journal: Journal) -> list[int]:
        return [journal.claim([1])[1] for _ in range(10)]

    with ThreadPoolExecutor(4) as pool:
        epochs = [epoch for claimed in pool.map(claims, journals) for epoch in claimed]

    assert sorted(epochs) == list(range(1, 41))


def test_who_was_fenced_writes_nothing_and_is_told_which_partitions(place: Place) -> None:
    zombie, successor, reader = place.open(), place.open(), place.reader()
    old = zombie.claim(ALL)
    new = old | successor.claim([0, 2])
    before = contents(successor, reader, new)

    with pytest.raises(Fenced) as raised:
        zombie.commit(batch(old, entries=[entry(p, 1) for p in ALL], taken=[TakenRow(1, "client", 1, 1)]))

    assert raised.value.partitions == (0, 2)
    assert contents(successor, reader, new) == before


def test_what_was_not_fenced_can_go_again(place: Place) -> None:
    zombie, successor, reader = place.open(), place.open(), place.reader()
    old = zombie.claim(ALL)
    successor.claim([0, 2])
    with pytest.raises(Fenced):
        zombie.commit(batch(old, entries=[entry(p, 1) for p in ALL]))

    zombie.commit(batch({1: old[1]}, entries=[entry(1, 1)]))

    assert reader.heads() == {0: 0, 1: 1, 2: 0}


def test_a_successor_goes_on_where_the_fenced_one_stopped(place: Place) -> None:
    zombie, successor = place.open(), place.open()
    old = zombie.claim(ALL)
    zombie.commit(batch(old, entries=[entry(0, 1)]))

    new = successor.claim(ALL)
    recovery = successor.recover(0, new[0])
    successor.commit(batch(new, entries=[entry(0, recovery.next_position)]))

    assert recovery.next_position == 2
    with pytest.raises(Fenced):
        zombie.commit(batch(old, entries=[entry(0, 2)]))


def test_an_epoch_that_was_never_given_is_fenced(place: Place) -> None:
    journal = place.open()
    epochs = journal.claim(ALL)

    with pytest.raises(Fenced) as raised:
        journal.commit(batch({0: epochs[0] + 1, 1: epochs[1]}, entries=[entry(0, 1)]))

    assert raised.value.partitions == (0,)


def test_a_tick_of_an_older_supervisor_is_fenced(place: Place) -> None:
    journal, reader = place.open(), place.reader()
    epochs = journal.claim([*ALL, SUPERVISOR])
    journal.claim([SUPERVISOR])

    with pytest.raises(Fenced) as raised:
        journal.commit(batch(epochs, entries=[entry(0, 1)], schedules=[ScheduleRow("heartbeat", 0, 1)]))

    assert raised.value.partitions == (SUPERVISOR,)
    assert reader.heads()[0] == 0


# ------------------------------------------------------------ who the journal is


def test_a_journal_says_who_it_is(place: Place) -> None:
    journal = place.open(schema_hash="one")

    told = JournalInfo(APP, PARTITIONS, "one", FORMAT, STARTED, journal.info.identity)
    assert journal.info == told
    assert place.reader().info == told


def test_a_journal_keeps_from_where_schedules_count_in_the_life_that_began_last(place: Place) -> None:
    journal = place.open()

    journal.begin([BegunRow("heartbeat", STARTED, 10), BegunRow("cron 0 8 * * * UTC daily", STARTED, 0)])
    journal.begin([BegunRow("heartbeat", -STARTED, 60), BegunRow("cron 0 9 * * * UTC daily", STARTED, 0)])

    kept = (BegunRow("cron 0 9 * * * UTC daily", STARTED, 0), BegunRow("heartbeat", -STARTED, 60))
    assert journal.info.begun == kept
    assert place.open().info.begun == kept
    assert place.reader().info.begun == kept


def test_two_journals_of_one_app_are_never_the_same(place: Place, tmp_path: Path) -> None:
    other = type(place)(tmp_path / "other")

    one, another = place.open().info, other.open().info
    other.close()

    assert all((one.identity, another.identity))
    assert one._replace(identity="") == another._replace(identity="")
    assert one.identity != another.identity


def test_a_journal_keeps_who_it_is_its_start_and_its_partitions_when_it_is_opened_again(lasting_place: Place) -> None:
    place = lasting_place
    first = place.open(schema_hash="one")
    first.close()

    journal = place.open(schema_hash="two", partitions=PARTITIONS + 5, now=STARTED + 9)

    told = JournalInfo(APP, PARTITIONS, "two", FORMAT, STARTED, first.info.identity)
    assert journal.info == told
    assert place.reader().info == told
