"""Events: frozen facts with a wire type, a version, and the same bytes in every process."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from actors import Aggregate, App, Event, Gateway, TrunklineError, on
from actors.errors import EventRejected
from actors.event import decode_event, encode_event, event_type, snake_case
from actors.testing import scenario
from tests.actors.wired import place

ROOT = Path(__file__).resolve().parents[2]


class AttemptedPurchase(Event, origin=True):
    player_id: str
    credits: int


class Tag(BaseModel):
    names: set[str]


class Tagged(Event):
    names: frozenset[str] = frozenset()
    numbers: set[int] = set()
    nested: dict[str, list[set[str]]] = {}
    tag: Tag | None = None
    tags: list[Tag] = []


@pytest.mark.parametrize(
    ("name", "wire"),
    [
        ("AttemptedPurchase", "attempted_purchase"),
        ("HTTPCall", "http_call"),
        ("CallEndedV2", "call_ended_v2"),
        ("Ping", "ping"),
        ("already_snake", "already_snake"),
    ],
)
def test_the_wire_type_is_the_class_name_in_snake_case(name: str, wire: str) -> None:
    assert snake_case(name) == wire


def test_a_class_knows_its_wire_type_version_and_kind() -> None:
    known = event_type(AttemptedPurchase)

    assert (known.name, known.version, known.origin, known.broadcast) == ("attempted_purchase", 1, True, False)


def test_the_wire_type_can_be_pinned() -> None:
    class Renamed(Event, name="old_name"): ...

    assert event_type(Renamed).name == "old_name"


def test_a_class_knows_the_file_and_line_of_its_statement() -> None:
    line = sys._getframe().f_lineno + 2

    class Placed(Event): ...

    assert event_type(Placed).where == f"{__file__}:{line}"


def test_a_module_with_a_name_like_a_librarys_is_the_users_own() -> None:
    namespace = {"__name__": "abc_shop", "Event": Event}

    exec(compile("\nclass Placed(Event): ...", "abc_shop.py", "exec"), namespace)

    assert event_type(namespace["Placed"]).where == "abc_shop.py:2"  # type: ignore[arg-type]


def test_an_event_is_frozen() -> None:
    event = AttemptedPurchase(player_id="ada", credits=1)

    with pytest.raises(ValidationError, match="frozen"):
        event.credits = 2  # type: ignore[misc]


def test_an_event_refuses_fields_that_it_does_not_have() -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        AttemptedPurchase(player_id="ada", credits=1, coupon="x")  # type: ignore[call-arg]


@pytest.mark.parametrize("number", [float("inf"), float("-inf"), float("nan")])
def test_an_event_refuses_numbers_that_json_can_not_hold(number: float) -> None:
    class Measured(Event):
        value: float

    with pytest.raises(ValidationError, match="finite"):
        Measured(value=number)


@pytest.mark.parametrize(
    "field",
    [
        *("id", "now", "random", "event", "new_id", "retire", "key", "open", "close", "idempotency_key"),
        *("time", "type", "source", "subject", "version", "name", "origin", "broadcast", "sequence", "hops"),
        *("json", "dict", "copy", "schema", "construct", "model_name", "model_id", "model_dumped", "register"),
        *("validate", "schema_json", "parse_obj", "parse_raw", "parse_file", "from_orm", "update_forward_refs"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_these_field_names_are_as_good_as_any(field: str) -> None:
    namespace: dict[str, Any] = {"Event": Event, "__name__": __name__}

    exec(f"class Named(Event):\n    {field}: str\nclass Again(Named):\n    {field}: str = 'y'", namespace)

    named = namespace["Named"]
    event = named(**{field: "x"})
    assert getattr(event, field) == "x"
    assert decode_event(named, encode_event(event), 1) == event
    assert getattr(namespace["Again"](), field) == "y"
    with pytest.raises(ValidationError, match="Field required"):
        named()


@pytest.mark.parametrize("base", [Event, Aggregate, Gateway])
@pytest.mark.parametrize("field", ["model_copy", "model_extra", "model_dump", "model_fields", "model_validate", "mro"])
@pytest.mark.filterwarnings("ignore:Field name .* shadows an attribute in parent:UserWarning")
def test_a_field_name_that_pydantic_needs_is_refused(base: type[Any], field: str) -> None:
    with pytest.raises(TrunklineError) as caught:
        exec(f"class Named(base):\n    {field}: str = 'x'", {"base": base, "__name__": __name__})

    assert f"class Named has a field {field}, a name that pydantic or Python uses itself" in str(caught.value)


@pytest.mark.filterwarnings("error")
def test_what_pydantics_models_once_had_is_a_good_name_in_a_state_and_in_settings() -> None:
    class Printed(Event, origin=True):
        copy: str  # type: ignore[assignment]

    class Copies(Aggregate, key="copy"):
        copy: int = 0  # type: ignore[assignment]
        json: list[str] = []  # type: ignore[assignment]

        @on
        def count(self, event: Printed) -> None:
            self.copy += 1
            self.json = [*self.json, event.copy]

    class Printer(Gateway):
        schema: str = "a4"  # type: ignore[assignment]

        @on
        async def print(self, event: Printed) -> None: ...

    play = scenario(App("press", Copies, Printer(schema="a5")))
    play.publish(Printed(copy="c-1"))
    play.publish(Printed(copy="c-1"))

    copies = play.get(Copies, "c-1")
    assert copies is not None
    assert (copies.copy, copies.json) == (2, ["c-1", "c-1"])


@given(st.text(), st.integers())
def test_encoding_and_decoding_give_the_same_event(player_id: str, credits: int) -> None:
    event = AttemptedPurchase(player_id=player_id, credits=credits)

    assert decode_event(AttemptedPurchase, encode_event(event), 1) == event


def test_sets_are_stored_sorted_wherever_they_stand() -> None:
    sets = {"names": {"b", "c", "a"}, "numbers": {10, 9, 2}, "nested": {"x": [{"z", "y"}]}}

    data = encode_event(Tagged(**sets, tag=Tag(names={"r", "q"}), tags=[Tag(names={"t", "s"})]))  # type: ignore[arg-type]

    assert data == (
        b'{"names":["a","b","c"],"numbers":[10,2,9],"nested":{"x":[["y","z"]]},'
        b'"tag":{"names":["q","r"]},"tags":[{"names":["s","t"]}]}'
    )


def test_sets_keep_the_way_in_which_their_members_are_written() -> None:
    class Marked(Event):
        ids: set[UUID]

    event = Marked(ids={UUID(int=2), UUID(int=1)})

    assert decode_event(Marked, encode_event(event), 1) == event
    assert event.model_dump() == {"ids": {UUID(int=1), UUID(int=2)}}


def test_a_set_has_the_same_bytes_in_every_process() -> None:
    code = (
        "from actors import Event\n"
        "from actors.event import encode_event\n"
        "class Tagged(Event):\n    names: set[str]\n"
        "print(encode_event(Tagged(names={'one', 'two', 'three', 'four', 'five'})))"
    )

    seen = {
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }

    assert len(seen) == 1


def test_an_older_version_is_brought_up_to_date_step_by_step() -> None:
    class Paid(
        Event,
        version=3,
        upcasters={
            1: lambda p: {"cents": p["euros"] * 100},
            2: lambda p: {"cents": p["cents"], "currency": "EUR"},
        },
    ):
        cents: int
        currency: str

    assert decode_event(Paid, b'{"euros":2}', 1) == Paid(cents=200, currency="EUR")
    assert decode_event(Paid, b'{"cents":2}', 2) == Paid(cents=2, currency="EUR")
    assert decode_event(Paid, b'{"cents":2,"currency":"USD"}', 3) == Paid(cents=2, currency="USD")


def test_a_version_without_an_upcaster_is_refused_with_what_to_do() -> None:
    class Paid(Event, version=3, upcasters={1: lambda p: p}):
        cents: int

    with pytest.raises(EventRejected, match=r"Paid has no upcaster from version 2\n  fix: .*upcasters=\{2"):
        decode_event(Paid, b'{"cents":2}', 1)


def _drops(payload: dict[str, Any]) -> dict[str, Any]:
    return {"cents": payload["euro"]}


def _gives_a_list(payload: dict[str, Any]) -> Any:
    return [payload]


@pytest.mark.parametrize(
    ("upcaster", "said"), [(_drops, "raised KeyError: 'euro'"), (_gives_a_list, "returned [{'euros': 2}]")]
)
def test_an_upcaster_that_fails_is_named_with_its_version_and_place(
    upcaster: Callable[[dict[str, Any]], dict[str, Any]], said: str
) -> None:
    class Paid(Event, version=2, upcasters={1: upcaster}):
        cents: int

    with pytest.raises(EventRejected) as caught:
        decode_event(Paid, b'{"euros":2}', 1)

    text = str(caught.value)
    assert f"the upcaster of Paid from version 1 {said}\n  at {place(upcaster)}\n  fix: mend it" in text


def test_a_version_of_the_future_is_refused() -> None:
    with pytest.raises(EventRejected, match="stored in version 2, and this code knows version 1 at most"):
        decode_event(AttemptedPurchase, b"{}", 2)


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("data", [b'{"cents":"many"}', b'{"cents":1,"more":2}', b"{}", b"not json", b"[1]"])
def test_bytes_that_are_no_such_event_are_refused(data: bytes, version: int) -> None:
    class Paid(Event, version=2, upcasters={1: lambda p: p}):
        cents: int

    with pytest.raises(EventRejected, match="a stored paid"):
        decode_event(Paid, data, version)


def test_a_listener_of_a_base_event_hears_its_subclasses() -> None:
    class Ended(Event, origin=True):
        call_id: str

    class HungUp(Ended, origin=True):
        by: str

    class Call(Aggregate, key="call_id"):
        @on
        def end(self, event: Ended) -> None: ...

    plans = App("calls", Call).catalogue.by_class

    assert plans[Ended].listeners == ["Call"]
    assert plans[HungUp].listeners == ["Call"]


def test_the_more_specific_handler_of_a_class_hears_a_subclass() -> None:
    class Ended(Event, origin=True):
        call_id: str

    class HungUp(Ended, origin=True): ...

    class Call(Aggregate, key="call_id"):
        @on
        def end(self, event: Ended) -> None: ...

        @on
        def hang_up(self, event: HungUp) -> None: ...

    group = App("calls", Call).catalogue.groups["Call"]

    assert [h.name for _, h in group.handlers("hung_up")] == ["Call.hang_up"]
    assert [h.name for _, h in group.handlers("ended")] == ["Call.end"]


def test_a_listener_of_every_event_hears_those_of_its_app_and_no_others() -> None:
    class Elsewhere(Event, origin=True, name="paid"):
        """Of another app of this process, and of a name that this one has too."""

    class Paid(Event, origin=True):
        player_id: str

    class Wallet(Aggregate, key="player_id"):
        @on
        def grant(self, event: Paid) -> None: ...

    class Diary(Aggregate, singleton=True):
        entries: list[str] = []

        @on
        def note(self, event: Event) -> None:
            self.entries = [*self.entries, type(event).__name__]

    app = App("shop", Wallet, Diary)
    play = scenario(app)
    play.publish(Paid(player_id="ada"))

    diary = play.get(Diary)
    assert diary is not None
    assert diary.entries == ["Paid"]
    assert Elsewhere not in app.catalogue.by_class
