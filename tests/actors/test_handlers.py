"""Handlers: the parameter's hint is what one listens to, the return hint what its class emits."""

from collections.abc import Callable, Generator, Iterable, Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, Optional, Union

import pytest

from actors import After, Aggregate, App, At, Cancel, Event, Gateway, WiringError, on
from actors.errors import HandlerFailed, UnexpectedEmission
from actors.hints import read
from actors.testing import given
from actors.turn import TimerSet
from tests.actors.rig import Rig


class Asked(Event, origin=True):
    key: str = "ada"
    answer: Any = None


class Called(Event, origin=True):
    key: str = "ada"


class Answered(Event):
    key: str = "ada"


class Declined(Event):
    key: str = "ada"


class Late(Declined): ...


Answer = Answered | Declined


def problem(*parts: Any) -> str:
    with pytest.raises(WiringError) as caught:
        App("shop", *parts)
    (found,) = caught.value.errors
    return str(found)


# ---------------------------------------------------------------- what hints say


@pytest.mark.parametrize("hint", [Asked | Called, Union[Asked, Called], Annotated[Asked | Called, "x"]], ids=str)  # noqa: UP007
def test_a_union_as_parameter_hint_listens_to_several(hint: Any) -> None:
    def handler(self: Aggregate, event: hint) -> None: ...

    assert read(handler, {}).listens == (Asked, Called)


@pytest.mark.parametrize(
    ("hint", "emits", "after", "cancels"),
    [
        (None, (), (), ()),
        (Answered, (Answered,), (), ()),
        (Answered | None, (Answered,), (), ()),
        (Optional[Answered], (Answered,), (), ()),  # noqa: UP045
        (Answer | None, (Answered, Declined), (), ()),
        (After[Answered], (), (Answered,), ()),
        (After[Answer], (), (Answered, Declined), ()),
        (Cancel[Declined], (), (), (Declined,)),
        (Answered | After[Declined] | Cancel[Declined] | None, (Answered,), (Declined,), (Declined,)),
        (Iterator[Answered | After[Declined]], (Answered,), (Declined,), ()),
        (Iterable[Answer], (Answered, Declined), (), ()),
        (Generator[Answered, None, None], (Answered,), (), ()),
    ],
    ids=str,
)
def test_the_return_hint_says_what_is_emitted_set_and_cancelled(
    hint: Any, emits: Any, after: Any, cancels: Any
) -> None:
    def handler(self: Aggregate, event: Asked) -> hint: ...

    found = read(handler, {})

    assert (found.emits, found.after, found.cancels) == (emits, after, cancels)


def test_a_missing_return_hint_is_an_error() -> None:
    class Silent(Aggregate, key="key"):
        @on
        def hear(self, event: Asked): ...  # type: ignore[no-untyped-def]

    assert "BadHint: Silent.hear: it has no return hint: say what it emits, or None" in problem(Silent)
    assert Silent.hear.where in problem(Silent)


def test_a_missing_parameter_hint_is_an_error() -> None:
    class Deaf(Aggregate, key="key"):
        @on
        def hear(self, event) -> None: ...  # type: ignore[no-untyped-def]

    class Alone(Aggregate, key="key"):
        @on
        def hear(self) -> None: ...  # type: ignore[arg-type, call-overload]

    assert "Deaf.hear: it has no parameter with a hint that says which event it listens to" in problem(Deaf)
    assert "Alone.hear: it has no parameter with a hint" in problem(Alone)


@pytest.mark.parametrize("hint", [int, str | Asked, list[Asked], Any, type[Asked]], ids=str)
def test_a_parameter_hint_that_names_no_event_is_an_error(hint: Any) -> None:
    class Odd(Aggregate, key="key"):
        @on
        def hear(self, event: hint) -> None: ...

    assert "BadHint: Odd.hear: its hint names " in problem(Odd)


@pytest.mark.parametrize("hint", [int, Answered | str, list[Answered], After[Any], Iterator, Any], ids=str)
def test_a_return_hint_that_names_no_event_is_an_error(hint: Any) -> None:
    class Odd(Aggregate, key="key"):
        @on
        def hear(self, event: Asked) -> hint: ...

    assert "BadHint: Odd.hear: its hint names " in problem(Odd)


@pytest.mark.parametrize("hint", [Answered, None, Iterator], ids=str)
def test_a_handler_that_yields_and_does_not_say_so_is_an_error_that_shows_how(hint: Any) -> None:
    class Many(Aggregate, key="key"):
        @on
        def hear(self, event: Asked) -> hint:
            yield Answered(key=self.id)

    assert "BadHint: Many.hear: it yields, and its return hint is no Iterator of what it yields" in problem(Many)
    assert "one that yields several has -> Iterator[OtherEvent | AnotherEvent]" in problem(Many)


def test_a_hint_that_can_not_be_found_is_an_error_that_names_it() -> None:
    class Odd(Aggregate, key="key"):
        @on
        def hear(self, event: "Nowhere") -> None: ...  # type: ignore[name-defined]  # noqa: F821

    assert "Odd.hear: its hints name 'Nowhere', which can't be found" in problem(Odd)


# ---------------------------------------------------------------- what is emitted


class Free(Aggregate, key="key"):
    """Returns whatever the event says."""

    count: int = 0

    @on
    def hear(self, event: Asked) -> Answered | Declined | After[Answered] | Cancel[Answered] | None:
        self.count += 1
        return event.answer() if event.answer is not None else None  # type: ignore[no-any-return]


class Each(Aggregate, key="key"):
    """Yields whatever the event says."""

    @on
    def hear(self, event: Called | Asked) -> Iterator[Answered | After[Declined] | None]:
        yield from event.answer()  # type: ignore[union-attr]


def emitted(cls: type[Aggregate], event: Event) -> list[Event]:
    return [one.event for one in Rig(cls).turn(event).emitted]


def test_what_the_hint_says_is_emitted() -> None:
    assert emitted(Free, Asked(answer=Answered)) == [Answered()]
    assert emitted(Free, Asked(answer=Declined)) == [Declined()]
    assert emitted(Free, Asked()) == []


def test_an_iterator_emits_in_order_and_may_hold_none() -> None:
    answers = [Answered(key="1"), None, After(Declined(), days=1), Answered(key="2")]

    result = Rig(Each).turn(Asked(answer=lambda: answers))

    assert [one.event for one in result.emitted] == [Answered(key="1"), Answered(key="2")]
    assert [timer.emitted.event for timer in result.timers if isinstance(timer, TimerSet)] == [Declined()]


@pytest.mark.parametrize(
    "answer",
    [
        *(Asked, Called, Late, lambda: [Answered()], lambda: "text", lambda: Answered, lambda: iter([Answered()])),
        *(lambda: After(Declined(), days=1), lambda: Cancel(Declined)),
        lambda: At(Answered(), datetime(2026, 1, 1, tzinfo=UTC)),
    ],
)
def test_emitting_what_the_hint_does_not_say_fails_the_turn(answer: Callable[[], Any]) -> None:
    rig = Rig(Free)

    with pytest.raises(
        UnexpectedEmission, match=r"Free\.hear returned .*, which its return hint does not name"
    ) as caught:
        rig.turn(Asked(answer=answer))

    assert Free.hear.where in str(caught.value)
    assert rig.state.count == 0


def test_yielding_what_the_hint_does_not_say_fails_the_turn() -> None:
    with pytest.raises(UnexpectedEmission, match=r"Each\.hear returned Declined"):
        Rig(Each).turn(Asked(answer=lambda: [Answered(), Declined()]))


def test_a_hint_on_a_base_does_not_let_a_class_emit_an_event_that_another_owns() -> None:
    class Owner(Aggregate, key="key"):
        @on
        def hear(self, event: Called) -> Late: ...  # type: ignore[empty-body]

    with pytest.raises(UnexpectedEmission):
        Rig(Free, Owner).turn(Asked(answer=Late))


def test_what_a_handler_raises_fails_the_turn_with_the_handler_the_event_and_the_place() -> None:
    def broken() -> None:
        raise ZeroDivisionError("by nought")

    with pytest.raises(HandlerFailed) as caught:
        Rig(Free).turn(Asked(answer=broken))

    assert "Free.hear raised ZeroDivisionError: by nought while Free/ada handled Asked" in str(caught.value)
    assert Free.hear.where in str(caught.value)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


# ---------------------------------------------------------------- async


def test_an_aggregates_handler_is_never_async() -> None:
    class Waiting(Aggregate, key="key"):
        @on
        async def hear(self, event: Asked) -> None: ...

    class Streaming(Aggregate, key="key"):
        @on
        async def hear(self, event: Asked) -> None:
            yield

    assert "AsyncAggregate: Waiting.hear is async" in problem(Waiting)
    assert "AsyncAggregate: Streaming.hear is async" in problem(Streaming)


def test_a_gateways_handler_is_always_async() -> None:
    class Blocking(Gateway):
        @on
        def hear(self, event: Asked) -> None: ...

    assert "SyncGateway: Blocking.hear is not async" in problem(Blocking)


# ---------------------------------------------------------------- where handlers stand


class Counting(Aggregate):
    count: int = 0

    @on
    def hear(self, event: Asked) -> None:
        self.count += 1


def test_a_handler_may_stand_in_a_base_class() -> None:
    class Wallet(Counting, key="key"):
        @on
        def called(self, event: Called) -> None:
            self.count += 10

    wallet = given(Wallet)

    wallet.when(Asked(), Called())

    assert wallet.state.count == 11


def test_a_handler_may_stand_in_a_class_that_is_no_aggregate() -> None:
    class Hearing:
        @on
        def hear(self, event: Asked) -> Answered:
            return Answered()

    class Wallet(Hearing, Aggregate, key="key"): ...

    assert given(Wallet).when(Asked()) == [Answered()]


def test_a_handler_of_the_same_name_replaces_that_of_the_base() -> None:
    class Wallet(Counting, key="key"):
        @on
        def hear(self, event: Asked) -> None:
            self.count += 100

    wallet = given(Wallet)

    wallet.when(Asked())

    assert wallet.state.count == 100


def test_a_method_of_the_same_name_that_takes_no_event_takes_the_handler_away() -> None:
    class Wallet(Counting, key="key"):
        def hear(self, count: int) -> None: ...  # type: ignore[override]

        @on
        def called(self, event: Called) -> None: ...

    assert App("shop", Wallet).catalogue.by_class.get(Asked) is None


def test_a_handler_can_be_called_as_the_method_that_it_is() -> None:
    assert given(Free).state.hear(Asked(answer=Answered)) == Answered()


def test_on_may_stand_with_empty_brackets() -> None:
    class Wallet(Aggregate, key="key"):
        @on()
        def hear(self, event: Asked) -> Answered:
            """Says so."""
            return Answered()

    assert given(Wallet).when(Asked()) == [Answered()]
    assert Wallet.hear.__doc__ == "Says so."
