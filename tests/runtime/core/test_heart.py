"""The heart asks one question at a time: it claims on each link, publishes what is due once a round, minds refusals."""

import pytest

from actors import Aggregate, App, Event, Heartbeat, cron, on
from runtime.core.heart import AskTaken, Claim, HeartCore, Tick
from runtime.core.messages import Publish, PublishReply, Taken
from runtime.core.partition import partition_of
from runtime.core.supervisor import SECOND, SupervisorCore
from runtime.wire import decode_body

HOUR = 3600 * SECOND
CRON = "cron 0 * * * * UTC hourly"
PARTITIONS = 8


class Hourly(Event, origin=True, broadcast=True):
    missed: int = 0


class Clock(Aggregate, singleton=True):
    @on
    def strike(self, event: Hourly) -> None: ...

    @on
    def tick(self, event: Heartbeat) -> None: ...


APP = App("clock", Clock, heartbeat=10, schedules=[cron("0 * * * *", Hourly)])
TAKEN = PublishReply(False, ((Taken.NEW, 1),))
FENCED = PublishReply(False, ((Taken.FENCED, 0),))
FULL = PublishReply(True)


@pytest.fixture
def heart() -> HeartCore:
    """One that has claimed epoch 7, of an app that has beaten 3 times, and hourly never."""
    heart = HeartCore(SupervisorCore((), APP.schedules), APP.catalogue, PARTITIONS)
    heart.linked()
    assert heart.question(0) == Claim()
    heart.claimed(7, 0, {"heartbeat": 3})
    return heart


def tick(heart: HeartCore, now: int) -> Publish:
    """The one event that is published next."""
    question = heart.question(now)
    assert isinstance(question, Tick)
    (item,) = question.batch.items
    return item


# ------------------------------------------------------------ rounds


def test_a_tick_goes_to_its_schedules_own_log_under_the_epoch_and_on_top_of_the_one_before(heart: HeartCore) -> None:
    question = heart.question(55 * SECOND)

    assert isinstance(question, Tick)
    (item,) = question.batch.items
    body = decode_body(item.body)
    assert (item.type, item.time, body.source) == ("heartbeat", 50 * SECOND, "heartbeat")
    assert body.data == b'{"tick":5,"missed":1}'
    assert (item.fence, item.schedule) == (7, ("heartbeat", 5, 3))
    assert item.partition == partition_of("heartbeat", PARTITIONS)
    assert (question.batch.client, question.batch.again) == ("supervisor-7", True)


def test_what_is_taken_is_not_published_again(heart: HeartCore) -> None:
    first = tick(heart, 40 * SECOND)
    heart.published(TAKEN)
    rest = heart.question(40 * SECOND)
    second = tick(heart, 50 * SECOND)

    assert rest is None
    assert not heart.refused
    assert (first.schedule, second.schedule) == (("heartbeat", 4, 3), ("heartbeat", 5, 4))
    assert second.seq == first.seq + 1


def test_each_schedule_is_published_in_a_round(heart: HeartCore) -> None:
    published = []
    while isinstance(heart.question(HOUR), Tick):
        published.append(heart.published(TAKEN))

    assert len(published) == 2
    assert heart.next_tick(HOUR) == HOUR + 10 * SECOND


def test_before_anything_is_due_there_is_nothing_to_ask(heart: HeartCore) -> None:
    assert heart.question(39 * SECOND) is None
    assert heart.next_tick(39 * SECOND) == 40 * SECOND


def test_a_schedule_counts_from_where_the_router_says() -> None:
    heart = HeartCore(SupervisorCore((), APP.schedules), APP.catalogue, PARTITIONS)
    heart.linked()
    heart.question(0)

    heart.claimed(1, 0, {}, {"heartbeat": 20 * SECOND})

    assert heart.question(29 * SECOND) is None
    assert tick(heart, 30 * SECOND).schedule == ("heartbeat", 1, -1)


def test_without_schedules_an_epoch_is_claimed_and_no_more() -> None:
    class Quiet(Aggregate, singleton=True):
        @on
        def strike(self, event: Hourly) -> None: ...

    app = App("quiet", Quiet)
    heart = HeartCore(SupervisorCore((), app.schedules), app.catalogue, PARTITIONS)
    heart.linked()

    first = heart.question(0)
    heart.claimed(1, 0, {})

    assert first == Claim()
    assert heart.question(HOUR) is None
    assert heart.next_tick(HOUR) is None


# ------------------------------------------------------------ refusals


def test_a_tick_that_a_full_router_refused_is_published_again_in_the_next_round(heart: HeartCore) -> None:
    first = tick(heart, 40 * SECOND)
    heart.published(FULL)
    rest = heart.question(40 * SECOND)
    refused = heart.refused
    second = tick(heart, 41 * SECOND)
    heart.published(TAKEN)
    heart.question(41 * SECOND)

    assert rest is None
    assert refused
    assert second.schedule == first.schedule
    assert not heart.refused


def test_a_supervisor_that_was_fenced_off_learns_what_was_taken_and_leaves_it_at_that(heart: HeartCore) -> None:
    tick(heart, 40 * SECOND)
    heart.published(FENCED)
    question = heart.question(40 * SECOND)
    heart.learnt({"heartbeat": 4})
    rest = heart.question(40 * SECOND)

    assert question == AskTaken()
    assert rest is None
    assert not heart.refused
    assert tick(heart, 50 * SECOND).schedule == ("heartbeat", 5, 4)


def test_one_that_was_fenced_off_twice_while_nobody_beat_claims_again_and_publishes(heart: HeartCore) -> None:
    asked = []
    for _ in range(2):
        asked.append(tick(heart, 40 * SECOND).fence)
        heart.published(FENCED)
        asked.append(heart.question(40 * SECOND))
        heart.learnt({"heartbeat": 3})
        asked.append(heart.question(40 * SECOND))
        asked.append(heart.refused)
    heart.claimed(9, 0, {"heartbeat": 3})
    rest = heart.question(40 * SECOND)

    assert asked == [7, AskTaken(), None, True, 7, AskTaken(), Claim(), True]
    assert rest is None
    assert tick(heart, 40 * SECOND).fence == 9


def test_what_another_supervisor_took_meanwhile_is_not_said_to_be_missed(heart: HeartCore) -> None:
    """The second schedule's event is made when it is published, on top of what was learnt after the first one."""
    now = 5 * HOUR
    first = tick(heart, now)
    heart.published(FENCED)
    heart.question(now)
    heart.learnt({"heartbeat": now // SECOND // 10, CRON: 4 * HOUR})

    second = tick(heart, now)

    assert first.type == "heartbeat"
    assert second.schedule == (CRON, now, 4 * HOUR)
    assert decode_body(second.body).data == b'{"missed":0}'


# ------------------------------------------------------------ links and failures


def test_on_a_new_link_an_epoch_is_claimed_whatever_was_asked_on_the_one_before(heart: HeartCore) -> None:
    tick(heart, 40 * SECOND)
    heart.published(FENCED)

    heart.linked()

    assert heart.question(40 * SECOND) == Claim()
    assert not heart.claims
    heart.claimed(8, 0, {"heartbeat": 3})
    assert tick(heart, 40 * SECOND).schedule == ("heartbeat", 4, 3)


def test_a_claim_that_failed_is_made_again_after_a_rest() -> None:
    heart = HeartCore(SupervisorCore((), APP.schedules), APP.catalogue, PARTITIONS)
    heart.linked()
    heart.question(0)

    heart.failed()

    assert (heart.refused, heart.claims) == (True, False)
    assert heart.question(0) == Claim()
    assert not heart.refused


def test_a_tick_that_failed_ends_the_round_and_is_published_in_the_next(heart: HeartCore) -> None:
    first = tick(heart, HOUR)

    heart.failed()

    assert heart.refused
    assert tick(heart, HOUR).schedule == first.schedule


def test_what_was_taken_is_asked_for_again_when_the_answer_failed(heart: HeartCore) -> None:
    tick(heart, 40 * SECOND)
    heart.published(FENCED)
    heart.question(40 * SECOND)

    heart.failed()

    assert heart.question(41 * SECOND) == AskTaken()
