"""Every mistake in the wiring is found by `App(...)`, all in one error, with the classes, the event and the places."""

import inspect
import pickle
from collections.abc import Iterator
from typing import Any

import pytest

from actors import After, Aggregate, App, At, Cancel, Event, Gateway, WiringError, on
from actors.errors import WiringProblem


class Asked(Event, origin=True):
    key: str
    weight: float = 0.0


class Answered(Event):
    key: str


class Noted(Event):
    key: str


class Ask(Aggregate, key="key"):
    @on
    def ask(self, event: Asked) -> Answered: ...  # type: ignore[empty-body]


def problems(*parts: type[Aggregate] | type[Gateway] | Gateway) -> tuple[WiringProblem, ...]:
    with pytest.raises(WiringError) as caught:
        App("shop", *parts)
    return caught.value.errors


def problem(*parts: type[Aggregate] | type[Gateway] | Gateway) -> WiringProblem:
    """The one problem of these parts, whose text begins with its kind and ends with what to do."""
    (found,) = problems(*parts)
    text = str(found)
    assert text.startswith(f"{found.kind}: ")
    assert text.splitlines()[-1] == f"  fix: {found.hint}"
    assert found.hint
    for place in found.places:
        assert place in text
    return found


def place(thing: object) -> str:
    """file:line of a class, or of a handler from its decorator on."""
    thing = getattr(thing, "function", thing)
    return f"{__file__}:{inspect.getsourcelines(thing)[1]}"  # type: ignore[arg-type]


# ---------------------------------------------------------------- owners


def test_two_owners_of_an_event_are_named_with_their_places() -> None:
    class Rival(Aggregate, key="key"):
        @on
        def reply(self, event: Asked) -> Answered: ...  # type: ignore[empty-body]

    found = problem(Ask, Rival)

    assert found.kind == "TwoOwners"
    assert "Answered has two owners, Ask.ask and Rival.reply" in str(found)
    assert found.places == (place(Ask.ask), place(Rival.reply))


def test_a_class_may_emit_an_event_in_several_handlers() -> None:
    class Both(Aggregate, key="key"):
        @on
        def ask(self, event: Asked) -> Answered: ...  # type: ignore[empty-body]

        @on
        def note(self, event: Answered) -> After[Noted]: ...  # type: ignore[empty-body]

        @on
        def again(self, event: Noted) -> After[Answered]: ...  # type: ignore[empty-body]

    catalogue = App("shop", Both).catalogue

    assert {event.owner for event in catalogue.events.values() if not event.origin} == {"Both", None}


def test_setting_a_timer_owns_its_event() -> None:
    class Later(Aggregate, key="key"):
        @on
        def reply(self, event: Asked) -> After[Answered]: ...  # type: ignore[empty-body]

    assert problem(Ask, Later).kind == "TwoOwners"


def test_what_a_gateway_turns_a_failure_into_is_owned_by_it() -> None:
    class Payments(Gateway):
        @on
        async def charge(self, event: Asked) -> None: ...

        @charge.failed
        async def give_up(self, event: Asked, error: Exception) -> Answered: ...  # type: ignore[empty-body]

    found = problem(Ask, Payments)

    assert found.kind == "TwoOwners"
    assert "Ask.ask and Payments.charge" in str(found)


def test_a_handler_that_emits_an_origin_event_is_refused() -> None:
    class Forger(Aggregate, key="key"):
        @on
        def forge(self, event: Answered) -> Asked: ...  # type: ignore[empty-body]

    found = next(p for p in problems(Ask, Forger) if p.kind == "EmitsOrigin")

    assert "Forger.forge emits Asked, which comes from outside" in str(found)
    assert found.places == (place(Forger.forge), place(Asked))


def test_a_cancel_of_a_timer_that_the_class_never_sets_is_refused() -> None:
    class Canceller(Aggregate, key="key"):
        @on
        def hear(self, event: Asked) -> Cancel[Answered]: ...  # type: ignore[empty-body]

    found = problem(Ask, Canceller)

    assert found.kind == "Unowned"
    assert "Canceller.hear cancels Answered, for which Canceller sets no timer" in str(found)
    assert found.places == (place(Canceller.hear), place(Answered))


# ---------------------------------------------------------------- listeners


def test_a_listener_of_an_event_that_nobody_emits_is_refused() -> None:
    class Deaf(Aggregate, key="key"):
        @on
        def hear(self, event: Noted) -> None: ...

    found = problem(Ask, Deaf)

    assert found.kind == "ListenerOfNothing"
    assert "Deaf.hear listens to Noted, which nobody emits" in str(found)
    assert found.places == (place(Deaf.hear), place(Noted))


def test_an_event_without_a_listener_is_fine() -> None:
    assert App("shop", Ask).catalogue.by_class[Answered].listeners == []


def test_two_handlers_of_a_class_for_one_event_are_refused() -> None:
    class Twice(Aggregate, key="key"):
        @on
        def one(self, event: Asked) -> None: ...

        @on
        def other(self, event: Asked) -> None: ...

    found = problem(Twice)

    assert found.kind == "TwoHandlers"
    assert "Twice.one and Twice.other both listen to Asked" in str(found)
    assert found.places == (place(Twice.one), place(Twice.other))


# ---------------------------------------------------------------- names


def test_two_classes_of_one_name_are_refused() -> None:
    class Other(Aggregate, key="key", name="Ask"): ...

    found = problem(Ask, Other)

    assert found.kind == "SameName"
    assert "Ask and Other have the same name 'Ask'" in str(found)
    assert found.places == (place(Ask), place(Other))


def test_two_events_of_one_wire_type_are_refused() -> None:
    class Replied(Event, name="answered"):
        key: str

    class Reply(Aggregate, key="key"):
        @on
        def reply(self, event: Asked) -> Replied: ...  # type: ignore[empty-body]

    found = problem(Ask, Reply)

    assert found.kind == "SameWireType"
    assert "Answered and Replied are both 'answered' on the wire" in str(found)
    assert found.places == (place(Answered), place(Replied))


@pytest.mark.parametrize("name", ["a/b", "a b", "a\n", "a\x00", "*", "trunkline.parked"])
def test_a_name_that_can_not_stand_in_an_address_is_refused(name: str) -> None:
    class Named(Aggregate, key="key", name=name): ...

    found = problem(Named)

    assert found.kind == "BadName"
    assert found.places == (place(Named),)


@pytest.mark.parametrize("name", ["a/b", "a b", "a\x00", "trunkline.parked"])
def test_a_wire_type_that_could_be_taken_for_something_else_is_refused(name: str) -> None:
    class Named(Event, origin=True, name=name):
        key: str

    class Listener(Aggregate, key="key"):
        @on
        def hear(self, event: Named) -> None: ...

    found = problem(Listener)

    assert found.kind == "BadName"
    assert found.places == (place(Named),)


@pytest.mark.parametrize("name", ["com.example.billing-wallet_2", "Börse"])
def test_names_of_letters_digits_and_a_few_signs_are_fine(name: str) -> None:
    class Named(Aggregate, key="key", name=name): ...

    assert list(App("shop", Named).catalogue.groups) == [name]


# ---------------------------------------------------------------- sharing


def test_a_shared_field_whose_types_differ_is_refused() -> None:
    class Call(Aggregate, key="key"):
        state: str = ""

    class Score(Aggregate, shares=Call):
        state: int = 0

    found = problem(Call, Score)

    assert found.kind == "SharedFieldMismatch"
    assert "Call.state and Score.state are the same storage, and their types differ" in str(found)
    assert found.places == (place(Call), place(Score))


def test_sharing_a_class_that_is_not_in_the_app_is_refused() -> None:
    class Call(Aggregate, key="key"): ...

    class Score(Aggregate, shares=Call):
        @on
        def hear(self, event: Asked) -> None: ...

    found = problem(Score)

    assert found.kind == "SharesNothing"
    assert "Score shares Call, which is not in the app" in str(found)
    assert found.places == (place(Score), place(Call))


def test_sharing_a_class_that_shares_another_is_refused() -> None:
    class Call(Aggregate, key="key"): ...

    class Score(Aggregate, shares=Call): ...

    class Rank(Aggregate, shares=Score): ...

    assert problem(Call, Score, Rank).kind == "SharesNothing"


# ---------------------------------------------------------------- arguments


class Base(Aggregate, key="key"): ...


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"failures": "ignore"}, "failures='ignore', which means nothing"),
        ({"placement": "dedicate"}, "placement='dedicate', which means nothing"),
        ({"singleton": True, "key": "key"}, "has one instance, and a key for many"),
        ({"shares": Base, "placement": "dedicated"}, "shares the instances of Base"),
        ({"shares": Base, "failures": "skip"}, "shares the instances of Base"),
        ({"shares": Base, "singleton": True}, "shares the instances of Base"),
    ],
    ids=str,
)
def test_a_class_argument_of_an_aggregate_that_means_nothing_is_refused(arguments: Any, text: str) -> None:
    class Odd(Aggregate, **arguments): ...

    found = problem(Base, Odd)

    assert found.kind == "BadArgument"
    assert text in str(found)
    assert place(Odd) in found.places


@pytest.mark.parametrize("arguments", [{"concurrency": 0}, {"per_second": 0}, {"per_second": -1.0}], ids=str)
def test_a_gateway_that_could_never_call_is_refused(arguments: Any) -> None:
    class Idle(Gateway, **arguments):
        @on
        async def call(self, event: Asked) -> None: ...

    found = problem(Idle)

    assert found.kind == "BadArgument"
    assert "no call could start" in str(found)
    assert found.places == (place(Idle),)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"retries": 5}, "Odd.hear has retries=, timeout= or idempotent=, which are of gateways"),
        ({"timeout": 5}, "Odd.hear has retries=, timeout= or idempotent=, which are of gateways"),
        ({"idempotent": True}, "Odd.hear has retries=, timeout= or idempotent=, which are of gateways"),
        ({"max_hops": 0}, "Odd.hear has max_hops=0"),
    ],
    ids=str,
)
def test_an_argument_of_on_that_means_nothing_to_an_aggregate_is_refused(arguments: Any, text: str) -> None:
    class Odd(Aggregate, key="key"):
        @on(**arguments)
        def hear(self, event: Asked) -> None: ...

    found = problem(Odd)

    assert found.kind == "BadArgument"
    assert text in str(found)
    assert found.places == (place(Odd.hear),)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"key": "key"}, "Odd.hear has a key=, and a gateway has no instances"),
        ({"retries": -1}, "Odd.hear has retries=-1"),
        ({"timeout": 0}, "Odd.hear has retries=3, timeout=0: it could not be called"),
    ],
    ids=str,
)
def test_an_argument_of_on_that_means_nothing_to_a_gateway_is_refused(arguments: Any, text: str) -> None:
    class Odd(Gateway):
        @on(**arguments)
        async def hear(self, event: Asked) -> None: ...

    found = problem(Odd)

    assert found.kind == "BadArgument"
    assert text in str(found)


def test_what_becomes_of_a_failed_turn_is_not_an_aggregates_to_say() -> None:
    class Odd(Aggregate, key="key"):
        @on
        def hear(self, event: Asked) -> None: ...

        @hear.failed
        async def gave_up(self, event: Asked, error: Exception) -> None: ...

    found = problem(Odd)

    assert found.kind == "BadArgument"
    assert "Odd.hear has a reconcile or a failed, which are of gateways" in str(found)


# ---------------------------------------------------------------- reconcile and failed


def test_a_reconcile_and_a_failed_hear_what_their_handler_hears() -> None:
    class Payments(Gateway):
        @on
        async def charge(self, event: Asked | Answered) -> None: ...

        @charge.reconcile
        async def look(self, event: Asked) -> None: ...

        @charge.failed
        async def give_up(self, event: Event, error: Exception) -> None: ...

    found = problem(Ask, Payments)

    assert found.kind == "BadHint"
    assert "Payments.look can't take what Payments.charge hears" in str(found)
    assert found.hint == "async def look(self, event: Asked | Answered) -> ..."


def test_a_failed_takes_event_and_error() -> None:
    class Payments(Gateway):
        @on
        async def charge(self, event: Asked) -> None: ...

        @charge.failed  # type: ignore[arg-type]
        async def give_up(self, event: Asked) -> None: ...

    found = problem(Payments)

    assert found.kind == "BadHint"
    assert found.hint == "async def give_up(self, event: Asked, error: Exception) -> ..."


def test_a_reconcile_and_a_failed_are_async() -> None:
    class Payments(Gateway):
        @on
        async def charge(self, event: Asked) -> None: ...

        @charge.reconcile
        def look(self, event: Asked) -> None: ...

        @charge.failed
        def give_up(self, event: Asked, error: Exception) -> None: ...

    assert [found.kind for found in problems(Payments)] == ["SyncGateway", "SyncGateway"]


# ---------------------------------------------------------------- timers and times


def test_an_aggregate_that_states_a_time_is_refused() -> None:
    class Dating(Aggregate, key="key"):
        @on
        def hear(self, event: Asked) -> At[Noted]: ...  # type: ignore[empty-body]

    found = problem(Dating)

    assert found.kind == "StatedTime"
    assert "Dating.hear returns At[...]" in str(found)


@pytest.mark.parametrize("hint", [After[Noted], Cancel[Noted]], ids=str)
def test_a_gateway_that_sets_a_timer_is_refused(hint: object) -> None:
    class Payments(Gateway):
        @on
        async def charge(self, event: Asked) -> hint: ...  # type: ignore[valid-type]

    found = next(p for p in problems(Payments) if p.kind == "GatewayTimer")

    assert "Payments.charge sets a timer" in str(found)
    assert found.places == (place(Payments.charge),)


def test_a_gateway_that_sets_a_timer_when_it_gives_up_is_refused() -> None:
    class Payments(Gateway):
        @on
        async def charge(self, event: Asked) -> None: ...

        @charge.failed
        async def give_up(self, event: Asked, error: Exception) -> After[Noted]: ...  # type: ignore[empty-body]

    found = problem(Payments)

    assert found.kind == "GatewayTimer"
    assert "Payments.give_up sets a timer" in str(found)


# ---------------------------------------------------------------- the error as a whole


def test_all_problems_come_in_one_error_whose_text_holds_each_in_full() -> None:
    class Rival(Aggregate, key="key"):
        @on
        def reply(self, event: Asked) -> Answered: ...  # type: ignore[empty-body]

    class Many(Aggregate, key="board_id"):
        _cache: int = 0
        wanting: int

        @on
        def hear(self, event: Asked) -> Iterator[Noted]: ...  # type: ignore[empty-body]

        @on
        async def slow(self, event: Answered) -> None: ...

        @on
        def unclear(self, event: Noted): ...  # type: ignore[no-untyped-def]

    class Score(Aggregate, shares=Rival):
        wrong: object = None

    class Payments(Gateway):
        url: str

        @on
        def charge(self, event: Asked) -> Asked: ...  # type: ignore[empty-body]

    with pytest.raises(WiringError) as caught:
        App("shop", Ask, Rival, Many, Score, Payments)

    found = caught.value.errors
    assert {problem.kind for problem in found} == {
        *("TwoOwners", "PrivateAttribute", "NoDefault", "AsyncAggregate", "BadHint", "PolymorphicField"),
        *("MissingSettings", "SyncGateway", "EmitsOrigin", "UnroutableKey", "UndeclaredCycle"),
    }
    assert all(str(problem) in str(caught.value) for problem in found)
    assert f"the wiring of app 'shop' has {len(found)} problems" in str(caught.value)


def test_the_error_is_the_same_after_pickling() -> None:
    class Deaf(Aggregate, key="board_id"):
        @on
        def hear(self, event: Noted) -> None: ...

    with pytest.raises(WiringError) as caught:
        App("shop", Deaf)

    again = pickle.loads(pickle.dumps(caught.value))

    assert str(again) == str(caught.value)
    assert [(e.kind, e.places, e.hint) for e in again.errors] == [
        (e.kind, e.places, e.hint) for e in caught.value.errors
    ]
