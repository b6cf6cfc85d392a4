"""The outbox: whatever is refused, lost or late, each event is taken once, in the order offered."""

from collections import deque

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from runtime.core.messages import Publish, PublishBatch, PublishReply, Taken
from runtime.core.outbox import GivenUp, Outbox


def event(partition: int = 0, body: bytes = b"") -> Publish:
    return Publish(partition, 0, "happened", None, (), body)


def opened(**kwargs: int) -> Outbox[int]:
    outbox: Outbox[int] = Outbox("client", **kwargs)
    outbox.opened()
    return outbox


def send(outbox: Outbox[int]) -> tuple[int, PublishBatch]:
    sent = outbox.next_batch()
    assert sent is not None
    return sent


def numbers(batch: PublishBatch) -> list[int]:
    return [item.seq for item in batch.items]


def taken(*ids: int) -> PublishReply:
    return PublishReply(False, tuple((Taken.NEW, id) for id in ids))


REFUSED = PublishReply(True)


def test_an_event_alone_goes_at_once() -> None:
    outbox = opened()
    outbox.offer(event(), 1)

    ticket, batch = send(outbox)

    assert numbers(batch) == [1]
    assert outbox.replied(ticket, taken(77)) == [(1, Taken.NEW, 77)]
    assert len(outbox) == 0


def test_events_gather_while_two_batches_are_in_flight() -> None:
    outbox = opened()
    for token in (1, 2):
        outbox.offer(event(), token)
        send(outbox)
    for token in (3, 4, 5):
        outbox.offer(event(), token)
    assert outbox.next_batch() is None

    outbox.replied(1, taken(101))

    assert numbers(send(outbox)[1]) == [3, 4, 5]


def test_a_batch_is_bounded_in_events_and_bytes() -> None:
    outbox = opened(batch_items=3, batch_bytes=1000)
    for body in (b"", b"", b"", b"", b"x" * 2000, b""):
        outbox.offer(event(0, body), 0)

    first, second = send(outbox)[1], send(outbox)[1]

    assert [numbers(first), numbers(second)] == [[1, 2, 3], [4, 5]]


def test_nothing_is_sent_without_a_link() -> None:
    outbox: Outbox[int] = Outbox("client")
    outbox.offer(event(), 1)

    assert outbox.next_batch() is None
    outbox.opened()
    assert outbox.next_batch() is not None


def test_what_was_refused_goes_again_in_order_after_all_in_flight_is_answered_and_a_pause() -> None:
    outbox = opened()
    for token in (1, 2):
        outbox.offer(event(), token)
        send(outbox)
    outbox.offer(event(), 3)

    outbox.replied(1, REFUSED)
    assert outbox.next_batch() is None
    outbox.replied(2, REFUSED)
    assert outbox.paused
    assert outbox.next_batch() is None
    outbox.resume()

    batch = send(outbox)[1]
    assert (numbers(batch), batch.again) == ([1, 2, 3], True)


def test_a_lost_link_resends_under_the_same_numbers_before_anything_new() -> None:
    outbox = opened()
    outbox.offer(event(), 1)
    ticket, _ = send(outbox)
    outbox.offer(event(), 2)

    outbox.lost()
    outbox.offer(event(), 3)
    outbox.opened()

    assert outbox.replied(ticket, taken(9)) == []
    assert numbers(send(outbox)[1]) == [1, 2, 3]


def test_an_event_never_sent_or_refused_was_not_taken_when_its_time_is_over() -> None:
    outbox = opened(window=1)
    outbox.offer(event(), 1, 5.0)
    ticket, _ = send(outbox)
    outbox.offer(event(), 2, 5.0)
    outbox.offer(event(), 3, 9.0)
    outbox.replied(ticket, REFUSED)

    assert outbox.next_deadline == 5.0
    assert outbox.expire(4.9) == []
    assert outbox.expire(5.0) == [(1, GivenUp.NOT_TAKEN), (2, GivenUp.NOT_TAKEN)]

    outbox.resume()
    assert numbers(send(outbox)[1]) == [2]
    assert outbox.next_deadline == 9.0


def test_an_event_in_flight_or_sent_over_a_lost_link_may_have_been_taken() -> None:
    outbox = opened(window=1)
    outbox.offer(event(), 1, 5.0)
    outbox.offer(event(), 2, 6.0)
    outbox.offer(event(), 3, 7.0)
    ticket, _ = send(outbox)

    assert outbox.expire(5.0) == [(1, GivenUp.UNKNOWN)]
    outbox.lost()
    outbox.opened()
    assert outbox.expire(6.0) == [(2, GivenUp.UNKNOWN)]
    ticket, batch = send(outbox)
    assert numbers(batch) == [3]
    outbox.replied(ticket, REFUSED)
    assert outbox.expire(7.0) == [(3, GivenUp.UNKNOWN)], "refused now, but who knows about the first time"


def test_the_answer_for_an_event_that_was_given_up_is_dropped_and_the_others_are_told() -> None:
    outbox = opened()
    outbox.offer(event(), 1, 5.0)
    outbox.offer(event(), 2)
    ticket, _ = send(outbox)
    outbox.expire(5.0)

    assert outbox.replied(ticket, taken(11, 12)) == [(2, Taken.NEW, 12)]


def test_an_event_that_waits_for_a_reply_travels_alone() -> None:
    outbox = opened(window=9)
    outbox.offer(event(), 1)
    outbox.offer(event(), 2, await_types=("answered",))
    outbox.offer(event(), 3)

    batches = [send(outbox)[1] for _ in range(3)]

    assert [(numbers(b), b.await_types) for b in batches] == [([1], ()), ([2], ("answered",)), ([3], ())]


def test_closing_says_of_each_event_what_is_known() -> None:
    outbox = opened(window=1)
    outbox.offer(event(), 1)
    send(outbox)
    outbox.offer(event(), 2)

    assert outbox.abandon() == [(1, GivenUp.UNKNOWN), (2, GivenUp.NOT_TAKEN)]
    assert len(outbox) == 0 or outbox.next_batch() is None


class Histories(RuleBasedStateMachine):
    """One client, and a router that refuses, commits late, dies, and still reads what a lost link had carried."""

    def __init__(self) -> None:
        super().__init__()
        self.outbox: Outbox[int] = Outbox("client", batch_items=3)
        self.offered = 0
        self.partition_of: dict[int, int] = {}
        self.link: deque[tuple[int, PublishBatch]] = deque()
        self.stale: deque[tuple[int, PublishBatch]] = deque()
        self.replies: deque[tuple[int, PublishReply]] = deque()
        self.now = 0.0
        self.told: dict[int, int] = {}
        self.unknown: set[int] = set()
        self.not_taken: set[int] = set()
        # The router: what it took is durable; that the client was refused is in its memory only.
        self.log: list[int] = []
        self.reached: dict[int, int] = {}
        self.numbers: dict[tuple[int, int], int] = {}
        self.refused = False
        self.full = False

    @rule(partition=st.integers(0, 1), patience=st.sampled_from([3.0, 1e9]))
    def offer(self, partition: int, patience: float) -> None:
        self.offered += 1
        self.partition_of[self.offered] = partition
        self.outbox.offer(event(partition, str(self.offered).encode()), self.offered, self.now + patience)

    @rule()
    def send(self) -> None:
        sent = self.outbox.next_batch()
        if sent is not None:
            self.link.append(sent)

    @rule(full=st.booleans())
    def load_changes(self, full: bool) -> None:
        self.full = full

    def take(self, batch: PublishBatch) -> PublishReply:
        if self.full or (self.refused and not batch.again):
            self.refused = True
            return REFUSED
        self.refused = False
        ids = []
        for item in batch.items:
            if item.seq <= self.reached.get(item.partition, 0):
                known = self.numbers.get((item.partition, item.seq))
                assert known is not None, "a number below the highest was never taken"
                ids.append(known)
                continue
            self.reached[item.partition] = item.seq
            self.log.append(int(item.body))
            self.numbers[item.partition, item.seq] = len(self.log)
            ids.append(len(self.log))
        return taken(*ids)

    @precondition(lambda self: self.stale)
    @rule()
    def router_reads_what_a_lost_link_had_carried(self) -> None:
        self.take(self.stale.popleft()[1])

    @precondition(lambda self: self.link)
    @rule()
    def router_reads(self) -> None:
        self.stale.clear()  # A client's newer link ends its older one.
        ticket, batch = self.link.popleft()
        self.replies.append((ticket, self.take(batch)))

    @precondition(lambda self: self.replies)
    @rule(late=st.booleans())
    def client_reads(self, late: bool) -> None:
        ticket, reply = self.replies.pop() if late else self.replies.popleft()
        for token, _, id in self.outbox.replied(ticket, reply):
            assert token not in self.told
            self.told[token] = id

    @precondition(lambda self: self.outbox.is_open)
    @rule(router_died=st.booleans())
    def link_is_lost(self, router_died: bool) -> None:
        self.stale = deque() if router_died else self.stale + self.link
        self.refused = self.refused and not router_died
        self.link.clear()
        self.replies.clear()
        self.outbox.lost()

    @precondition(lambda self: not self.outbox.is_open)
    @rule()
    def link_opens(self) -> None:
        self.outbox.opened()

    @rule()
    def pause_ends(self) -> None:
        self.outbox.resume()

    @rule()
    def time_passes(self) -> None:
        self.now += 1
        for token, what in self.outbox.expire(self.now):
            (self.unknown if what is GivenUp.UNKNOWN else self.not_taken).add(token)

    @invariant()
    def each_is_taken_once_in_order(self) -> None:
        for partition in (0, 1):
            mine = [token for token in self.log if self.partition_of[token] == partition]
            assert mine == sorted(set(mine))

    @invariant()
    def what_was_said_is_true(self) -> None:
        for token, id in self.told.items():
            assert self.log[id - 1] == token
        assert not self.not_taken & set(self.log)
        assert not set(self.told) & (self.unknown | self.not_taken)

    def teardown(self) -> None:
        if self.outbox.is_open:
            self.link_is_lost(False)
        self.full = False
        self.stale.clear()
        self.outbox.opened()
        while (sent := self.outbox.next_batch()) is not None or self.outbox.paused:
            if sent is not None:
                ticket, batch = sent
                for token, _, id in self.outbox.replied(ticket, self.take(batch)):
                    self.told[token] = id
            else:
                self.outbox.resume()
        self.each_is_taken_once_in_order()
        self.what_was_said_is_true()
        everything = set(range(1, self.offered + 1))
        assert everything == set(self.told) | self.unknown | self.not_taken, "every event came to an end"


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
