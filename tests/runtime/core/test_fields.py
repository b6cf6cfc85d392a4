"""A codec per field: sealed wherever it is stored, open wherever it is handled."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

import pytest
from pydantic import BaseModel
from typing_extensions import TypedDict

from actors import Aggregate, App, Event, on
from actors.errors import WiringProblem
from runtime.core.incoming import Incoming
from runtime.encode import Encoder
from runtime.fields import FieldCodec, codec_of
from runtime.wire import Plain, decode_body
from tests.runtime.sealed import Locked, Phone, Registered, app

from .hosted import PARTITIONS, Hosted, bodies

SEALED = {"lock": "ada", "text": "321-555"}
"""As it is stored: the lock is of whom it belongs to."""
REGISTERED = Registered(player_id="ada", phone="555-123")


class Reversed:
    """A codec of whatever JSON can hold."""

    def seal(self, value: Any, record: Mapping[str, Any]) -> Any:
        return json.dumps(value)[::-1]

    def open(self, value: Any, record: Mapping[str, Any]) -> Any:
        return json.loads(value[::-1])


def test_a_codec_in_a_hint_is_one_whatever_its_class() -> None:
    assert isinstance(Locked(by="player_id"), FieldCodec)


def test_an_app_without_such_a_field_has_no_codec() -> None:
    class Noted(Event, origin=True):
        player_id: Annotated[str, "a remark"]

    class Open(Aggregate, key="player_id"):
        @on
        def register(self, event: Noted) -> None: ...

    assert codec_of(App("game", Open).catalogue) is None
    assert codec_of(app.catalogue, Plain()) is None


class Contact(BaseModel):
    phone: Phone = ""


class Family(BaseModel):
    contacts: list[Contact] = []


@dataclass
class Card:
    phone: Phone


class Line(NamedTuple):
    phone: Phone


class Slip(TypedDict):
    phone: Phone


class Tree(BaseModel):
    branches: "list[Tree]" = []


@pytest.mark.parametrize(
    ("hint", "said"),
    [
        (Contact, "in Contact.phone"),
        (list[Contact], "in Contact.phone"),
        (Family, "in Contact.phone"),
        (Card, "in Card.phone"),
        (Line, "in Line.phone"),
        (Slip, "in Slip.phone"),
        (dict[str, Phone], "inside its hint"),
        (Phone | None, "inside its hint"),
        (Annotated[Contact, Locked(by="player_id")], "in Contact.phone"),
    ],
)
def test_a_codec_that_would_seal_nothing_is_refused_with_its_place(hint: Any, said: str) -> None:
    class Noted(Event, origin=True):
        player_id: str
        contact: hint

    class Book(Aggregate, key="player_id"):
        @on
        def note(self, event: Noted) -> None: ...

    with pytest.raises(WiringProblem) as raised:
        codec_of(App("game", Book).catalogue)

    (place,) = raised.value.places
    assert place.rpartition(":")[0].endswith("test_fields.py")
    assert f"Noted.contact holds a codec {said}, where nothing would be sealed" in str(raised.value)
    assert "fix: seal the whole field: contact: Annotated[..., codec]." in str(raised.value)


def test_so_is_one_in_a_state() -> None:
    class Kept(Aggregate, key="player_id"):
        contact: Contact = Contact()

        @on
        def register(self, event: Registered) -> None: ...

    with pytest.raises(WiringProblem, match=r"Kept\.contact holds a codec in Contact\.phone"):
        codec_of(App("game", Kept).catalogue)


def test_a_field_with_models_in_it_is_sealed_as_a_whole() -> None:
    class Grown(Event, origin=True):
        player_id: str
        tree: Annotated[Tree, Reversed()]

    class Wood(Aggregate, key="player_id"):
        @on
        def grow(self, event: Grown) -> None: ...

    wood, grown = App("wood", Wood), Grown(player_id="ada", tree=Tree(branches=[Tree()]))

    publish = Encoder(wood.catalogue, PARTITIONS).encode(grown)

    sealed = json.loads(decode_body(publish.body).data)["tree"]
    assert sealed == '{"branches": [{"branches": []}]}'[::-1]
    assert Incoming(wood.catalogue).read("grown", publish.body)[2] == grown


def test_what_is_published_is_sealed_on_its_way_and_opened_where_it_is_handled() -> None:
    publish = Encoder(app.catalogue, PARTITIONS).encode(REGISTERED)

    assert b"555-123" not in publish.body
    assert json.loads(decode_body(publish.body).data) == {"player_id": "ada", "phone": SEALED}
    assert Incoming(app.catalogue).read("registered", publish.body)[2] == REGISTERED


def test_what_a_turn_leads_to_is_sealed_events_timers_and_state() -> None:
    host = Hosted(app)

    first, second = host.deliver(("Player/ada", REGISTERED), run_on=True).turns

    (emitted,) = bodies(first)
    (timer,) = second.timers
    assert json.loads(emitted.data) == {"player_id": "ada", "phone": SEALED, "phones": 1}
    assert json.loads(decode_body(timer.event.body).data)["phone"] == SEALED
    assert first.state is not None
    assert json.loads(first.state) == {"player_id": "ada", "phone": SEALED, "count": 1}


def test_an_instance_is_made_again_from_its_sealed_state() -> None:
    host = Hosted(app)
    stored = host.deliver(("Player/ada", REGISTERED)).turns[0].state

    again = Hosted(app)
    (turn,) = again.deliver(("Player/ada", REGISTERED), activations=(again.activate("Player/ada", stored),)).turns

    assert json.loads(bodies(turn)[0].data)["phones"] == 2


def test_what_tells_of_a_stopped_event_holds_it_sealed() -> None:
    host = Hosted(app)
    host.warm("Player/ada")

    (turn,) = host.deliver(host.delivery("Player/ada", REGISTERED, body={"hops": 32})).turns

    (halted,) = bodies(turn)
    assert json.loads(json.loads(halted.data)["payload"])["phone"] == SEALED


def test_a_sealed_field_is_the_same_payload_to_an_idempotency_key() -> None:
    encoder = Encoder(app.catalogue, PARTITIONS)

    one, again = (encoder.encode(REGISTERED, "order-1") for _ in range(2))

    assert (one.key, one.digest) == (again.key, again.digest)
