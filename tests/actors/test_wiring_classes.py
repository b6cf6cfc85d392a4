"""Mistakes that one class makes by itself: in names, arguments, `reconcile` and `failed`."""

from typing import Any

import pytest

from actors import Aggregate, App, Event, Gateway, TrunklineError, WiringError, cron, on
from actors.testing import scenario
from tests.actors.wired import Answered, Ask, Asked, Hearing, place, problem, problems

# ---------------------------------------------------------------- names


def test_two_classes_of_one_name_are_refused() -> None:
    class Other(Hearing, key="key", name="Ask"): ...

    found = problem(Ask, Other)

    assert found.kind == "SameName"
    assert "Ask and Other have the same name 'Ask'" in str(found)
    assert found.places == (place(Ask), place(Other))


def test_an_aggregate_that_is_given_twice_is_told_so() -> None:
    found = problem(Ask, Ask)

    assert str(found) == f"GivenTwice: Ask is given twice\n  at {place(Ask)}\n  fix: leave one out."


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
    class Named(Hearing, key="key", name=name): ...

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
    class Named(Hearing, key="key", name=name): ...

    assert list(App("shop", Named).catalogue.groups) == [name]


# ---------------------------------------------------------------- arguments


class Base(Hearing, key="key"): ...


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
    class Odd(Hearing, **arguments): ...

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
        ({"retries": 3}, "Odd.hear has retries=, timeout= or idempotent=, which are of gateways"),
        ({"timeout": 30}, "Odd.hear has retries=, timeout= or idempotent=, which are of gateways"),
        ({"idempotent": False}, "Odd.hear has retries=, timeout= or idempotent=, which are of gateways"),
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


def test_a_reconcile_takes_the_event_alone() -> None:
    class Payments(Gateway):
        @on
        async def charge(self, event: Asked) -> None: ...

        @charge.reconcile  # type: ignore[arg-type]
        async def look(self, event: Asked, *, limit: int) -> None: ...

    found = problem(Payments)

    assert found.kind == "BadHint"
    assert found.hint == "async def look(self, event: Asked) -> ..."


def test_a_reconcile_and_a_failed_are_async() -> None:
    class Payments(Gateway):
        @on
        async def charge(self, event: Asked) -> None: ...

        @charge.reconcile
        def look(self, event: Asked) -> None: ...

        @charge.failed
        def give_up(self, event: Asked, error: Exception) -> None: ...

    assert [found.kind for found in problems(Payments)] == ["SyncGateway", "SyncGateway"]


# ---------------------------------------------------------------- handlers that could not be called


@pytest.mark.parametrize("parameters", ["x", "x: int", "x: int, y: int = 1", "*, x", "*others, x", "/, x"])
@pytest.mark.parametrize("base", [Aggregate, Gateway])
def test_a_handler_that_wants_more_than_the_event_is_refused(base: type[Any], parameters: str) -> None:
    found = problem(handler_with(base, parameters))

    assert found.kind == "BadParameter"
    assert "Odd.hear wants x, and is called with an event alone" in str(found)


@pytest.mark.parametrize("parameters", ["x=1", "x: int = 1, *, y=2", "*others", "**others", "/"])
@pytest.mark.parametrize("base", [Aggregate, Gateway])
def test_a_handler_may_have_parameters_that_need_no_value(base: type[Any], parameters: str) -> None:
    assert App("shop", handler_with(base, parameters)).catalogue.by_class[Asked].listeners == ["Odd"]


def handler_with(base: type[Any], parameters: str) -> type[Any]:
    """A class whose handler has these parameters after its event."""
    namespace: dict[str, Any] = {"base": base, "on": on, "Asked": Asked, "__name__": __name__}
    wait = "async " if base is Gateway else ""
    key = "" if base is Gateway else ", key='key'"
    exec(f"class Odd(base{key}):\n @on\n {wait}def hear(self, event: Asked, {parameters}) -> None: ...", namespace)
    odd: type[Any] = namespace["Odd"]
    return odd


# ---------------------------------------------------------------- handlers that would never run


def test_a_method_that_takes_an_event_and_has_no_on_is_refused() -> None:
    class Forgot(Aggregate, key="key"):
        @on
        def hear(self, event: Asked) -> None: ...

        def answer(self, event: Answered) -> None: ...

    found = problem(Ask, Forgot)

    assert found.kind == "NoHandler"
    assert "Forgot.answer takes an event, and has no @on" in str(found)
    assert found.places == (place(Forgot.answer),)


def test_a_gateway_without_a_handler_is_refused() -> None:
    class Idle(Gateway): ...

    found = problem(Ask, Idle)

    assert found.kind == "NoHandler"
    assert "Idle has no handler: no event would come to it" in str(found)
    assert found.places == (place(Idle),)


def test_a_replacement_without_a_handler_is_refused() -> None:
    class Idle(Gateway): ...

    class Bank(Gateway):
        @on
        async def pay(self, event: Asked) -> None: ...

    with pytest.raises(WiringError, match="Idle has no handler"):
        App("shop", Bank).using(Bank=Idle())


def test_classes_of_which_none_has_a_handler_are_refused_each() -> None:
    class Holds(Aggregate, key="key"): ...

    class Shares(Aggregate, shares=Holds): ...

    found = problems(Ask, Holds, Shares)

    assert [(p.kind, p.places) for p in found] == [("NoHandler", (place(Holds),)), ("NoHandler", (place(Shares),))]


def test_a_class_that_shares_instances_needs_no_handler_where_another_has_one() -> None:
    class Holds(Aggregate, key="key"): ...

    class Hears(Hearing, shares=Holds): ...

    class Shows(Aggregate, shares=Holds): ...

    group = App("shop", Holds, Hears, Shows).catalogue.groups["Holds"]

    assert group.classes == (Holds, Hears, Shows)


def test_a_gateways_replacement_that_forgets_on_is_refused() -> None:
    class Payments(Gateway):
        @on
        async def charge(self, event: Asked) -> None: ...

    class Fake(Payments):
        async def charge(self, event: Asked) -> None:  # type: ignore[override]
            await super().charge(event)

    found = problem(Fake)

    assert found.kind == "NoHandler"
    assert "Fake.charge takes an event, and has no @on" in str(found)


def test_methods_that_handlers_call_may_take_an_event() -> None:
    class Tidy(Gateway):
        @on
        async def hear(self, event: Asked) -> None:
            print([self.weight(event) for _ in range(2)])

        @hear.failed
        async def give_up(self, event: Asked, error: Exception) -> None: ...

        @hear.reconcile
        async def look(self, event: Asked) -> None: ...

        def _price(self, event: Asked) -> int: ...  # type: ignore[empty-body]

        def weight(self, event: Asked) -> float:
            return event.weight

        def rounded(self, cents: int) -> int: ...  # type: ignore[empty-body]

    assert list(App("shop", Tidy).catalogue.gateways) == ["Tidy"]


def test_two_handlers_of_one_name_are_refused() -> None:
    class Twice(Aggregate, key="key"):
        @on
        def hear(self, event: Asked) -> None: ...

        first = hear

        @on(key="key")
        def hear(self, event: Answered) -> None: ...  # type: ignore[no-redef]

    found = problem(Ask, Twice)

    assert found.kind == "SameName"
    assert "Twice has two handlers 'hear', and the second replaces the first" in str(found)
    assert found.places == (place(Twice.first), place(Twice.hear))


# ---------------------------------------------------------------- what is no part, no name, no method


def test_on_with_an_event_in_brackets_says_where_the_event_belongs() -> None:
    with pytest.raises(TrunklineError, match=r"def handler\(self, event: Asked\)"):
        on(Asked)  # type: ignore[call-overload]


@pytest.mark.parametrize("what", [property(lambda self: None), staticmethod(print), Asked], ids=repr)
def test_on_with_arguments_above_what_is_no_method_says_where_it_belongs(what: Any) -> None:
    with pytest.raises(TrunklineError, match=r"which is no method\n  fix: @on\(...\), and right below it"):
        on(key="key")(what)


def test_an_app_without_a_name_is_refused() -> None:
    with pytest.raises(TrunklineError, match="for its name"):
        App(Ask)  # type: ignore[arg-type]


def test_an_app_without_parts_is_refused() -> None:
    found = problem()

    assert found.kind == "NoParts"


def test_an_app_without_parts_may_have_a_schedule_whose_events_are_kept() -> None:
    class Daily(Event, origin=True):
        missed: int = 0

    assert App("shop", schedules=[cron("0 8 * * *", Daily)]).catalogue.by_class[Daily].listeners == []


def test_a_class_is_no_replacement_of_a_gateway() -> None:
    class Bank(Gateway):
        @on
        async def pay(self, event: Asked) -> None: ...

    app = App("shop", Bank)

    with pytest.raises(TrunklineError, match=r"fix: app.using\(Bank=Fake\(\)\)"):
        app.using(Bank=Bank)  # type: ignore[arg-type]


def test_time_does_not_go_back_in_a_scenario() -> None:
    play = scenario(App("shop", Ask))

    with pytest.raises(TrunklineError, match="can't go back in time"):
        play.advance(seconds=-10)
