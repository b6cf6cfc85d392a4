"""Hints that are texts (`from __future__ import annotations`) are resolved where their class stands, once, by `App`."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from actors import After, Aggregate, App, Cancel, Event, Gateway, WiringError, on
from actors.handler import Handler
from actors.testing import given, scenario

if TYPE_CHECKING:
    from nowhere import Unseen  # type: ignore[import-not-found]


class Asked(Event, origin=True):
    key: str = "ada"


class Answered(Event):
    key: str = "ada"


class Late(Event):
    key: str = "ada"


class Desk(Aggregate, key="key"):
    @on
    def ask(self, event: Asked) -> Iterator[Answered | After[Late] | Cancel[Late] | None]:
        yield Answered()
        yield After(Late(), seconds=1)

    @on
    def hear(self, event: Later) -> None: ...


class Later(Asked, origin=True): ...


def listens(app: App) -> dict[str, list[str]]:
    """Event types with those who listen."""
    return {type: plan.listeners for type, plan in app.catalogue.events.items() if plan.listeners}


def test_hints_of_a_module_may_name_what_comes_later_in_it() -> None:
    app = App("shop", Desk)

    assert listens(app) == {"asked": ["Desk"], "later": ["Desk"]}
    assert app.catalogue.by_class[Late].owner == "Desk"


def test_hints_are_read_once() -> None:
    App("shop", Desk)
    handler: Handler[Any, Any, Any] = Desk.ask
    first = handler.hints

    App("shop", Desk)

    assert handler.hints is first is not None


def test_a_class_in_a_function_may_name_what_stands_in_it() -> None:
    class Local(Event, origin=True):
        key: str = "ada"

    class Told(Event):
        key: str = "ada"

    class Hearer(Aggregate, key="key"):
        @on
        def hear(self, event: Local) -> Told | None: ...

    assert listens(App("shop", Hearer)) == {"local": ["Hearer"]}


def test_a_class_in_a_function_may_name_what_comes_later_in_it() -> None:
    class Hearer(Aggregate, key="key"):
        @on
        def hear(self, event: Local) -> None: ...

    class Local(Event, origin=True):
        key: str = "ada"

    assert listens(App("shop", Hearer)) == {"local": ["Hearer"]}


def made_elsewhere() -> type[Aggregate]:
    class Local(Event, origin=True, name="made_elsewhere"):
        key: str = "ada"

    class Hearer(Aggregate, key="key"):
        @on
        def hear(self, event: Local) -> None: ...

    return Hearer


def test_a_class_of_a_function_is_understood_where_its_names_are_not_known() -> None:
    assert listens(App("shop", made_elsewhere())) == {"made_elsewhere": ["Hearer"]}


def test_two_classes_of_one_function_each_keep_their_own_names() -> None:
    first, second = made_elsewhere(), made_elsewhere()

    for made in (first, second):
        (event,) = App("shop", made).catalogue.groups["Hearer"].handlers("made_elsewhere")
        assert event[1].cls is made


def nested_elsewhere() -> type[Aggregate]:
    class Local(Event, origin=True):
        key: str = "ada"

    class Shop:
        class Opened(Event, origin=True):
            key: str = "ada"

        class Hearer(Aggregate, key="key"):
            @on
            def hear(self, event: Local | Opened) -> None: ...  # type: ignore[name-defined] # noqa: F821

    return Shop.Hearer


def test_a_class_in_a_class_in_a_function_may_name_what_stands_in_either() -> None:
    assert listens(App("shop", nested_elsewhere())) == {"local": ["Hearer"], "opened": ["Hearer"]}


def test_names_where_the_app_is_made_do_not_stand_in_for_those_of_a_module() -> None:
    class Other(Event, origin=True): ...

    class Listening(Aggregate, singleton=True):
        @on
        def hear(self, event: Other) -> None: ...

    def make(Asked: type[Event]) -> App:
        return App("shop", module.Desk, Listening)

    module = ModuleType("a_module_of_its_own")
    sys.modules[module.__name__] = module
    source = (
        "from __future__ import annotations\n"
        "from actors import Aggregate, Event, on\n"
        "class Asked(Event, origin=True):\n    key: str = 'ada'\n"
        "class Desk(Aggregate, key='key'):\n    @on\n    def hear(self, event: Asked) -> None: ...\n"
    )
    exec(source, module.__dict__)

    app = make(Other)

    assert app.catalogue.by_class[module.Asked].listeners == ["Desk"]
    assert app.catalogue.by_class[Other].listeners == ["Listening"]


def test_given_resolves_hints_as_an_app_does() -> None:
    class Hearer(Aggregate, key="key"):
        heard: int = 0

        @on
        def hear(self, event: Local) -> None:
            self.heard += 1

    class Local(Event, origin=True):
        key: str = "ada"

    hearer = given(Hearer, "ada")
    hearer.when(Local())

    assert hearer.state.heard == 1


def test_a_gateway_may_stand_in_a_function_with_all_its_methods() -> None:
    class Sent(Event):
        key: str = "ada"

    class Mail(Gateway):
        @on
        async def send(self, event: Asked) -> Sent: ...  # type: ignore[empty-body]

        @send.reconcile
        async def look(self, event: Asked) -> Sent: ...  # type: ignore[empty-body]

        @send.failed
        async def give_up(self, event: Asked, error: Exception) -> Sent: ...  # type: ignore[empty-body]

    assert App("shop", Mail).catalogue.by_class[Sent].owner == "Mail"


def test_a_name_that_only_type_checkers_see_is_refused_with_what_it_is_called() -> None:
    class Blind(Aggregate, key="key"):
        @on
        def hear(self, event: Unseen) -> None: ...

    with pytest.raises(WiringError, match=r"BadHint: Blind\.hear: its hints name 'Unseen', which can't be found"):
        App("shop", Blind)


def test_a_cell_of_a_notebook_may_hold_classes() -> None:
    namespace: dict[str, Any] = {"__name__": "__main__"}
    cells = [
        "from __future__ import annotations\nfrom actors import Aggregate, App, Event, on",
        "class Asked(Event, origin=True):\n    key: str = 'ada'",
        "class Desk(Aggregate, key='key'):\n    @on\n    def hear(self, event: Asked) -> None: ...",
        "app = App('shop', Desk)",
    ]

    for number, cell in enumerate(cells):
        exec(compile(cell, f"<cell {number}>", "exec", dont_inherit=True), namespace)

    assert listens(namespace["app"]) == {"asked": ["Desk"]}


def test_a_class_sent_elsewhere_needs_none_of_the_names_where_it_was_made() -> None:
    Hearer = made_elsewhere()
    app = App("shop", Hearer)
    handler: Handler[Any, Any, Any] = Hearer.hear  # type: ignore[attr-defined]

    state = handler.__getstate__()

    assert state["namespace"] == {}
    assert state["hints"] == handler.hints
    assert app.catalogue.groups


def test_an_app_of_importable_classes_is_the_same_after_pickling() -> None:
    app = App("shop", Desk)

    again = pickle.loads(pickle.dumps(app))

    assert again.catalogue.schema_hash == app.catalogue.schema_hash
    assert str(again) == str(app)
    play = scenario(again)
    play.publish(Asked())
    assert play.events == [Asked(), Answered()]
