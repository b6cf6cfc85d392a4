"""State survives the round trip, checked: at start what can be known, at each turn the rest."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from actors import Aggregate, App, Event, WiringError, on
from actors.errors import HandlerFailed, LargeState, StateNotRoundTrip, StateTooLarge, TurnError
from actors.turn import CHECK_ALL_BELOW, CHECK_EVERY, STATE_LARGE, STATE_MAX
from tests.actors.rig import Rig


class Happened(Event, origin=True):
    change: Any
    """What to do to the instance."""
    key: str = "ada"


class Leaf(BaseModel):
    size: int = 1


@dataclass
class Point:
    x: int = 0


class Box(Aggregate, key="key"):
    count: int = 0
    rate: float = 1.0
    items: list[float] = []
    named: dict[str, int] = {}
    tags: set[str] = set()
    leaf: Leaf = Leaf()
    point: Point = Field(default_factory=Point)

    @on
    def mutate(self, event: Happened) -> None:
        event.change(self)


class Hearing(Aggregate):
    @on(key="key")
    def mutate(self, event: Happened) -> None: ...


def assign(**values: object) -> Happened:
    def change(box: Box) -> None:
        for name, value in values.items():
            setattr(box, name, value)

    return Happened(change=change)


def kinds(*classes: type[Aggregate]) -> list[str]:
    with pytest.raises(WiringError) as caught:
        App("test", *classes)
    return [problem.kind for problem in caught.value.errors]


# ---------------------------------------------------------------- the round trip


def test_what_a_turn_changed_is_read_back_the_same() -> None:
    rig = Rig(Box)

    result = rig.turn(assign(count=3, items=[2.5], named={"b": 1, "a": 2}, tags={"z", "y"}, leaf=Leaf(size=2)))

    assert result.changed
    assert Rig(Box, state=rig.stored).state == rig.state


def test_sets_are_stored_sorted() -> None:
    rig = Rig(Box)

    rig.turn(assign(tags={"c", "a", "d", "b"}))

    assert rig.stored["tags"] == ["a", "b", "c", "d"]


def test_a_turn_that_leaves_the_state_as_it_was_stores_nothing() -> None:
    rig = Rig(Box)

    result = rig.turn(assign(count=0, items=[]))

    assert not result.changed
    assert result.state is None


@pytest.mark.parametrize(
    "values",
    [
        *({"count": None}, {"count": "many"}, {"count": 1.5}, {"rate": float("inf")}, {"rate": float("nan")}),
        *({"items": ["x"]}, {"leaf": Point()}, {"coupon": 1}),
    ],
    ids=str,
)
def test_an_assignment_that_the_fields_do_not_allow_fails_the_turn(values: dict[str, object]) -> None:
    rig = Rig(Box)

    with pytest.raises(HandlerFailed, match=r"Box\.mutate raised ValidationError"):
        rig.turn(assign(**values))

    assert rig.stored is None


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda box: box.items.append("x"), id="a text in a list of numbers"),
        pytest.param(lambda box: box.items.append(float("inf")), id="inf in a list"),
        pytest.param(lambda box: box.items.append(float("nan")), id="nan in a list"),
        pytest.param(lambda box: box.named.update({1: 1}), id="a number as a key of texts"),
        pytest.param(lambda box: box.named.update(a=None), id="None in a dict of numbers"),
        pytest.param(lambda box: setattr(box.leaf, "size", None), id="None inside a model"),
        pytest.param(lambda box: setattr(box.point, "x", None), id="None inside a dataclass"),
    ],
)
def test_what_got_past_validation_is_found_before_the_turn_is_answered(change: Callable[[Box], None]) -> None:
    rig = Rig(Box)
    rig.turn(assign(count=1))
    before = rig.stored

    with pytest.raises(StateNotRoundTrip, match="the state of Box/ada does not survive being stored"):
        rig.turn(Happened(change=change))

    assert rig.stored == before
    assert rig.state == Rig(Box, state=before).state


def test_the_error_says_field_value_place_and_what_to_do() -> None:
    rig = Rig(Box)

    with pytest.raises(StateNotRoundTrip) as caught:
        rig.turn(Happened(change=lambda box: box.items.append("1")))

    text = str(caught.value)
    assert "Box.items is ['1'], and would be read back as [1.0]" in text
    assert f"\n  at {Box.__trunkline__.where}\n  fix: " in text


def test_a_subclass_that_nobody_knew_of_at_the_start_is_found_in_the_turn() -> None:
    class Base(BaseModel):
        size: int = 1

    class Holder(Aggregate, key="key"):
        base: Base = Base()

        @on
        def mutate(self, event: Happened) -> None:
            event.change(self)

    rig = Rig(Holder)

    class Later(Base):
        color: str = "green"

    with pytest.raises(StateNotRoundTrip, match=r"Holder\.base is .*color='green'.*read back as .*size=1"):
        rig.turn(Happened(change=lambda holder: setattr(holder, "base", Later())))


def test_a_cached_value_that_is_no_field_is_found_in_the_turn() -> None:
    class Sum(Aggregate, key="key"):
        count: int = 0

        @cached_property
        def total(self) -> int | None:
            return None

        @on
        def mutate(self, event: Happened) -> None:
            self.count += 1
            _ = self.total

    with pytest.raises(StateNotRoundTrip, match=r"Sum\.total"):
        Rig(Sum).turn(Happened(change=None))


def test_a_large_state_is_checked_in_one_of_sixteen_turns() -> None:
    rig = Rig(Box, state={"named": {str(n): n for n in range(1000)}})
    bad = Happened(change=lambda box: box.items.append("1"))
    for _ in range(CHECK_EVERY - 1):
        rig.turn(bad)

    with pytest.raises(StateNotRoundTrip):
        rig.turn(bad)

    assert len(rig.instance.state or b"") > CHECK_ALL_BELOW


# ---------------------------------------------------------------- size


def test_a_state_that_is_too_large_fails_the_turn_and_names_its_class() -> None:
    rig = Rig(Box, state={"count": 1})

    with pytest.raises(StateTooLarge) as caught:
        rig.turn(assign(named={"x" * STATE_MAX: 1}))

    assert "the state of Box/ada has" in str(caught.value)
    assert "the limit is 1,048,576" in str(caught.value)
    assert Box.__trunkline__.where in str(caught.value)
    assert caught.value.hint == "keep less in Box: split it over more instances, or let old entries go."


def test_a_turn_whose_state_became_too_large_leaves_no_trace() -> None:
    rig = Rig(Box, state={"count": 1})

    with pytest.raises(StateTooLarge):
        rig.turn(assign(named={"x" * STATE_MAX: 1}))

    assert rig.stored == {"count": 1}
    assert rig.state.named == {}


def test_a_class_is_warned_of_once_when_its_states_grow_large(recwarn: pytest.WarningsRecorder) -> None:
    rig = Rig(Box)

    for length in (STATE_LARGE, STATE_LARGE + 1):
        rig.turn(assign(named={"x" * length: 1}))

    (warned,) = recwarn
    assert warned.category is LargeState
    assert "the state of Box/ada has 65," in str(warned.message)
    assert "fix: keep less in Box" in str(warned.message)


@pytest.mark.filterwarnings("error")
def test_a_small_state_is_not_warned_of() -> None:
    rig = Rig(Box)

    rig.turn(assign(named={"x" * (STATE_LARGE - 1000): 1}))

    assert rig.state.named != {}


# ---------------------------------------------------------------- refused at start


def test_a_private_attribute_is_refused_at_start() -> None:
    class Secretive(Hearing):
        _cache: int = 0

    assert kinds(Secretive) == ["PrivateAttribute"]


def test_a_field_that_is_not_stored_is_refused_at_start() -> None:
    class Forgetful(Hearing):
        cache: int = Field(default=0, exclude=True)

    assert kinds(Forgetful) == ["NotStored"]


def test_a_field_without_a_default_is_refused_at_start() -> None:
    class Wanting(Hearing):
        count: int

    assert kinds(Wanting) == ["NoDefault"]


class Animal(BaseModel):
    name: str = ""


class Dog(Animal): ...


class Owner(BaseModel):
    pet: Animal = Animal()


@dataclass
class Keeper:
    pets: list[Animal]


@pytest.mark.parametrize(
    "annotation",
    [
        *(Any, object, BaseModel, list, dict, set, tuple, frozenset, list[Any], dict[str, Any], tuple[Any, ...]),
        *(Animal, Animal | None, list[Animal], dict[str, list[Animal]], Annotated[Animal, "x"], Owner, list[Keeper]),
    ],
    ids=str,
)
def test_a_field_that_can_lose_a_subclass_is_refused_at_start(annotation: Any) -> None:
    polymorphic = type(
        "Polymorphic", (Hearing,), {"__annotations__": {"field": annotation}, "field": None, "__module__": __name__}
    )

    assert kinds(polymorphic) == ["PolymorphicField"]


class Cat(BaseModel):
    kind: Literal["cat"] = "cat"


class Fish(BaseModel):
    kind: Literal["fish"] = "fish"
    depth: int = 0


def test_a_union_of_classes_that_a_field_tells_apart_is_not_refused() -> None:
    class Zoo(Aggregate, key="key"):
        pet: Cat | Fish = Field(default=Cat(), discriminator="kind")
        pets: list[Annotated[Cat | Fish, Field(discriminator="kind")]] = []

        @on
        def mutate(self, event: Happened) -> None:
            event.change(self)

    rig = Rig(Zoo)

    rig.turn(Happened(change=lambda zoo: zoo.pets.extend([Fish(depth=3), Cat()])))

    assert Rig(Zoo, state=rig.stored).state.pets == [Fish(depth=3), Cat()]


def test_a_class_that_holds_itself_is_not_refused() -> None:
    class Node(BaseModel):
        children: "list[Node]" = []

    class Tree(Aggregate, key="key"):
        root: Node = Node()
        price: Decimal = Decimal(0)

        @on
        def mutate(self, event: Happened) -> None:
            event.change(self)

    rig = Rig(Tree)

    rig.turn(Happened(change=lambda tree: tree.root.children.append(Node())))

    assert Rig(Tree, state=rig.stored).state == rig.state


@pytest.mark.parametrize("name", ["id", "now", "random", "event", "new_id", "retire"])
@pytest.mark.filterwarnings("ignore:Field name .* shadows an attribute in parent:UserWarning")
def test_the_names_of_aggregate_itself_are_refused_as_fields(name: str) -> None:
    namespace = {"Hearing": Hearing, "__name__": __name__}

    exec(f"class Named(Hearing):\n    {name}: int = 0", namespace)

    assert kinds(namespace["Named"]) == ["ReservedName"]  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["id", "now", "random", "event", "new_id", "retire"])
def test_the_names_of_aggregate_itself_are_refused_as_methods(name: str) -> None:
    namespace = {"Hearing": Hearing, "__name__": __name__}

    exec(f"class Named(Hearing):\n    def {name}(self): ...", namespace)

    assert kinds(namespace["Named"]) == ["ReservedName"]  # type: ignore[arg-type]


class Ballot(Aggregate, key="key", version=2, upcasters={1: lambda s: s}):
    """Stored with its version, field by field."""

    votes: dict[str, int] = {}

    @on
    def mutate(self, event: Happened) -> None:
        event.change(self)


def test_a_dict_keeps_its_order_however_it_is_stored() -> None:
    rig = Rig(Ballot)
    rig.turn(assign(votes={"zoe": 1, "ada": 2}))

    again = Rig(Ballot, state=rig.stored)

    assert list(again.state.votes) == list(rig.state.votes) == ["zoe", "ada"]


# ---------------------------------------------------------------- other code wrote it


def test_stored_fields_that_the_class_no_longer_knows_are_written_back() -> None:
    rig = Rig(Box, state={"count": 1, "dropped": {"deep": [1]}})

    rig.turn(assign(count=2))

    assert rig.stored["count"] == 2
    assert rig.stored["dropped"] == {"deep": [1]}


def test_stored_fields_that_the_class_no_longer_knows_survive_a_failing_turn() -> None:
    rig = Rig(Box, state={"count": 1, "dropped": 5})
    with pytest.raises(HandlerFailed):
        rig.turn(assign(count=None))

    rig.turn(assign(count=2))

    assert rig.stored["dropped"] == 5


def test_a_field_that_is_new_in_the_class_has_its_default() -> None:
    rig = Rig(Box, state={"count": 1})

    assert (rig.state.count, rig.state.rate) == (1, 1.0)


class Account(
    Aggregate,
    key="key",
    version=3,
    upcasters={
        1: lambda s: {"cents": s["euros"] * 100},
        2: lambda s: s | {"currency": "EUR"},
    },
):
    cents: int = 0
    currency: str = ""

    @on
    def mutate(self, event: Happened) -> None:
        event.change(self)


def test_an_older_state_is_brought_up_to_date_step_by_step() -> None:
    rig = Rig(Account, state={"euros": 2})

    assert (rig.state.cents, rig.state.currency) == (200, "EUR")


def test_a_state_is_written_in_the_version_of_the_class() -> None:
    rig = Rig(Account, state={"euros": 2})

    rig.turn(assign(cents=300))

    assert Rig(Account, state=rig.stored).state == rig.state
    assert "euros" not in rig.stored


def test_what_an_upcaster_does_not_know_is_kept_too() -> None:
    rig = Rig(Account, state={"__version__": 2, "cents": 1, "note": "x"})

    rig.turn(assign(cents=2))

    assert rig.stored["note"] == "x"


def test_a_state_that_is_none_of_the_class_fails_with_what_to_do() -> None:
    with pytest.raises(TurnError, match="the stored state of Box/ada is no Box") as caught:
        Rig(Box, state={"count": "many"})

    assert caught.value.hint == "give Box a higher version and an upcaster from 1."


def test_the_name_under_which_a_state_is_stored_can_be_pinned() -> None:
    class Purse(Aggregate, key="key", name="Wallet"):
        @on
        def mutate(self, event: Happened) -> None: ...

    rig = Rig(Purse)

    assert rig.instance.address == "Wallet/ada"
    assert rig.app.catalogue.by_class[Happened].targets(Happened(change=None)) == (("Wallet", "ada"),)
