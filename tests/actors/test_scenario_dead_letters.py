"""Dead letters in a scenario: what an instance holds behind one, until it is retried or skipped."""

from datetime import datetime, timedelta

import pytest

from actors import After, Aggregate, App, Cancel, Event, TrunklineError, on
from actors.errors import HandlerFailed
from actors.testing import scenario
from tests.actors.shop import Announced, Attempted, Completed, Refused, Wallet, app, wallet


def test_an_event_that_can_not_be_handled_is_a_dead_letter_with_who_and_why() -> None:
    play = scenario(app)

    play.publish(Attempted(credits=-1))

    (letter,) = play.dead_letters
    assert letter.event == Completed(player_id="ada", credits=-1)
    assert letter.address == "Wallet/ada"
    assert isinstance(letter.error, HandlerFailed)
    assert isinstance(letter.error.__cause__, ValueError)
    assert play.get(Wallet, "ada") is None, "the turn left no trace"


def test_after_a_dead_letter_an_instance_holds_its_later_events_and_others_go_on() -> None:
    play = scenario(app)
    play.publish(Attempted(player_id="ada", credits=5))
    play.publish(Attempted(player_id="ada", credits=-1))

    play.publish(Attempted(player_id="ada", credits=7))
    play.publish(Announced())
    play.publish(Attempted(player_id="bob", credits=7))

    assert (wallet(play, "ada").credits, wallet(play, "ada").heard) == (5, [])
    assert wallet(play, "bob").credits == 7
    assert len(play.dead_letters) == 1


def test_a_skipped_dead_letter_lets_the_held_events_go_in_order() -> None:
    play = scenario(app)
    play.publish(Attempted(credits=-1))
    play.publish(Attempted(credits=7))
    play.publish(Announced())

    play.skip(play.dead_letters[0])

    assert play.dead_letters == []
    assert (wallet(play).credits, wallet(play).heard) == (7, ["hello"])


def test_a_retried_dead_letter_that_fails_again_holds_again() -> None:
    play = scenario(app)
    play.publish(Attempted(credits=-1))
    play.publish(Attempted(credits=7))

    play.retry(play.dead_letters[0])

    assert len(play.dead_letters) == 1
    assert play.get(Wallet, "ada") is None
    play.skip(play.dead_letters[0])
    assert wallet(play).credits == 7


def test_a_dead_letter_can_be_retried_when_its_reason_is_gone() -> None:
    class Strict(Aggregate, key="player_id"):
        """Its handler is mended while the event waits."""

        total: int = 0

        @on
        def attempt(self, event: Attempted) -> None:
            if broken:
                raise ValueError("not yet")
            self.total += event.credits

    broken = True
    play = scenario(App("shop", Strict))
    play.publish(Attempted(credits=1))
    play.publish(Attempted(credits=2))

    broken = False
    play.retry(play.dead_letters[0])

    strict = play.get(Strict, "ada")
    assert strict is not None
    assert strict.total == 3


def test_a_dead_letter_is_decided_once() -> None:
    play = scenario(app)
    play.publish(Attempted(credits=-1))
    letter = play.dead_letters[0]
    play.skip(letter)

    with pytest.raises(TrunklineError, match="waits nowhere: Wallet/ada has gone on without it"):
        play.retry(letter)


def test_an_instance_whose_failures_are_skipped_goes_on() -> None:
    class Lenient(Aggregate, key="player_id", failures="skip"):
        total: int = 0

        @on
        def attempt(self, event: Attempted) -> None:
            self.total += 100 // event.credits

    play = scenario(App("shop", Lenient))
    play.publish(Attempted(credits=0))
    play.publish(Attempted(credits=10))

    lenient = play.get(Lenient, "ada")
    assert lenient is not None
    assert lenient.total == 10
    assert [letter.event for letter in play.dead_letters] == [Attempted(credits=0)]


def test_an_instance_whose_first_event_was_skipped_is_live() -> None:
    class Lenient(Aggregate, key="player_id", failures="skip"):
        heard: int = 0

        @on
        def attempt(self, event: Attempted) -> None:
            raise ValueError("no")

        @on
        def hear(self, event: Announced) -> None:
            self.heard += 1

    play = scenario(App("shop", Lenient))

    play.publish(Attempted())
    play.publish(Announced())

    lenient = play.get(Lenient, "ada")
    assert lenient is not None
    assert lenient.heard == 1


def test_a_cancel_that_was_held_when_its_timer_was_due_still_wins() -> None:
    class Reminded(Event):
        player_id: str

    class Careful(Aggregate, key="player_id"):
        reminded: bool = False

        @on
        def attempt(self, event: Attempted) -> After[Reminded]:
            return After(Reminded(player_id=self.id), minutes=100 // event.credits)

        @on
        def refuse(self, event: Refused) -> Cancel[Reminded]:
            return Cancel(Reminded)

        @on
        def remind(self, event: Reminded) -> None:
            self.reminded = True

    play = scenario(App("shop", Careful))
    play.publish(Attempted(credits=100))
    play.publish(Attempted(credits=0))
    play.publish(Refused())

    play.advance(hours=1)
    play.skip(play.dead_letters[0])

    assert play.timers == []
    assert not any(isinstance(event, Reminded) for event in play.events)


def test_a_timer_does_not_fire_while_its_instance_is_held() -> None:
    class Reminded(Event):
        player_id: str

    class Careful(Aggregate, key="player_id"):
        order: list[str] = []
        at: datetime | None = None

        @on
        def attempt(self, event: Attempted) -> After[Reminded]:
            self.order = [*self.order, f"{100 // event.credits}"]
            return After(Reminded(player_id=self.id), minutes=1, name="kept")

        @on
        def remind(self, event: Reminded) -> None:
            self.order = [*self.order, "reminded"]
            self.at = self.now

    play = scenario(App("shop", Careful))
    start = play.now
    play.publish(Attempted(credits=50))
    play.publish(Attempted(credits=0))

    play.advance(hours=1)
    held = play.get(Careful, "ada")
    play.skip(play.dead_letters[0])

    released = play.get(Careful, "ada")
    assert held is not None
    assert released is not None
    assert held.order == ["2"]
    assert released.order == ["2", "reminded"]
    assert released.at == start + timedelta(minutes=1), "the moment it was due"


# ---------------------------------------------------------------- the end of a with block


class Clumsy(Aggregate, key="player_id"):
    @on
    def attempt(self, event: Attempted) -> None:
        raise ValueError("dropped it")


clumsy = App("shop", Clumsy)


def test_a_with_block_fails_at_its_end_over_a_dead_letter_that_nobody_looked_at() -> None:
    raising = f"{__file__}:{Clumsy.attempt.function.__code__.co_firstlineno + 2}"

    with pytest.raises(AssertionError) as caught, scenario(clumsy) as play:
        play.publish(Attempted(player_id="ada", credits=5))

    text = str(caught.value)
    assert text.startswith("the scenario ends with a dead letter that nobody looked at")
    assert "Clumsy/ada could not handle Attempted(player_id='ada', credits=5)" in text
    assert "ValueError: dropped it" in text
    assert f"at {raising}" in text
    assert isinstance(caught.value.__cause__, HandlerFailed)


def test_a_with_block_ends_well_when_the_dead_letters_were_looked_at() -> None:
    with scenario(clumsy) as play:
        play.publish(Attempted(player_id="ada", credits=5))

        assert len(play.dead_letters) == 1


def test_a_dead_letter_that_came_after_the_look_fails_the_with_block() -> None:
    play = scenario(clumsy)
    play.publish(Attempted(player_id="ada", credits=5))
    assert len(play.dead_letters) == 1
    play.publish(Attempted(player_id="bob", credits=5))

    with pytest.raises(AssertionError, match=r"Clumsy/bob could not handle") as caught, play:
        pass

    assert "Clumsy/ada" not in str(caught.value)


def test_what_else_a_with_block_raises_is_not_hidden_by_its_dead_letters() -> None:
    play = scenario(clumsy)
    play.publish(Attempted(player_id="ada", credits=5))

    with pytest.raises(KeyError, match="of the test"), play:
        raise KeyError("of the test")
