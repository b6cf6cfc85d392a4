"""`given`: an event comes to the instance that its key names, as in an app."""

import pytest

from actors import After, Aggregate, Event, TrunklineError, on
from actors.testing import given


class Bought(Event, origin=True):
    player_id: str = "ada"


class Gifted(Bought, origin=True): ...


class Reminded(Event):
    player_id: str


class Shared(Event, origin=True):
    player_ids: list[str]


class Opened(Event, origin=True, broadcast=True):
    player_id: str = "nobody"


class Guest(Aggregate, key="player_id"):
    events: list[str] = []

    @on
    def buy(self, event: Bought | Opened) -> After[Reminded]:
        self.events = [*self.events, type(event).__name__]
        return After(Reminded(player_id=event.player_id), seconds=1)

    @on(key=lambda event: event.player_ids)
    def share(self, event: Shared) -> None:
        self.events = [*self.events, "Shared"]

    @on
    def remind(self, event: Reminded) -> None:
        self.events = [*self.events, "Reminded"]


class Host(Aggregate, singleton=True):
    @on
    def buy(self, event: Bought) -> None: ...


class Tab(Aggregate, shares=Guest):
    @on
    def buy(self, event: Bought) -> None: ...


@pytest.mark.parametrize(
    ("cls", "event", "where"),
    [
        (Guest, Bought(player_id="ada"), "Bought goes to Guest/ada, and not to Guest/bob"),
        (Guest, Gifted(player_id="ada"), "Gifted goes to Guest/ada, and not to Guest/bob"),
        (Guest, Shared(player_ids=["ada", "eve"]), "Shared goes to Guest/ada and Guest/eve, and not to Guest/bob"),
        (Guest, Shared(player_ids=[]), "Shared goes to no instance, and not to Guest/bob"),
        (Host, Bought(player_id="bob"), "Bought goes to Host/Host, and not to Host/bob"),
        (Tab, Bought(player_id="ada"), "Bought goes to Tab/ada, and not to Tab/bob"),
    ],
    ids=str,
)
def test_an_event_that_goes_to_another_instance_is_an_error_that_names_it(
    cls: type[Aggregate], event: Event, where: str
) -> None:
    with pytest.raises(TrunklineError, match=f"this {where}") as caught:
        given(cls, "bob").when(event)

    assert caught.value.hint.startswith("give an event whose key is 'bob', or its own instance")


def test_an_event_with_several_keys_comes_to_each_and_a_broadcast_to_all() -> None:
    guest = given(Guest, "bob")

    guest.when(Shared(player_ids=["ada", "bob"]), Opened())

    assert guest.state.events == ["Shared", "Opened"]


def test_an_instance_given_without_an_id_takes_events_of_any_key() -> None:
    guest = given(Guest)

    guest.when(Bought(player_id="ada"), Bought(player_id="bob"), Shared(player_ids=["eve"]))

    assert guest.state.events == ["Bought", "Bought", "Shared"]


def test_a_timer_whose_event_goes_to_another_instance_is_not_handled_by_this_one() -> None:
    guest = given(Guest, "bob")
    guest.when(Opened(player_id="ada"))

    assert guest.advance(seconds=1) == [Reminded(player_id="ada")]
    assert guest.state.events == ["Opened"]
