"""A host runs the turns of what it holds, in order, tells of each by activation and number; failures leave no trace."""

import json
from collections.abc import Iterator

import pytest

from actors import After, Aggregate, App, Event, on
from actors.turn import STATE_MAX, LargeState
from runtime.core.messages import DeliverBatch, TurnDone
from tests.runtime.core.hosted import Hosted, bodies


class Added(Event, origin=True):
    key: str = "ada"
    amount: int = 1


class Filled(Event, origin=True):
    """Makes the state so many bytes large, about."""

    key: str = "ada"
    size: int


class Broke(Event, origin=True):
    key: str = "ada"
    how: str = "raise"


class Asked(Event, origin=True):
    key: str = "ada"


class Ended(Event, origin=True):
    key: str = "ada"


class Called(Event, origin=True, broadcast=True):
    amount: int = 1


class Planned(Event, origin=True):
    key: str = "ada"


class Counted(Event):
    key: str
    total: int


class Reminded(Event):
    key: str


class Told(Event):
    key: str
    id: str
    source: str
    subject: str


class Counter(Aggregate, key="key"):
    total: int = 0
    filling: str = ""

    @on
    def add(self, event: Added) -> Counted | None:
        self.total += event.amount
        return Counted(key=self.id, total=self.total) if event.amount else None

    @on
    def fill(self, event: Filled) -> None:
        self.filling = "x" * event.size

    @on
    def crash(self, event: Broke) -> Counted:
        self.total = 1_000_000
        if event.how == "exit":
            raise SystemExit(3)
        if event.how == "wrong":
            return Told(key="", id="", source="", subject="")  # type: ignore[return-value]
        if event.how == "state":
            object.__setattr__(self, "total", None)
            return Counted(key=self.id, total=0)
        raise ValueError("broken")

    @on
    def ask(self, event: Asked) -> Told:
        return Told(key=self.id, id=self.event.id, source=self.event.source, subject=self.event.subject)

    @on
    def end(self, event: Ended) -> Counted:
        self.retire()
        return Counted(key=self.id, total=-1)

    @on
    def called(self, event: Called) -> None:
        self.total += event.amount

    @on
    def plan(self, event: Planned) -> Iterator[After[Reminded] | Counted]:
        yield After(Reminded(key=self.id), seconds=2, name="later")
        yield Counted(key=self.id, total=self.total)


def hosted() -> Hosted:
    return Hosted(App("counting", Counter))


def state_of(turn: TurnDone) -> dict[str, object]:
    assert turn.state is not None
    found: dict[str, object] = json.loads(turn.state)
    return found


# ------------------------------------------------------------ activations


def test_turns_are_answered_in_order_with_activation_and_number() -> None:
    host = hosted()

    answer = host.deliver(("Counter/ada", Added()), ("Counter/bob", Added(key="bob")), ("Counter/ada", Added()))

    assert answer.number == 1
    assert [(t.address, t.activation, t.turn) for t in answer.turns] == [
        ("Counter/ada", 1, 0),
        ("Counter/bob", 1, 0),
        ("Counter/ada", 1, 1),
    ]
    assert [state_of(t)["total"] for t in answer.turns] == [1, 1, 2]


def test_turns_are_numbered_through_the_batches_of_an_activation() -> None:
    host = hosted()
    host.deliver(("Counter/ada", Added()))

    (turn,) = host.deliver(("Counter/ada", Added())).turns

    assert (turn.turn, state_of(turn)["total"]) == (1, 2)


def test_an_activation_begins_with_the_state_that_the_router_sent() -> None:
    host = hosted()
    first = host.activate("Counter/ada", b'{"total":40,"filling":""}')

    (turn,) = host.deliver(host.delivery("Counter/ada", Added()), activations=(first,)).turns

    assert state_of(turn)["total"] == 41


def test_a_new_activation_forgets_what_the_last_one_computed() -> None:
    host = hosted()
    host.deliver(("Counter/ada", Added(amount=100)))
    again = host.activate("Counter/ada", None)

    (turn,) = host.deliver(host.delivery("Counter/ada", Added()), activations=(again,)).turns

    assert (turn.activation, turn.turn, state_of(turn)["total"]) == (2, 0, 1)


def test_a_delivery_under_an_older_activation_is_ignored() -> None:
    host = hosted()
    host.warm("Counter/ada")
    old = host.delivery("Counter/ada", Added())
    new = host.activate("Counter/ada", None)

    assert host.deliver(old, activations=(new,)).turns == ()


def test_a_delivery_for_an_instance_that_is_not_held_is_ignored() -> None:
    host = hosted()

    assert host.deliver(host.delivery("Counter/ada", Added())).turns == ()


def test_a_dropped_instance_is_held_no_longer() -> None:
    host = hosted()
    host.deliver(("Counter/ada", Added()))

    answer = host.deliver(host.delivery("Counter/ada", Added()), drops=("Counter/ada", "Counter/never"))

    assert answer.turns == ()
    assert len(host.host) == 0


def test_an_instance_may_be_dropped_and_activated_in_one_batch() -> None:
    host = hosted()
    host.deliver(("Counter/ada", Added(amount=100)))
    again = host.activate("Counter/ada", None)

    answer = host.deliver(host.delivery("Counter/ada", Added()), activations=(again,), drops=("Counter/ada",))

    assert state_of(answer.turns[0])["total"] == 1


def test_a_batch_that_comes_twice_is_answered_with_nothing() -> None:
    host = hosted()
    activation = host.activate("Counter/ada")
    batch = DeliverBatch(1, (activation,), (host.delivery("Counter/ada", Added()),))
    first = host.host.deliver(batch)

    second = host.host.deliver(batch)

    assert len(first.turns) == 1
    assert (second.number, second.turns, second.failed) == (1, (), ())


def test_another_router_begins_with_an_empty_host_and_counts_from_one() -> None:
    host = hosted()
    host.deliver(("Counter/ada", Added()))

    host.host.reset()

    assert len(host.host) == 0
    again = host.host.deliver(
        DeliverBatch(1, (host.activate("Counter/ada"),), (host.delivery("Counter/ada", Added()),))
    )
    assert [state_of(t)["total"] for t in again.turns] == [1]


def test_an_event_of_the_same_id_from_another_router_is_another_event() -> None:
    host = hosted()
    host.deliver(("Counter/ada", Added(amount=5)))
    host.host.reset()
    host.position = host.number = 0
    again = host.activate("Counter/ada")

    (turn,) = host.deliver(host.delivery("Counter/ada", Added(amount=7)), activations=(again,)).turns

    assert state_of(turn)["total"] == 7


# ------------------------------------------------------------ what a turn tells


def test_a_turn_that_changes_nothing_says_so() -> None:
    host = hosted()

    (turn,) = host.deliver(("Counter/ada", Added(amount=0))).turns

    assert (turn.changed, turn.state, turn.retired) == (False, None, False)


def test_a_turn_that_retires_has_no_state_and_broadcasts_behind_it_have_no_effect() -> None:
    host = hosted()
    host.deliver(("Counter/ada", Added()))

    answer = host.deliver(
        ("Counter/ada", Ended()), host.delivery("Counter/ada", Called(), broadcast=True), ("Counter/ada", Added())
    )

    ended, called, added = answer.turns
    assert (ended.retired, ended.changed, ended.state) == (True, True, None)
    assert (called.changed, called.retired, called.turn) == (False, False, 2)
    assert (added.turn, state_of(added)["total"]) == (3, 1)


def test_emissions_carry_the_time_of_the_turn_and_where_they_come_from() -> None:
    host = hosted()
    host.warm("Counter/ada")

    (turn,) = host.deliver(host.delivery("Counter/ada", Added(), 77)).turns

    (emission,), (body,) = turn.emitted, bodies(turn)
    assert (emission.type, emission.time, emission.targets) == ("counted", 77, ())
    assert (body.source, body.handler, body.hops) == ("Counter/ada", "Counter.add", 1)
    assert body.data == b'{"key":"ada","total":1}'


def test_timers_are_due_after_the_events_time() -> None:
    host = hosted()
    host.warm("Counter/ada")

    (turn,) = host.deliver(host.delivery("Counter/ada", Planned(), 77)).turns

    assert [(t.name, t.event.type, t.event.time) for t in turn.timers] == [("later", "reminded", 2_000_077)]
    assert [e.type for e in turn.emitted] == ["counted"]


def test_a_handler_sees_the_envelope_of_its_event() -> None:
    host = hosted()
    host.warm("Counter/ada")
    asked = host.delivery("Counter/ada", Asked())

    (turn,) = host.deliver(asked).turns

    (body,) = bodies(turn)
    told = Told.model_validate_json(body.data)
    assert told.id == f"{asked.id >> 40}-{asked.id & ((1 << 40) - 1)}"
    assert (told.source, told.subject) == ("/counting/client", "ada")


def test_the_turn_under_way_is_known_to_a_watchdog() -> None:
    seen: list[object] = []

    class Watched(Aggregate, key="key"):
        @on
        def add(self, event: Added) -> None:
            seen.append(host.host.current)

    host = Hosted(App("watched", Watched))
    host.warm("Watched/ada")
    delivery = host.delivery("Watched/ada", Added())

    host.deliver(delivery)

    assert seen == [("Watched/ada", "added", delivery.at, 1)]
    assert host.host.current is None


# ------------------------------------------------------------ failing turns


@pytest.mark.parametrize(
    ("how", "error"),
    [("raise", "ValueError"), ("exit", "SystemExit"), ("wrong", "UnexpectedEmission"), ("state", "StateNotRoundTrip")],
)
def test_a_failing_turn_is_told_with_what_went_wrong_and_its_instance_is_dropped(how: str, error: str) -> None:
    host = hosted()
    host.deliver(("Counter/ada", Added()))

    answer = host.deliver(("Counter/ada", Broke(how=how)), ("Counter/ada", Added()), ("Counter/bob", Added(key="bob")))

    (failed,) = answer.failed
    assert (failed.address, failed.activation, failed.failure.error) == ("Counter/ada", 1, error)
    assert failed.failure.traceback
    assert [t.address for t in answer.turns] == ["Counter/bob"]
    assert len(host.host) == 1


def test_what_went_before_a_failing_turn_in_its_batch_counts() -> None:
    host = hosted()

    answer = host.deliver(("Counter/ada", Added()), ("Counter/ada", Broke()))

    assert [state_of(t)["total"] for t in answer.turns] == [1]
    assert len(answer.failed) == 1


def test_a_failure_says_which_handler_and_where() -> None:
    host = hosted()

    (failed,) = host.deliver(("Counter/ada", Broke())).failed

    assert failed.failure.where.startswith("Counter.crash ")
    assert "test_host.py:" in failed.failure.where
    assert "broken" in failed.failure.message


def test_an_event_that_can_not_be_read_fails_its_turn_only() -> None:
    host = hosted()
    host.warm("Counter/ada")
    broken = host.delivery("Counter/ada", Added(), body={"data": b'{"amount":"many"}'})

    answer = host.deliver(broken, ("Counter/bob", Added(key="bob")))

    assert [f.address for f in answer.failed] == ["Counter/ada"]
    assert [t.address for t in answer.turns] == ["Counter/bob"]


def test_a_stored_state_that_can_not_be_read_fails_the_turn() -> None:
    host = hosted()
    first = host.activate("Counter/ada", b'{"total":"none"}')

    answer = host.deliver(host.delivery("Counter/ada", Added()), activations=(first,))

    (failed,) = answer.failed
    assert "is no Counter" in failed.failure.message
    assert "upcaster" in failed.failure.message


# ------------------------------------------------------------ large states


def test_a_state_above_the_limit_is_refused_naming_the_class() -> None:
    host = hosted()
    host.deliver(("Counter/ada", Added()))

    answer = host.deliver(("Counter/ada", Filled(size=STATE_MAX)))

    (failed,) = answer.failed
    assert failed.failure.error == "StateTooLarge"
    assert "Counter" in failed.failure.message
    assert f"{STATE_MAX:,}" in failed.failure.message


def test_a_state_just_within_the_limit_is_taken_with_a_warning() -> None:
    host = hosted()

    with pytest.warns(LargeState):
        answer = host.deliver(("Counter/ada", Filled(size=STATE_MAX - 100)))

    assert answer.failed == ()


def test_a_large_state_goes_out_once_with_the_last_turn_of_its_instance() -> None:
    host = hosted()

    answer = host.deliver(
        ("Counter/ada", Filled(size=10_000)),
        ("Counter/bob", Added(key="bob")),
        ("Counter/ada", Added()),
        ("Counter/ada", Added(amount=0)),
    )

    ada = [t for t in answer.turns if t.address == "Counter/ada"]
    assert [(t.changed, t.state is not None) for t in ada] == [(True, False), (True, False), (True, True)]
    assert state_of(ada[-1])["total"] == 1


def test_small_states_go_out_with_every_turn() -> None:
    host = hosted()

    answer = host.deliver(*[("Counter/ada", Added())] * 3)

    assert all(t.state is not None for t in answer.turns)


def test_a_large_state_that_shrinks_within_the_batch_goes_out_as_it_ends() -> None:
    host = hosted()

    answer = host.deliver(("Counter/ada", Filled(size=10_000)), ("Counter/ada", Filled(size=1)))

    assert [t.state is not None for t in answer.turns] == [False, True]
    assert state_of(answer.turns[1])["filling"] == "x"


def test_a_large_state_whose_instance_then_retires_is_not_sent() -> None:
    host = hosted()

    answer = host.deliver(("Counter/ada", Filled(size=10_000)), ("Counter/ada", Ended()))

    assert [(t.changed, t.state, t.retired) for t in answer.turns] == [(True, None, False), (True, None, True)]


def test_a_large_state_before_a_failing_turn_is_sent() -> None:
    host = hosted()

    answer = host.deliver(("Counter/ada", Filled(size=10_000)), ("Counter/ada", Broke()))

    assert [t.state is not None for t in answer.turns] == [True]
    assert len(answer.failed) == 1


def test_a_large_state_that_went_out_is_none_of_the_next_batchs_business() -> None:
    host = hosted()
    host.deliver(("Counter/ada", Filled(size=10_000)))

    answer = host.deliver(("Counter/bob", Added(key="bob")), ("Counter/ada", Added(amount=0)))

    assert [(t.changed, t.state is not None) for t in answer.turns] == [(True, True), (False, False)]


# ------------------------------------------------------------ codec


class Shifted:
    """A codec that anybody can see through: reversed bytes."""

    def seal(self, name: str, data: bytes) -> bytes:
        return name.encode() + b"|" + data[::-1]

    def open(self, name: str, data: bytes) -> bytes:
        owner, _, sealed = data.partition(b"|")
        assert owner == name.encode()
        return sealed[::-1]


def test_states_and_payloads_are_sealed_on_their_way_out_and_opened_on_their_way_in() -> None:
    host = Hosted(App("counting", Counter), codec=Shifted())
    first = host.activate("Counter/ada", Shifted().seal("Counter", b'{"total":4,"filling":""}'))

    (turn,) = host.deliver(host.delivery("Counter/ada", Added()), activations=(first,)).turns

    assert turn.state == Shifted().seal("Counter", b'{"total":5,"filling":""}')
    assert [body.data for body in bodies(turn)] == [Shifted().seal("counted", b'{"key":"ada","total":5}')]
