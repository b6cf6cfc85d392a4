"""What a router finds in a journal: recoveries, pages of instances, resent numbers. One suite for all journals."""

import pytest

from runtime.core.messages import EVERYWHERE, HOME, pack_id
from runtime.core.rows import DeliveryRow, Entry, InstanceRow, ScheduleRow, Status, TakenRow
from runtime.errors import Fenced, JournalError
from runtime.journal import Journal

from .places import PARTITIONS, Place
from .rows import batch, copy, cursor, delivery, entry, instance, timer

ALL = range(PARTITIONS)


def names(rows: list[InstanceRow]) -> list[str]:
    return [row.address for row in rows]


def positions(entries: list[Entry]) -> list[int]:
    return [row.at & 0xFFFF for row in entries]


# ------------------------------------------------------------ recover


def test_a_new_partition_is_empty(place: Place) -> None:
    journal = place.open()
    epochs = journal.claim(ALL)

    assert journal.recover(2, epochs[2]) == (2, 1, 1, 0, [], {}, [], [], [], [], 0)


def test_a_recovery_begins_after_the_watermark(place: Place) -> None:
    journal = place.open()
    epochs = journal.claim(ALL)
    journal.commit(batch(epochs, entries=[entry(p, n) for p in (0, 1) for n in range(1, 7)]))
    journal.commit(batch(epochs, watermarks={0: 4, 1: 6}))

    recoveries = [journal.recover(p, epochs[p]) for p in ALL]

    assert [positions(r.entries) for r in recoveries] == [[5, 6], [], []]
    assert [r.watermark for r in recoveries] == [4, 6, 0]
    assert [r.next_position for r in recoveries] == [7, 7, 1]
    assert [r.epoch for r in recoveries] == [1, 1, 1]


def test_a_recovery_says_when_the_newest_entry_was_recorded_also_of_a_log_with_nothing_open(place: Place) -> None:
    journal = place.open()
    epochs = journal.claim(ALL)
    journal.commit(batch(epochs, entries=[entry(p, n, recorded=100 * p + n) for p in (0, 1) for n in range(1, 7)]))
    journal.commit(batch(epochs, watermarks={0: 4, 1: 6}))

    recoveries = [journal.recover(p, epochs[p]) for p in ALL]

    assert [r.recorded for r in recoveries] == [6, 106, 0]


def test_what_stays_open_behind_the_watermark_is_found_by_its_rows(place: Place) -> None:
    journal = place.open()
    epochs = journal.claim(ALL)
    rows = [
        delivery(0, 1, "Payments", Status.STARTED),
        delivery(0, 3, "Wallet/ada", Status.PARKED, detail=b"why"),
        delivery(0, 3, "Wallet/bob", Status.WAITING),
        delivery(0, 6, "Payments", Status.DONE),
    ]
    journal.commit(batch(epochs, entries=[entry(0, n) for n in range(1, 7)], deliveries=reversed(rows)))

    journal.commit(batch(epochs, watermarks={0: 5}))

    recovery = journal.recover(0, epochs[0])
    assert positions(recovery.entries) == [1, 3, 6]
    assert recovery.deliveries == rows


def test_rows_of_what_is_done_go_when_the_watermark_passes_them(place: Place) -> None:
    journal, reader = place.open(), place.reader()
    epochs = journal.claim(ALL)
    done = [delivery(p, n, "Payments", Status.DONE) for p in (0, 1) for n in (1, 2, 3)]
    parked = delivery(0, 1, "Wallet/ada", Status.PARKED)
    journal.commit(batch(epochs, entries=[entry(p, n) for p in (0, 1) for n in (1, 2, 3)], deliveries=[*done, parked]))

    journal.commit(batch(epochs, watermarks={0: 2}))

    assert reader.deliveries() == [done[0]._replace(address="Wallet/ada", status=Status.PARKED), *done[2:]]


def test_a_recovery_has_the_instances_that_its_events_and_rows_name_and_no_others(place: Place) -> None:
    journal = place.open()
    epochs = journal.claim(ALL)
    passed = entry(0, 1, targets=((0, "Wallet/passed"),))
    behind = entry(0, 2, targets=((0, "Wallet/held"), (0, "Wallet/other")))
    after = entry(
        0, 3, targets=((0, "Wallet/after"), (1, "Wallet/elsewhere"), (HOME, "Payments"), (EVERYWHERE, "Call"))
    )
    row = delivery(0, 2, "Score/held", Status.PARKED)
    there = ["Wallet/passed", "Wallet/held", "Wallet/other", "Wallet/after", "Score/held"]
    instances = [instance(name, 0) for name in there] + [instance("Wallet/elsewhere", 1)]
    journal.commit(batch(epochs, entries=[passed, behind, after], instances=instances, deliveries=[row]))

    journal.commit(batch(epochs, watermarks={0: 2}))

    wanted = {"Wallet/held", "Wallet/other", "Wallet/after", "Score/held"}
    assert journal.recover(0, epochs[0]).instances == {row.address: row for row in instances if row.address in wanted}


def test_a_copy_is_recovered_where_it_was_copied_to(place: Place) -> None:
    journal = place.open()
    epochs = journal.claim(ALL)
    first = entry(0, 1, targets=((1, "Wallet/bob"),))
    copied = copy(first, 1, 1)

    journal.commit(batch(epochs, entries=[first, copied], instances=[instance("Wallet/bob", 1)]))

    assert journal.recover(0, epochs[0]).instances == {}
    assert journal.recover(1, epochs[1]).entries == [copied]
    assert journal.recover(1, epochs[1]).instances == {"Wallet/bob": instance("Wallet/bob", 1)}


def test_a_recovery_has_the_rows_of_its_own_partition_only(place: Place) -> None:
    journal = place.open()
    epochs = journal.claim(ALL)
    timers = [timer(f"Wallet/{n}", p, due=due) for p in ALL for n, due in (("b", 9), ("a", 9), ("c", 3))]
    taken = [TakenRow(p, source, 3, 2) for p in ALL for source in ("x", "y")]
    schedules = [ScheduleRow("heartbeat", 1, 5), ScheduleRow("board", 1, 6), ScheduleRow("other", 2, 7)]
    deliveries = [delivery(p, 1, "Payments") for p in ALL]

    for rows in timers[:3], timers[3:6]:
        journal.commit(batch(epochs, timers=[row._replace(address=f"{row.address}-{row.partition}") for row in rows]))
    journal.commit(batch(epochs, taken=taken, schedules=schedules, deliveries=deliveries))

    recovery = journal.recover(1, epochs[1])
    assert [row.address for row in recovery.timers] == ["Wallet/c-1", "Wallet/a-1", "Wallet/b-1"]
    assert recovery.taken == taken[2:4]
    assert recovery.schedules == [schedules[1], schedules[0]]
    assert recovery.deliveries == [deliveries[1]]


def test_a_recovery_of_thousands_misses_none(place: Place) -> None:
    journal = place.open()
    epochs = journal.claim(ALL)
    count = 1700
    entries = [entry(0, n, targets=((0, f"Wallet/{n}"),)) for n in range(1, count + 1)]
    rows = [delivery(0, n, f"Wallet/{n}") for n in range(1, count, 2)]
    journal.commit(batch(epochs, entries=entries, instances=[instance(f"Wallet/{n}", 0) for n in range(1, count + 1)]))
    journal.commit(batch(epochs, deliveries=rows, watermarks={0: count}))

    recovery = journal.recover(0, epochs[0])

    assert recovery.entries == entries[::2]
    assert set(recovery.instances) == {row.address for row in rows}
    assert recovery.deliveries == rows


def test_who_was_fenced_recovers_nothing(place: Place) -> None:
    zombie, successor = place.open(), place.open()
    old = zombie.claim(ALL)
    new = successor.claim([1])

    with pytest.raises(Fenced) as raised:
        zombie.recover(1, old[1])

    assert raised.value.partitions == (1,)
    assert zombie.recover(0, old[0]).epoch == 1
    assert successor.recover(1, new[1]).epoch == 2


def test_a_partition_that_is_not_there_has_no_recovery(place: Place) -> None:
    journal = place.open()

    with pytest.raises(JournalError, match="no partition 99"):
        journal.recover(99, 1)


# ------------------------------------------------------------ pages of live instances


def test_live_instances_come_in_pages_by_address(place: Place) -> None:
    journal = place.open()
    epochs = journal.claim(ALL)
    journal.commit(
        batch(epochs, instances=[instance(f"Call/{n}", 1) for n in ("d", "b", "\u00e9", "a", "c", "\U0001f600")])
    )

    pages, after = [], ""
    while page := journal.live(1, "Call", after, 4):
        pages.append(names(page))
        after = page[-1].address

    assert pages == [["Call/a", "Call/b", "Call/c", "Call/d"], ["Call/\u00e9", "Call/\U0001f600"]]


def test_a_page_has_the_live_instances_of_its_group_and_partition_only(place: Place) -> None:
    journal = place.open()
    epochs = journal.claim(ALL)
    near = ["Cal/x", "Call-/x", "Call0/x", "CallBack/x", "Callx", "call/x"]
    journal.commit(batch(epochs, instances=[instance(name, 1) for name in [*near, "Call/a"]]))
    journal.commit(batch(epochs, instances=[instance("Call/retired", 1, live=False), instance("Call/elsewhere", 2)]))

    assert journal.live(1, "Call", "", 9) == [instance("Call/a", 1)]
    assert names(journal.live(2, "Call", "", 9)) == ["Call/elsewhere"]


def test_who_retires_is_no_longer_live_until_it_begins_anew(place: Place) -> None:
    journal = place.open()
    epochs = journal.claim(ALL)
    journal.commit(batch(epochs, instances=[instance("Call/a", 1)]))

    journal.commit(batch(epochs, instances=[instance("Call/a", 1, 2, live=False, state=None)]))
    retired = journal.live(1, "Call", "", 9)
    journal.commit(batch(epochs, cursors=[cursor("Call/a", 1, 3)]))

    assert retired == []
    assert journal.live(1, "Call", "", 9) == [instance("Call/a", 1, 3, state=None)]


# ------------------------------------------------------------ what a client sent before


def sent(journal: Journal, epochs: dict[int, int]) -> None:
    """Two clients take turns in partition 1; one is in partition 2 as well; a copy stands between."""
    of = {1: ("x", 1), 2: ("y", 1), 3: ("x", 2), 5: ("x", 4), 6: ("y", 3), 7: ("", 0), 8: ("x", 7)}
    entries = [entry(1, n, client=client, seq=seq) for n, (client, seq) in of.items()]
    copied = copy(entry(2, 1), 1, 4)._replace(client="x", seq=3)
    entries.append(copied)
    entries += [entry(2, 1), entry(2, 2, client="x", seq=5)]
    journal.commit(batch(epochs, entries=sorted(entries)))


@pytest.mark.parametrize(
    ("client", "seqs", "last", "found"),
    [
        ("x", [1, 2, 4, 7], 8, {1: 1, 2: 3, 4: 5, 7: 8}),
        ("x", [7], 8, {7: 8}),
        ("x", [1], 8, {1: 1}),
        ("x", [4], 5, {4: 5}),
        ("x", [3], 8, {}),
        ("x", [5, 6], 8, {}),
        ("x", [0, 8], 8, {}),
        ("y", [1, 2, 3], 6, {1: 2, 3: 6}),
        ("y", [4], 8, {}),
        ("z", [1], 8, {}),
        ("x", [], 8, {}),
    ],
)
def test_a_resent_number_finds_the_id_first_given(
    place: Place, client: str, seqs: list[int], last: int, found: dict[int, int]
) -> None:
    journal = place.open()
    sent(journal, journal.claim(ALL))

    assert journal.find_sent(1, client, seqs, last) == {seq: pack_id(1, at) for seq, at in found.items()}


def test_a_resent_number_is_looked_for_in_its_partition_only(place: Place) -> None:
    journal = place.open()
    sent(journal, journal.claim(ALL))

    assert journal.find_sent(2, "x", [5], 2) == {5: pack_id(2, 2)}
    assert journal.find_sent(0, "x", [5], 2) == {}


# ------------------------------------------------------------ lookups of many


def test_lookups_of_more_than_a_statement_holds_miss_none(place: Place) -> None:
    journal = place.open()
    epochs = journal.claim(ALL)
    count = 2100
    entries = [entry(0, n) for n in range(1, count + 1)]
    rows = [instance(f"Wallet/{n}", 0, n) for n in range(1, count + 1)]
    journal.commit(batch(epochs, entries=entries, instances=rows))

    assert journal.entries(range(1, count + 50)) == {row.at: row for row in entries}
    assert journal.instances(f"Wallet/{n}" for n in range(count + 50)) == {row.address: row for row in rows}
    assert journal.instances([]) == journal.entries([]) == journal.keys([]) == {}


def test_rows_have_the_types_that_they_were_written_with(place: Place) -> None:
    journal = place.open()
    epochs = journal.claim(ALL)
    journal.commit(batch(epochs, entries=[entry(0, 1)], instances=[instance("Call/a", 0)]))
    journal.commit(batch(epochs, deliveries=[delivery(0, 1, "Payments")]))

    recovery = journal.recover(0, epochs[0])

    assert isinstance(recovery.entries[0], Entry)
    assert isinstance(recovery.deliveries[0], DeliveryRow)
    assert journal.instances(["Call/a"])["Call/a"].live is True
    assert journal.live(0, "Call", "", 1)[0].live is True
    assert place.reader().group("Call")[0].live is True
