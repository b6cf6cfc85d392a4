"""What an event carries: attributes of its own, the trace of its chain, and nothing that another place would change."""

from datetime import UTC, datetime, timedelta

import pytest

from actors import Aggregate, App, Envelope, Event, Gateway, on
from actors.aggregate import EPOCH
from actors.errors import EventRejected
from runtime.core.failure import TRACEBACK_MAX, failure_of
from runtime.core.flat import goes_as_it_is, is_flat
from runtime.core.messages import id_text, parse_id
from runtime.core.partition import partition_of
from runtime.encode import traceparent
from runtime.journal.memory import MemoryReader
from runtime.reading import Reading
from runtime.source import JournalAtRest
from tests.runtime.core.stand import Stand

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Ordered(Event, origin=True):
    buyer: str
    shop: str = "market"


class Paid(Event):
    buyer: str
    shop: str


class Packed(Event):
    buyer: str


class Nobody(Event, origin=True): ...


SEEN: list[tuple[str, Envelope]] = []


class Bank(Gateway):
    @on
    async def pay(self, event: Ordered) -> Paid:
        SEEN.append(("Bank", self.event))
        return Paid(buyer=event.buyer, shop=event.shop)


class Buyer(Aggregate, key="buyer"):
    paid: int = 0

    @on
    def pay(self, event: Paid) -> Packed:
        self.paid += 1
        SEEN.append((f"Buyer/{self.id}", self.event))
        return Packed(buyer=self.id)

    @on
    def packed(self, event: Packed) -> None:
        self.paid += 1
        SEEN.append((f"Buyer/{self.id}", self.event))


class Shop(Aggregate, key="shop"):
    @on
    def pay(self, event: Paid) -> None:
        SEEN.append((f"Shop/{self.id}", self.event))


APP = App("mall", Bank, Buyer, Shop)


@pytest.fixture(autouse=True)
def nothing_seen() -> None:
    SEEN.clear()


def played(*, trace: str = "") -> tuple[Stand, dict[tuple[str, str], Envelope]]:
    stand = Stand(APP)
    token = traceparent.set(trace)
    stand.say(Ordered(buyer="ada"))
    traceparent.reset(token)
    stand.settle()
    return stand, {(who, envelope.type): envelope for who, envelope in SEEN}


def test_the_chain_of_causes_is_told() -> None:
    _, seen = played()

    ordered, paid, packed = seen["Bank", "ordered"], seen["Buyer/ada", "paid"], seen["Buyer/ada", "packed"]
    assert (ordered.causationid, ordered.correlationid) == ("", ordered.id)
    assert (paid.causationid, paid.correlationid) == (ordered.id, ordered.id)
    assert (packed.causationid, packed.correlationid) == (paid.id, ordered.id)
    assert [envelope.hops for envelope in (ordered, paid, packed)] == [0, 1, 2]


def test_a_source_says_who_emitted_it_and_in_which_app() -> None:
    _, seen = played()

    assert seen["Bank", "ordered"].source == "/mall/client"
    assert seen["Buyer/ada", "paid"].source == "/mall/Bank"
    assert seen["Buyer/ada", "packed"].source == "/mall/Buyer/ada"


def test_a_subject_is_the_key_that_all_listeners_agree_on() -> None:
    _, seen = played()

    assert seen["Bank", "ordered"].subject == ""
    assert seen["Buyer/ada", "paid"].subject == ""
    assert seen["Buyer/ada", "packed"].subject == seen["Buyer/ada", "packed"].partitionkey == "ada"


def test_an_id_is_the_place_in_the_log_and_a_copy_keeps_its_origins() -> None:
    stand, seen = played()

    assert partition_of("ada", 4) != partition_of("market", 4)
    assert seen["Buyer/ada", "paid"] == seen["Shop/market", "paid"]
    ((entry, _),) = stand.happened("paid")
    assert seen["Shop/market", "paid"].id == id_text(entry.id)
    assert seen["Shop/market", "paid"].sequence == id_text(entry.id).partition("-")[2]


def test_type_version_and_time_are_told_and_when_it_was_recorded_is_not() -> None:
    _, seen = played()

    paid = seen["Buyer/ada", "paid"]
    assert (paid.type, paid.dataschema) == ("paid", "paid/1")
    assert paid.time == datetime(1970, 1, 1, 0, 0, 0, 1000, tzinfo=UTC)
    assert not any("recorded" in name for name in Envelope.__slots__)


def test_a_trace_follows_its_chain_through_gateways_and_turns() -> None:
    _, seen = played(trace=TRACE)

    assert {envelope.traceparent for envelope in seen.values()} == {TRACE}


def test_without_a_trace_there_is_none() -> None:
    _, seen = played()

    assert {envelope.traceparent for envelope in seen.values()} == {""}


def test_people_are_told_what_handlers_are_told_and_when_it_was_recorded() -> None:
    stand, seen = played(trace=TRACE)
    reading = Reading(JournalAtRest(MemoryReader(stand.store)), APP)

    told = {entry.type: reading.recorded(entry) for entry in stand.log.values() if entry.at == entry.id}

    for (_, type), envelope in seen.items():
        recorded = told[type]
        assert f"/mall/{recorded.source}" == envelope.source
        assert (recorded.cause or "", recorded.correlation) == (envelope.causationid, envelope.correlationid)
        others = set(Envelope.__slots__) - {"source", "causationid", "correlationid"}
        assert {name: getattr(recorded, name) for name in others} == {name: getattr(envelope, name) for name in others}
        assert recorded.recorded == EPOCH + timedelta(microseconds=stand.now)


def test_people_are_told_the_version_of_what_they_are_shown() -> None:
    class Newer(Event, origin=True, name="ordered", version=2, upcasters={1: lambda old: {"who": old["buyer"]}}):
        who: str

    class Clerk(Aggregate, key="who"):
        @on
        def note(self, event: Newer) -> None: ...

    stand, _ = played()
    ((entry, _),) = stand.happened("ordered")
    source = JournalAtRest(MemoryReader(stand.store))

    stored, read = (Reading(source, app).recorded(entry) for app in (None, App("mall", Clerk)))

    assert (stored.dataschema, stored.event) == ("ordered/1", {"buyer": "ada", "shop": "market"})
    assert (read.dataschema, read.event) == ("ordered/2", Newer(who="ada"))


def test_an_event_that_nobody_hears_is_written_down_and_delivered_to_nobody() -> None:
    class Deaf(Aggregate, key="buyer"):
        @on
        def order(self, event: Ordered) -> Packed:
            return Packed(buyer=self.id)

    stand = Stand(App("deaf", Deaf))
    stand.say(Ordered(buyer="ada"))
    stand.settle()

    ((entry, body),) = stand.happened("packed")
    assert entry.targets == b""
    assert body.subject == ""


def test_an_event_of_no_app_is_refused_where_it_is_published() -> None:
    with pytest.raises(EventRejected):
        Stand(APP).say(Nobody())


# ------------------------------------------------------------ small parts


@pytest.mark.parametrize("packed", [1, 5 << 40 | 7, (63 << 40) | ((1 << 40) - 1)])
def test_an_ids_text_is_read_back(packed: int) -> None:
    assert parse_id(id_text(packed)) == packed


@pytest.mark.parametrize("text", ["", "-", "3", "a-1", "1-b", "1-"])
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        parse_id(text)


def test_a_key_alone_decides_about_its_partition() -> None:
    # Journals hold on to these numbers: they may never change.
    assert [partition_of(key, 64) for key in ("ada", "bob", "ü")] == [40, 0, 21]


def test_a_long_traceback_is_cut_in_its_middle() -> None:
    def deep(n: int) -> None:
        if n:
            deep(n - 1)
        raise ValueError("x" * 40_000 + " the end")

    try:
        deep(1)
    except ValueError as error:
        failure = failure_of(error)

    assert len(failure.traceback) <= TRACEBACK_MAX + 10
    assert failure.traceback.startswith("Traceback")
    assert failure.traceback.endswith("the end\n")


class Flat(Event):
    name: str
    count: int | None = None


class Deep(Event):
    names: list[str]


class Text(str): ...


def test_an_event_of_plain_values_may_be_handed_on_as_it_is() -> None:
    assert is_flat(Flat)
    assert goes_as_it_is(Flat(name="ada", count=3))


def test_an_event_that_holds_something_mutable_or_of_a_subclass_is_made_again() -> None:
    assert not is_flat(Deep)
    assert not goes_as_it_is(Deep(names=[]))
    assert not goes_as_it_is(Flat.model_construct(name=Text("ada"), count=None))
