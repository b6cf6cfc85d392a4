"""What people and tools ask of a journal. One suite for all of them."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from runtime.core.messages import EVERYWHERE, HOME, pack_id
from runtime.core.rows import Entry, KeyRow, ScheduleRow, Status
from runtime.journal import Reader
from runtime.journal.reader import SqliteReader

from .places import PARTITIONS, Place
from .rows import batch, copy, delivery, entry, instance, timer

ALL = range(PARTITIONS)


def test_a_log_is_read_in_pages_in_order(place: Place) -> None:
    journal, reader = place.open(), place.reader()
    epochs = journal.claim(ALL)
    entries = [entry(1, n) for n in range(1, 8)]
    journal.commit(batch(epochs, entries=[*entries, entry(0, 1), entry(2, 1)]))

    pages, after = [], 0
    while page := reader.log(1, after, 3):
        pages.append(page)
        after = page[-1].at & 0xFFFF

    assert pages == [entries[:3], entries[3:6], entries[6:]]
    assert reader.log(1, 7, 9) == reader.log(1, 99, 9) == reader.log(1, 0, 0) == []


def test_heads_are_the_last_positions(place: Place) -> None:
    journal, reader = place.open(), place.reader()
    epochs = journal.claim(ALL)
    empty = reader.heads()

    journal.commit(batch(epochs, entries=[entry(0, 1), entry(0, 2), entry(2, 1)]))

    assert empty == {0: 0, 1: 0, 2: 0}
    assert reader.heads() == {0: 2, 1: 0, 2: 1}


def test_a_log_is_read_backwards_from_a_position(place: Place) -> None:
    journal, reader = place.open(), place.reader()
    epochs = journal.claim(ALL)
    entries = [entry(1, n) for n in range(1, 6)]
    journal.commit(batch(epochs, entries=[*entries, entry(0, 1), entry(2, 1)]))

    assert reader.latest(1, 6, 2) == [entries[4], entries[3]]
    assert reader.latest(1, 3, 9) == [entries[1], entries[0]]
    assert reader.latest(1, 1, 9) == reader.latest(1, 0, 9) == reader.latest(99, 9, 9) == reader.latest(1, 6, 0) == []


def test_watermarks_and_schedules_are_as_last_written(place: Place) -> None:
    journal, reader = place.open(), place.reader()
    epochs = journal.claim(ALL)
    before = reader.watermarks(), reader.schedules()

    row = ScheduleRow("Heartbeat", 1, 77)
    journal.commit(batch(epochs, entries=[entry(1, 1), entry(1, 2)], schedules=[row], watermarks={1: 2}))

    assert before == ({0: 0, 1: 0, 2: 0}, {})
    assert reader.watermarks() == {0: 0, 1: 2, 2: 0}
    assert reader.schedules() == {"Heartbeat": 77}


def test_what_is_not_there_is_none(place: Place) -> None:
    place.open()
    reader = place.reader()

    assert reader.entry(1) is None
    assert reader.entry(pack_id(99, 1)) is None
    assert reader.entry(-5) is None
    assert reader.instance("Wallet/ada") is None
    assert reader.key(b"key") is None
    assert reader.of_root(1, ["happened"]) is None
    assert reader.log(99, 0, 9) == reader.group("Wallet") == reader.deliveries() == reader.timers() == []
    assert reader.led_to(1, 9) == reader.led_to(pack_id(99, 1), 9) == []
    assert reader.epochs() == {}


def test_a_reader_sees_what_was_committed_after_it_was_opened(place: Place) -> None:
    journal, reader = place.open(), place.reader()
    epochs = journal.claim(ALL)
    row, key = instance("Wallet/ada", 0), KeyRow(b"key", 0, 1, b"digest")

    journal.commit(batch(epochs, entries=[entry(0, 1)], instances=[row], keys=[key]))

    assert reader.entry(1) == entry(0, 1)
    assert reader.instance("Wallet/ada") == row
    assert reader.key(b"key") == key
    assert reader.epochs() == epochs


def test_a_journals_own_reader_sees_the_same(place: Place) -> None:
    journal = place.open()
    epochs = journal.claim(ALL)
    own = journal.reader()

    journal.commit(batch(epochs, entries=[entry(0, 1)]))

    assert own.entry(1) == place.reader().entry(1) == entry(0, 1)
    assert own.info == journal.info
    own.close()


def test_a_reader_may_be_asked_by_several_threads(place: Place) -> None:
    journal, reader = place.open(), place.reader()
    epochs = journal.claim(ALL)
    journal.commit(batch(epochs, entries=[entry(0, n) for n in range(1, 200)]))

    def read(n: int) -> Entry | None:
        return reader.entry(n)

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(read, range(1, 200)))

    assert found == [entry(0, n) for n in range(1, 200)]


def test_a_group_is_its_live_instances_of_all_partitions(place: Place) -> None:
    journal, reader = place.open(), place.reader()
    epochs = journal.claim(ALL)
    rows = [instance(f"Call/{n}", n % PARTITIONS) for n in range(7)]
    others = [
        instance("Call/x", 0, live=False),
        instance("CallBack/a", 0),
        instance("Cal/a", 0),
        instance("Call0/a", 1),
    ]
    journal.commit(batch(epochs, instances=[*others, *reversed(rows)]))

    assert reader.group("Call") == rows
    assert reader.group("Call", after="Call/3", limit=2) == rows[4:6]
    assert reader.group("Call", after="Call/6") == reader.group("Nobody") == []
    assert reader.group("Call", after="A") == rows
    assert reader.group("Call", after="D") == []


def test_the_live_instances_of_all_groups_are_told_by_address(place: Place) -> None:
    journal, reader = place.open(), place.reader()
    epochs = journal.claim(ALL)
    rows = [instance(address, 0) for address in ("Call/a", "Call/b", "CallBack/a", "Wallet/a")]
    journal.commit(batch(epochs, instances=[instance("Call/x", 0, live=False), *reversed(rows)]))

    assert reader.of_app() == rows
    assert reader.of_app(after="Call/a", limit=2) == rows[1:3]
    assert reader.of_app(after="Wallet/a") == []


def test_deliveries_are_read_by_status(place: Place) -> None:
    journal, reader = place.open(), place.reader()
    epochs = journal.claim(ALL)
    rows = [delivery(1, 1, "A", Status.PARKED, detail=b"why"), delivery(1, 1, "B"), delivery(2, 1, "A", Status.PARKED)]
    journal.commit(batch(epochs, deliveries=reversed(rows)))

    assert reader.deliveries() == rows
    assert reader.deliveries(Status.PARKED) == [rows[0], rows[2]]
    assert reader.deliveries(int(Status.WAITING)) == [rows[1]]
    assert reader.deliveries(Status.DONE) == []


def test_timers_are_read_next_due_first(place: Place) -> None:
    journal, reader = place.open(), place.reader()
    epochs = journal.claim(ALL)
    rows = [timer("B/1", 1, due=3), timer("A/1", 0, due=5), timer("A/1", 0, name="x", due=5), timer("A/0", 2, due=9)]
    journal.commit(batch(epochs, timers=reversed(rows)))

    assert reader.timers() == rows
    assert reader.timers("A/1") == rows[1:3]
    assert reader.timers("A") == []


# ------------------------------------------------------------ what led to what


@pytest.fixture
def reader(place: Place) -> Reader:
    """An order, published to partition 0, is paid by a gateway; a wallet elsewhere and all boards hear of it."""
    journal = place.open()
    epochs = journal.claim(ALL)
    order = entry(0, 1, type="ordered", targets=((HOME, "Payments"), (1, "Wallet/bob")), recorded=10)
    paid = entry(0, 3, type="paid", targets=((EVERYWHERE, "Board"),), cause=order.id, root=order.id, recorded=30)
    granted = entry(1, 2, type="granted", cause=order.id, root=order.id, recorded=20)
    shown = [entry(p, 5, type="shown", cause=paid.id, root=order.id, recorded=40 - p) for p in ALL]
    other = entry(0, 2, type="ordered", targets=((0, "Wallet/ada"),))
    others = entry(1, 3, type="granted", cause=other.id, root=other.id, recorded=5)
    copies = [copy(order, 1, 1), copy(paid, 1, 4), copy(paid, 2, 1)]
    fill = [entry(0, 4), *(entry(2, n) for n in (2, 3, 4))]
    journal.commit(batch(epochs, entries=sorted([order, paid, granted, *shown, other, others, *copies, *fill])))
    return place.reader()


def whats(entries: list[Entry]) -> list[tuple[str, int]]:
    return [(row.type, row.at >> 40) for row in entries]


def test_what_an_event_led_to_is_found_in_every_partition_causes_before_effects(reader: Reader) -> None:
    shown = [("shown", 2), ("shown", 1), ("shown", 0)]

    assert whats(reader.led_to(1, 99)) == [("granted", 1), ("paid", 0), *shown]
    assert whats(reader.led_to(3, 99)) == shown
    assert reader.led_to(pack_id(1, 2), 99) == []


def test_of_more_than_are_wanted_those_nearest_to_the_event_are_given(reader: Reader) -> None:
    assert whats(reader.led_to(1, 3)) == [("granted", 1), ("paid", 0), ("shown", 2)]
    assert whats(reader.led_to(1, 1)) == [("granted", 1)]


def test_what_others_of_the_same_origin_led_to_is_not_what_an_event_led_to(place: Place) -> None:
    journal, reader = place.open(), place.reader()
    epochs = journal.claim(ALL)
    first = entry(0, 1, targets=((0, "Call/a"),))
    one, other = (entry(0, n, cause=1, root=1, targets=((0, "Call/a"),)) for n in (2, 3))
    below = entry(0, 4, cause=3, root=1)
    journal.commit(batch(epochs, entries=[first, one, other, below]))

    assert reader.led_to(2, 9) == []
    assert reader.led_to(3, 9) == [below]


def test_each_log_that_a_chain_reached_is_read_once_however_long_the_chain_is(place: Place) -> None:
    journal, reader = place.open(), place.reader()
    if not isinstance(reader, SqliteReader):
        return
    epochs = journal.claim(ALL)
    targets = ((0, "Call/a"), (1, "Call/b"))
    steps = [entry(0, n, cause=n - 1, root=1, targets=targets) for n in range(2, 40)]
    journal.commit(batch(epochs, entries=[entry(0, 1, targets=targets), *steps]))

    asked = statements(reader)
    found = reader.led_to(1, 99)

    assert found == steps
    assert len([text for text in asked if "root" in text]) == 2


def statements(reader: SqliteReader) -> list[str]:
    """What the reader asks SQLite from now on."""
    asked: list[str] = []
    reader._db.set_trace_callback(asked.append)
    return asked


def test_the_first_of_some_types_that_an_event_led_to_at_any_distance(reader: Reader) -> None:
    def first(*types: str) -> tuple[str, int] | None:
        found = reader.of_root(1, types)
        return whats([found])[0] if found is not None else None

    assert first("paid", "granted") == ("granted", 1)
    assert first("shown", "paid") == ("paid", 0)
    assert first("shown") == ("shown", 2)
    assert first("nothing") is first() is None


def test_an_event_did_not_lead_to_itself(reader: Reader) -> None:
    assert reader.of_root(1, ["ordered"]) is None


def test_what_was_recorded_first_is_first_though_it_is_further_down_the_chain(place: Place) -> None:
    journal, reader = place.open(), place.reader()
    epochs = journal.claim(ALL)
    root = entry(0, 1, targets=((0, "Call/a"),), recorded=1)
    step = entry(0, 2, cause=1, root=1, targets=((0, "Call/a"),), recorded=2)
    below = entry(0, 3, type="rang", cause=2, root=1, recorded=3)
    later = entry(0, 4, type="rang", cause=1, root=1, recorded=9)
    journal.commit(batch(epochs, entries=[root, step, below, later]))

    assert reader.of_root(1, ["rang"]) == below


def test_a_chain_that_fans_out_widely_is_read_to_its_end(place: Place) -> None:
    journal, reader = place.open(), place.reader()
    epochs = journal.claim(ALL)
    count = 40_000
    wide = [entry(0, n, cause=1, root=1, targets=((0, "Call/a"),)) for n in range(2, count)]
    last = entry(0, count, type="last", cause=count - 1, root=1)
    journal.commit(batch(epochs, entries=[entry(0, 1, targets=((0, "Call/a"),)), *wide, last]))

    assert reader.of_root(1, ["last"]) == last
    assert reader.led_to(1, count) == [*wide, last]
