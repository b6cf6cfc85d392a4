"""`given`: one instance, the events it handles, what it emits; every turn is run twice."""

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from actors import After, Aggregate, Cancel, Event, TrunklineError, on
from actors.errors import HandlerFailed, UnexpectedEmission
from actors.testing import NotDeterministic, Subject, given


class Bought(Event, origin=True):
    player_id: str = "ada"
    credits: int = 10
    tags: list[str] = []


class Gifted(Bought, origin=True):
    giver: str = "bob"


class Closed(Event, origin=True):
    player_id: str = "ada"


class Granted(Event):
    player_id: str
    credits: int


class Reminded(Event):
    player_id: str


class Wallet(Aggregate, key="player_id"):
    credits: int = 0
    seen: list[datetime] = []

    @on
    def buy(self, event: Bought) -> Iterator[Granted | After[Reminded]]:
        if event.credits < 0:
            raise ValueError("no such purchase")
        self.credits += event.credits
        yield Granted(player_id=self.id, credits=event.credits)
        yield After(Reminded(player_id=self.id), days=1)

    @on
    def remind(self, event: Reminded) -> Granted | None:
        self.seen = [*self.seen, self.now]
        return Granted(player_id=self.id, credits=0) if self.credits > 100 else None

    @on
    def close(self, event: Closed) -> Cancel[Reminded]:
        self.retire()
        return Cancel(Reminded)


# ---------------------------------------------------------------- given, when, then


def test_an_instance_is_given_with_id_and_state() -> None:
    wallet = given(Wallet, "ada", credits=5)

    assert wallet.state.credits == 5
    assert wallet.state.id == "ada"


def test_an_instance_given_without_a_state_is_empty() -> None:
    assert given(Wallet, "ada").state.credits == 0


def test_a_state_that_the_class_does_not_allow_is_refused() -> None:
    with pytest.raises(ValidationError):
        given(Wallet, "ada", credits="many")


def test_a_singleton_is_given_under_its_name() -> None:
    class Board(Aggregate, singleton=True, name="TheBoard"): ...

    assert given(Board).state.id == "TheBoard"


def test_when_gives_what_was_emitted_and_changes_the_state() -> None:
    wallet = given(Wallet, "ada", credits=5)

    emitted = wallet.when(Bought(credits=10))

    assert emitted == [Granted(player_id="ada", credits=10)]
    assert wallet.state.credits == 15


def test_several_events_are_handled_one_after_the_other() -> None:
    wallet = given(Wallet, "ada")

    emitted = wallet.when(Bought(credits=1), Bought(credits=2))

    assert emitted == [Granted(player_id="ada", credits=1), Granted(player_id="ada", credits=2)]
    assert wallet.state.credits == 3


def test_the_state_that_is_shown_is_a_copy() -> None:
    wallet = given(Wallet, "ada", credits=5)

    wallet.state.credits = 1_000

    assert wallet.state.credits == 5


def test_an_event_that_the_class_does_not_hear_is_an_error_that_says_what_it_does() -> None:
    with pytest.raises(TrunklineError, match="Wallet does not listen to Granted") as caught:
        given(Wallet, "ada").when(Granted(player_id="ada", credits=1))

    assert caught.value.hint == "it listens to: Bought, Reminded, Closed."


def test_a_listener_of_a_base_event_is_given_its_subclasses() -> None:
    wallet = given(Wallet, "ada")

    wallet.when(Gifted(credits=7))

    assert wallet.state.credits == 7


def test_a_failed_turn_raises_and_leaves_the_state_as_it_was() -> None:
    wallet = given(Wallet, "ada", credits=5)

    with pytest.raises(HandlerFailed, match=r"Wallet\.buy raised ValueError: no such purchase"):
        wallet.when(Bought(credits=-1))

    assert wallet.state.credits == 5


def test_what_the_hint_does_not_name_raises() -> None:
    class Sloppy(Aggregate, key="player_id"):
        @on
        def buy(self, event: Bought) -> None:
            return Granted(player_id="ada", credits=1)  # type: ignore[return-value]

    with pytest.raises(UnexpectedEmission):
        given(Sloppy, "ada").when(Bought())


def test_retiring_shows() -> None:
    wallet = given(Wallet, "ada", credits=5)

    wallet.when(Closed())

    assert wallet.retired
    assert wallet.state.credits == 0


# ---------------------------------------------------------------- time and timers


def test_an_instance_lives_in_virtual_time() -> None:
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    wallet = given(Wallet, "ada", now=noon)
    wallet.when(Bought())

    wallet.advance(days=2)

    assert wallet.now == noon + timedelta(days=2)
    assert wallet.state.seen == [noon + timedelta(days=1)]


def test_an_event_can_have_a_time_of_its_own() -> None:
    later = datetime(2027, 1, 1, tzinfo=UTC)
    wallet = given(Wallet, "ada")

    wallet.when(Bought(), time=later)

    assert wallet.timers[0].due == later + timedelta(days=1)


def test_advancing_gives_what_fired_and_what_it_led_to() -> None:
    wallet = given(Wallet, "ada", credits=100)
    wallet.when(Bought())

    assert wallet.advance(hours=23) == []
    assert wallet.advance(hours=1) == [Reminded(player_id="ada"), Granted(player_id="ada", credits=0)]
    assert wallet.timers == []


def test_a_timer_that_the_class_does_not_hear_itself_fires_for_others() -> None:
    class Setter(Aggregate, key="player_id"):
        @on
        def buy(self, event: Bought) -> After[Reminded]:
            return After(Reminded(player_id=self.id), seconds=1)

    setter = given(Setter, "ada")
    setter.when(Bought())

    assert setter.advance(seconds=1) == [Reminded(player_id="ada")]


def test_retiring_cancels_what_is_set() -> None:
    wallet = given(Wallet, "ada")
    wallet.when(Bought())

    wallet.when(Closed())

    assert wallet.timers == []


# ---------------------------------------------------------------- every turn is run twice

count = itertools.count()
"""What a handler must not look at: another value at each turn."""


class Wild(Aggregate, key="player_id"):
    value: str = ""
    kind: str = ""

    @on
    def hear(self, event: Bought) -> Iterator[Granted | After[Reminded]]:
        number = next(count)
        match event.tags[0]:
            case "state":
                self.value = f"{number}"
            case "emission":
                yield Granted(player_id=self.id, credits=number)
            case "route":
                yield Granted(player_id=f"{number}", credits=0)
            case "delay":
                yield After(Reminded(player_id=self.id), seconds=number + 1)
            case "timer's name":
                yield After(Reminded(player_id=self.id), seconds=1, name=f"{number}")
            case "retirement":
                if number % 2:
                    self.retire()
                self.value = "kept"
            case "failure":
                if number % 2:
                    raise ValueError("odd")
            case "two failures":
                raise ValueError if number % 2 else KeyError


@pytest.mark.parametrize(
    "what", ["state", "emission", "route", "delay", "timer's name", "retirement", "failure", "two failures"]
)
@pytest.mark.parametrize("first", [0, 1])
def test_a_turn_that_differs_when_it_is_run_again_fails(what: str, first: int) -> None:
    global count
    count = itertools.count(first)

    with pytest.raises(NotDeterministic, match="Wild/ada handled bought twice, and the results differ") as caught:
        given(Wild, "ada").when(Bought(tags=[what]))

    assert "self.now, self.random and self.new_id(), and nothing else" in caught.value.hint


class Tame(Aggregate, key="player_id"):
    drawn: list[float] = []
    ids: list[str] = []
    at: datetime | None = None
    event_id: str = ""

    @on
    def hear(self, event: Bought) -> None:
        self.drawn = [self.random.random(), self.random.gauss(0, 1)]
        self.ids = [self.new_id(), self.new_id()]
        self.at = self.now
        self.event_id = self.event.id


def test_what_derives_from_event_and_instance_is_the_same_again() -> None:
    tame = given(Tame, "ada")

    tame.when(Bought())

    assert len(set(tame.state.ids)) == 2
    assert tame.state.drawn[0] != tame.state.drawn[1]


def test_an_instance_draws_the_same_whenever_it_is_tried() -> None:
    def drawn(id: str) -> Any:
        tame: Subject[Tame] = given(Tame, id)
        tame.when(Bought(player_id=id))
        return tame.state.drawn, tame.state.ids

    assert drawn("ada") == drawn("ada")
    assert drawn("ada") != drawn("bob")


def test_a_handler_that_changes_its_event_changes_no_later_turn() -> None:
    class Greedy(Aggregate, key="player_id"):
        lengths: list[int] = []

        @on
        def hear(self, event: Bought) -> None:
            event.tags.append("mine")
            self.lengths = [*self.lengths, len(event.tags)]

    greedy = given(Greedy, "ada")
    event = Bought(tags=["a"])

    greedy.when(event, event)

    assert greedy.state.lengths == [2, 2]
    assert event.tags == ["a"]


def test_the_envelope_has_what_there_is_outside_of_an_app() -> None:
    class Nosy(Aggregate, key="player_id"):
        seen: dict[str, str] = {}

        @on
        def hear(self, event: Bought) -> None:
            e = self.event
            self.seen = {"type": e.type, "subject": e.subject, "cause": e.causationid, "schema": e.dataschema}
            assert e.time == self.now
            assert e.correlationid == e.id

    nosy = given(Nosy, "ada")

    nosy.when(Bought())

    assert nosy.state.seen == {"type": "bought", "subject": "ada", "cause": "", "schema": "bought/1"}


def test_hints_that_say_nothing_are_told_of_with_their_place() -> None:
    class Mute(Aggregate, key="player_id"):
        @on
        def hear(self, event: Bought):  # type: ignore[no-untyped-def]
            pass

    with pytest.raises(TrunklineError, match=r"BadHint: Mute.hear: it has no return hint(.|\n)*test_given.py:\d+"):
        given(Mute, "ada")
