"""The catalogue: which instances an event goes to."""

import inspect
from collections.abc import Iterable
from enum import Enum, IntEnum
from typing import Any
from uuid import UUID

import pytest

from actors import Aggregate, App, Event, Gateway, WiringError, on
from actors.catalogue import EVERYONE
from actors.errors import BadKey, EventRejected, WiringProblem


class Asked(Event, origin=True):
    key: str
    weight: float = 0.0


def place(thing: object) -> str:
    """file:line of a class, or of a handler from its decorator on."""
    thing = getattr(thing, "function", thing)
    return f"{__file__}:{inspect.getsourcelines(thing)[1]}"  # type: ignore[arg-type]


def only_problem(*parts: type[Aggregate]) -> WiringProblem:
    with pytest.raises(WiringError) as caught:
        App("shop", *parts)
    (found,) = caught.value.errors
    return found


def targets(app: App, event: Event) -> tuple[tuple[str, str | None], ...]:
    return app.catalogue.plan(event).targets(event)


# ---------------------------------------------------------------- found at start


def test_an_event_without_the_key_field_of_a_listener_is_refused() -> None:
    class Board(Aggregate, key="board_id"):
        @on
        def hear(self, event: Asked) -> None: ...

    found = only_problem(Board)

    assert found.kind == "UnroutableKey"
    assert "Board.hear listens to Asked, which has no field 'board_id' to route by" in str(found)
    assert found.places == (place(Board.hear), place(Asked))
    assert "broadcast=True" in found.hint


def test_a_listener_that_nothing_routes_to_is_refused() -> None:
    class Lost(Aggregate):
        @on
        def hear(self, event: Asked) -> None: ...

    found = only_problem(Lost)

    assert found.kind == "UnroutableKey"
    assert "nothing says to which Lost it goes" in str(found)


@pytest.mark.parametrize("annotation", [float, bool, bytes, list, float | None, bool | None], ids=str)
def test_a_key_of_another_type_than_text_number_or_uuid_is_refused(annotation: object) -> None:
    event = type("Weighed", (Event,), {"__annotations__": {"weight": annotation}}, origin=True)  # type: ignore[call-overload]

    class Scale(Aggregate, key="weight"):
        @on
        def hear(self, event: event) -> None: ...  # type: ignore[valid-type]

    found = only_problem(Scale)

    assert found.kind == "UnroutableKey"
    assert "Scale.hear routes Weighed by 'weight', which is a " in str(found)


@pytest.mark.parametrize("annotation", [str, int, UUID, str | int, UUID | None], ids=str)
def test_text_numbers_and_uuids_are_keys(annotation: object) -> None:
    event = type("Weighed", (Event,), {"__annotations__": {"weight": annotation}}, origin=True)  # type: ignore[call-overload]

    class Scale(Aggregate, key="weight"):
        @on
        def hear(self, event: event) -> None: ...  # type: ignore[valid-type]

    assert App("shop", Scale).catalogue.by_class[event].listeners == ["Scale"]


def test_a_broadcast_needs_no_key() -> None:
    class Announced(Event, origin=True, broadcast=True): ...

    class Hall(Aggregate, key="key"):
        @on
        def hear(self, event: Announced) -> None: ...

    plan = App("shop", Hall).catalogue.by_class[Announced]

    assert plan.targets(Announced()) == (("Hall", EVERYONE),)


# ---------------------------------------------------------------- worked out for an event


class Moved(Event, origin=True):
    sender: str
    receiver: str
    others: tuple[str, ...] = ()


def test_the_class_key_names_the_field_that_routes() -> None:
    class Account(Aggregate, key="sender"):
        @on
        def move(self, event: Moved) -> None: ...

    assert targets(App("bank", Account), Moved(sender="a", receiver="b")) == (("Account", "a"),)


def test_a_handlers_key_overrides_that_of_the_class() -> None:
    class Account(Aggregate, key="sender"):
        @on(key="receiver")
        def move(self, event: Moved) -> None: ...

    assert targets(App("bank", Account), Moved(sender="a", receiver="b")) == (("Account", "b"),)


def test_a_key_can_be_a_function_of_the_event() -> None:
    class Pair(Aggregate, key=lambda event: f"{event.sender}-{event.receiver}"):
        @on
        def move(self, event: Moved) -> None: ...

    assert targets(App("bank", Pair), Moved(sender="a", receiver="b")) == (("Pair", "a-b"),)


def several(event: Moved) -> Iterable[str]:
    yield event.sender
    yield event.receiver
    yield from event.others


def test_a_function_that_gives_several_keys_routes_to_each_instance_once() -> None:
    class Account(Aggregate):
        @on(key=several)
        def move(self, event: Moved) -> None: ...

    found = targets(App("bank", Account), Moved(sender="a", receiver="b", others=("c", "a")))

    assert found == (("Account", "a"), ("Account", "b"), ("Account", "c"))


def test_a_function_that_gives_no_key_routes_to_nobody() -> None:
    class Account(Aggregate):
        @on(key=lambda event: ())
        def move(self, event: Moved) -> None: ...

    assert targets(App("bank", Account), Moved(sender="a", receiver="b")) == ()


def test_a_key_of_a_handler_narrows_a_broadcast_to_instances() -> None:
    class Announced(Event, origin=True, broadcast=True):
        room: str

    class Room(Aggregate, key="room"):
        @on(key="room")
        def hear(self, event: Announced) -> None: ...

    assert targets(App("bank", Room), Announced(room="a")) == (("Room", "a"),)


def test_no_key_that_an_event_holds_makes_a_narrowed_broadcast_go_to_everyone() -> None:
    class Announced(Event, origin=True, broadcast=True):
        room: str

    class Room(Aggregate, key="room"):
        @on(key="room")
        def hear(self, event: Announced) -> None: ...

    app = App("bank", Room)

    assert targets(app, Announced(room="*")) == (("Room", "*"),) != (("Room", EVERYONE),)
    with pytest.raises(BadKey):
        targets(app, Announced(room=EVERYONE))


def test_an_event_goes_to_each_class_and_gateway_that_listens_in_the_apps_order() -> None:
    class Account(Aggregate, key="sender"):
        @on
        def move(self, event: Moved) -> None: ...

    class Total(Aggregate, singleton=True):
        @on
        def move(self, event: Moved) -> None: ...

    class Mail(Gateway):
        @on
        async def send(self, event: Moved) -> None: ...

    found = targets(App("bank", Mail, Total, Account), Moved(sender="a", receiver="b"))

    assert found == (("Total", "Total"), ("Account", "a"), ("Mail", None))


class Color(str, Enum):  # noqa: UP042 - a StrEnum prints as its value anyway
    RED = "red"


class Size(IntEnum):
    LARGE = 3


@pytest.mark.parametrize(
    ("key", "text"),
    [
        *(("ada", "ada"), ("a/b c", "a/b c"), ("*", "*"), ("ß", "ß"), (7, "7"), (-7, "-7"), (Color.RED, "red")),
        *((Size.LARGE, "3"), (UUID(int=1), "00000000-0000-0000-0000-000000000001")),
    ],
)
def test_keys_are_text_numbers_and_uuids_written_as_text(key: Any, text: str) -> None:
    class Account(Aggregate):
        @on(key=lambda event: key)
        def move(self, event: Moved) -> None: ...

    assert targets(App("bank", Account), Moved(sender="a", receiver="b")) == (("Account", text),)


@pytest.mark.parametrize("key", ["", None, 1.5, True, b"a", "a\n", "a\x00", ["a", None]], ids=repr)
def test_what_can_not_be_a_key_is_refused_with_event_and_class(key: Any) -> None:
    class Account(Aggregate):
        @on(key=lambda event: key)
        def move(self, event: Moved) -> None: ...

    with pytest.raises(BadKey, match=r"can't route Moved to a Account"):
        targets(App("bank", Account), Moved(sender="a", receiver="b"))


# ---------------------------------------------------------------- what the app takes


class Account(Aggregate, key="sender"):
    @on
    def move(self, event: Moved) -> None: ...


def test_an_event_that_nobody_listens_to_or_emits_is_no_event_of_the_app() -> None:
    with pytest.raises(EventRejected, match="Asked is no event of this app"):
        App("bank", Account).catalogue.plan(Asked(key="x"))


def test_a_class_of_the_same_name_is_not_the_apps() -> None:
    other = type("Moved", (Event,), {}, origin=True)  # type: ignore[call-overload]

    with pytest.raises(EventRejected, match="is not the class that this app knows as 'moved'"):
        App("bank", Account).catalogue.plan(other())


@pytest.mark.parametrize(
    ("module", "said"), [("shop", "is shop.Moved; the app's is {0}.Moved"), ("{0}", "{0} was loaded more than once")]
)
def test_of_a_class_of_the_same_name_it_is_said_where_both_are(module: str, said: str) -> None:
    other = type("Moved", (Event,), {"__module__": module.format(__name__)}, origin=True)  # type: ignore[call-overload]

    with pytest.raises(EventRejected) as raised:
        App("bank", Account).catalogue.plan(other())

    assert said.format(__name__) in raised.value.message
    assert raised.value.hint.startswith("Runtime.attach(app), with the app of the module that this class is from")


def test_an_object_that_is_no_event_is_refused() -> None:
    with pytest.raises(EventRejected, match="a str is no event"):
        App("bank", Account).catalogue.plan("moved")


def test_the_schema_hash_is_the_same_for_the_same_classes_and_another_for_other_state() -> None:
    def made(default: int) -> str:
        class Purse(Aggregate, key="sender"):
            credits: int = default

            @on
            def move(self, event: Moved) -> None: ...

        return App("bank", Purse).catalogue.schema_hash

    assert made(0) == made(0) != made(1)


def keyed(**options: Any) -> str:
    class Purse(Aggregate, key="sender"):
        @on(**options)
        def move(self, event: Moved) -> None: ...

    return App("bank", Purse).catalogue.schema_hash


def test_the_schema_hash_tells_keys_apart_as_they_lead_to_other_instances() -> None:
    class Purse(Aggregate, singleton=True):
        @on
        def move(self, event: Moved) -> None: ...

    def by_receiver(event: Moved) -> str:
        return event.receiver

    hashes = [
        keyed(),
        keyed(key="receiver"),
        App("bank", Purse).catalogue.schema_hash,
        keyed(key=by_receiver),
        keyed(key=lambda event: event.sender),
        keyed(key=lambda event: event.receiver),
        keyed(key=lambda event: [event.sender for _ in range(2)]),
        keyed(key=lambda event: [event.receiver for _ in range(2)]),
    ]

    assert len(set(hashes)) == len(hashes)
    assert keyed(key="sender") == keyed()
    assert keyed(key=lambda event: event.sender) == keyed(key=lambda event: event.sender)


def test_the_schema_hash_tells_apart_whether_two_classes_share_their_instances() -> None:
    class Purse(Aggregate, key="sender"):
        @on
        def move(self, event: Moved) -> None: ...

    class Alone(Aggregate, key="sender", name="Score"):
        @on
        def move(self, event: Moved) -> None: ...

    class Sharing(Aggregate, shares=Purse):
        @on
        def move(self, event: Moved) -> None: ...

    Alone.__name__ = Sharing.__name__ = "Score"

    assert App("bank", Purse, Alone).catalogue.schema_hash != App("bank", Purse, Sharing).catalogue.schema_hash


def test_the_schema_hash_tells_hop_limits_apart() -> None:
    assert keyed(max_hops=8) == keyed(max_hops=8) != keyed(max_hops=9)


def test_the_deliveries_that_can_emit_are_counted_by_instance_and_gateway() -> None:
    class Noted(Event):
        sender: str

    class Answered(Event):
        sender: str

    class Silent(Aggregate, key="sender"):
        @on
        def move(self, event: Moved) -> None: ...

    class Speaker(Aggregate, key="sender"):
        @on
        def move(self, event: Moved) -> Noted | None: ...

    class Sharer(Aggregate, shares=Speaker):
        @on
        def move(self, event: Moved) -> Answered | None: ...

    class Mail(Gateway):
        @on
        async def send(self, event: Moved) -> None: ...

    plan = App("bank", Silent, Speaker, Sharer, Mail).catalogue.by_class[Moved]

    assert plan.emitting == 2
