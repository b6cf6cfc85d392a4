"""The catalogue for people and tools: as a table, as a Mermaid flowchart, as an AsyncAPI 3 document."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pydantic import BaseModel

from actors import After, Aggregate, App, ChainHalted, Event, Gateway, Heartbeat, cron, on

SCHEMA = Path(__file__).parent / "asyncapi" / "schema-3.0.0.json"


class Item(BaseModel):
    name: str
    price: float = 0.0


class AttemptedPurchase(Event, origin=True):
    """Somebody wants to buy.

    More of it.
    """

    player_id: str
    items: list[Item] = []


class CompletedPurchase(Event):
    player_id: str
    tags: set[str] = set()


class DeclinedPurchase(Event):
    player_id: str


class Reminded(Event):
    player_id: str


class Closed(Event, broadcast=True):
    why: str = ""


class DailyBoard(Event, origin=True):
    missed: int = 0


class Payments(Gateway):
    @on
    async def charge(self, event: AttemptedPurchase) -> CompletedPurchase | DeclinedPurchase: ...  # type: ignore[empty-body]


class Wallet(Aggregate, key="player_id"):
    @on
    def grant(self, event: CompletedPurchase) -> After[Reminded]: ...  # type: ignore[empty-body]

    @on
    def remind(self, event: Reminded) -> None: ...

    @on
    def beat(self, event: Heartbeat) -> None: ...

    @on
    def close(self, event: Closed) -> None: ...


class Board(Aggregate, singleton=True):
    @on
    def draw(self, event: DailyBoard) -> Closed: ...  # type: ignore[empty-body]

    @on
    def note(self, event: CompletedPurchase) -> None: ...


app = App("shop", Payments, Wallet, Board, heartbeat=10, schedules=[cron("0 8 * * *", DailyBoard)])


def test_the_table_says_who_owns_each_event_and_who_listens() -> None:
    assert str(app).splitlines() == [
        "app shop",
        "",
        "event                  owner      listeners",
        "---------------------  ---------  -------------",
        "attempted_purchase     (outside)  Payments",
        "closed (broadcast)     Board      Wallet",
        "completed_purchase     Payments   Wallet, Board",
        "daily_board            (outside)  Board",
        "declined_purchase      Payments   -",
        "heartbeat (broadcast)  (outside)  Wallet",
        "reminded               Wallet     Wallet",
    ]


def test_the_flowchart_has_owners_listeners_and_events_with_timers_dotted() -> None:
    assert app.mermaid().splitlines() == [
        "flowchart LR",
        "    Wallet[Wallet]",
        "    Board[Board]",
        "    Payments{{Payments}}",
        "    outside((outside)) -->|attempted_purchase| Payments",
        "    Board -->|closed| Wallet",
        "    Payments -->|completed_purchase| Wallet",
        "    Payments -->|completed_purchase| Board",
        "    outside((outside)) -->|daily_board| Board",
        "    Payments -->|declined_purchase| nobody_DeclinedPurchase(( ))",
        "    outside((outside)) -->|heartbeat| Wallet",
        "    Wallet -.->|reminded| Wallet",
    ]


def test_classes_that_share_an_instance_are_nodes_of_their_own() -> None:
    class Score(Aggregate, shares=Wallet):
        @on
        def remind(self, event: Reminded) -> None: ...

    shared = App("shop", Payments, Wallet, Score, Board, heartbeat=10)

    assert "    Score[Score]\n" in shared.mermaid()
    assert "    Wallet -.->|reminded| Score" in shared.mermaid()


def test_the_runtimes_own_event_is_shown_to_be_its_own_where_somebody_listens() -> None:
    class Watch(Aggregate, singleton=True):
        @on
        def halted(self, event: ChainHalted) -> None: ...

    watched = App("shop", Watch)

    assert "chain_halted  (runtime)  Watch" in str(watched)
    assert "runtime((runtime)) -->|chain_halted| Watch" in watched.mermaid()
    assert "chain_halted" not in str(app)


# ---------------------------------------------------------------- AsyncAPI 3


@pytest.fixture(scope="module")
def schema() -> Any:
    return json.loads(SCHEMA.read_text())


def references(document: Any) -> Iterator[str]:
    """Every `$ref` in a document."""
    if isinstance(document, dict):
        if "$ref" in document:
            yield document["$ref"]
        for value in document.values():
            yield from references(value)
    elif isinstance(document, list):
        for value in document:
            yield from references(value)


def resolve(document: Any, reference: str) -> Any:
    """What a reference inside a document points at."""
    assert reference.startswith("#/")
    for part in reference[2:].split("/"):
        document = document[part.replace("~1", "/").replace("~0", "~")]
    return document


def test_the_document_is_one_of_asyncapi_3(schema: Any) -> None:
    document = json.loads(json.dumps(app.asyncapi()))

    jsonschema.Draft7Validator(schema).validate(document)

    assert document["asyncapi"] == "3.0.0"


def test_the_schema_refuses_what_is_no_asyncapi_3(schema: Any) -> None:
    document = app.asyncapi()
    document["operations"]["Wallet.emits.reminded"]["action"] = "shout"

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft7Validator(schema).validate(document)


def test_every_reference_of_the_document_leads_somewhere() -> None:
    document = app.asyncapi()

    found = {reference: resolve(document, reference) for reference in references(document)}

    assert "#/components/schemas/Item" in found
    assert all(found.values())


def test_owners_send_and_listeners_receive() -> None:
    operations = app.asyncapi()["operations"]

    assert {
        (name.split(".")[0], operation["action"], operation["channel"]["$ref"].rpartition("/")[2])
        for name, operation in operations.items()
    } == {
        ("Payments", "receive", "attempted_purchase"),
        ("Payments", "send", "completed_purchase"),
        ("Payments", "send", "declined_purchase"),
        ("Wallet", "receive", "completed_purchase"),
        ("Board", "receive", "completed_purchase"),
        ("Wallet", "send", "reminded"),
        ("Wallet", "receive", "reminded"),
        ("Wallet", "receive", "heartbeat"),
        ("Wallet", "receive", "closed"),
        ("Board", "send", "closed"),
        ("Board", "receive", "daily_board"),
    }


def test_messages_say_what_an_event_is_and_their_schema_fits_its_bytes() -> None:
    document = app.asyncapi()
    message = document["components"]["messages"]["attempted_purchase"]

    assert message["title"] == "AttemptedPurchase"
    assert message["summary"] == "Somebody wants to buy."
    payload = resolve(document, message["payload"]["$ref"])
    event = AttemptedPurchase(player_id="ada", items=[Item(name="prank")])
    whole = payload | {"components": document["components"]}
    jsonschema.Draft202012Validator(whole).validate(json.loads(event.model_dump_json()))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(whole).validate({"player_id": 7})


def test_two_events_of_one_class_name_have_a_schema_each(schema: Any) -> None:
    def another() -> type[Event]:
        class Reminded(Event, origin=True, name="other.reminded"):
            board_id: int

        Reminded.__module__ = "elsewhere"
        return Reminded

    Other = another()

    class Listener(Aggregate, singleton=True):
        @on
        def hear(self, event: Other) -> None: ...  # type: ignore[valid-type]

    document = App("shop", Payments, Wallet, Board, Listener, heartbeat=10).asyncapi()

    jsonschema.Draft7Validator(schema).validate(document)
    messages = document["components"]["messages"]
    payloads = [resolve(document, messages[name]["payload"]["$ref"]) for name in ("reminded", "other.reminded")]
    assert [list(payload["properties"]) for payload in payloads] == [["player_id"], ["board_id"]]
