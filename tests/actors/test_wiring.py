"""Every mistake in the wiring is found by `App(...)`, all in one error, with the classes, the event and the places."""

import pickle
from collections.abc import Iterator

import pytest

from actors import After, Aggregate, App, At, Cancel, Gateway, WiringError, on
from tests.actors.wired import Answered, Ask, Asked, Hearing, Noted, place, problem, problems

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


# ---------------------------------------------------------------- sharing


def test_a_shared_field_whose_types_differ_is_refused() -> None:
    class Call(Hearing, key="key"):
        state: str = ""

    class Score(Hearing, shares=Call):
        state: int = 0

    found = problem(Call, Score)

    assert found.kind == "SharedFieldMismatch"
    assert "Call.state and Score.state are the same storage, and their types differ" in str(found)
    assert found.places == (place(Call), place(Score))


def test_sharing_a_class_that_is_not_in_the_app_is_refused() -> None:
    class Call(Hearing, key="key"): ...

    class Score(Aggregate, shares=Call):
        @on
        def hear(self, event: Asked) -> None: ...

    found = problem(Score)

    assert found.kind == "SharesNothing"
    assert "Score shares Call, which is not in the app" in str(found)
    assert found.places == (place(Score), place(Call))


def test_sharing_a_class_that_shares_another_is_refused() -> None:
    class Call(Hearing, key="key"): ...

    class Score(Hearing, shares=Call): ...

    class Rank(Hearing, shares=Score): ...

    assert problem(Call, Score, Rank).kind == "SharesNothing"


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

    class Score(Hearing, shares=Rival):
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
