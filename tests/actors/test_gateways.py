"""Gateways: settings, hooks and keys; what an answer, a failure and an unknown outcome lead to."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from actors import (
    After,
    Aggregate,
    App,
    At,
    Event,
    Gateway,
    GaveUp,
    NotDone,
    TrunklineError,
    Unknown,
    WiringError,
    on,
)
from actors.errors import OutsideTurn, UnexpectedEmission
from actors.testing import Scenario, scenario


class Ordered(Event, origin=True):
    order: str = "o-1"


class Charged(Event):
    order: str
    reference: str = ""


class Failed(Event):
    order: str
    why: str = ""


class Ledger(Aggregate, key="order"):
    charged: list[str] = []
    at: list[datetime] = []

    @on
    def note(self, event: Charged) -> None:
        self.charged = [*self.charged, event.reference]
        self.at = [*self.at, self.now]


class Regrets(Aggregate, key="order"):
    why: str = ""

    @on
    def regret(self, event: Failed) -> None:
        self.why = event.why


class Outside(Gateway):
    """An outside world that does what it was told, one step after the other."""

    steps: list[Any]
    calls: list[str] = []

    async def step(self, what: str) -> Any:
        self.calls.append(what)
        step = self.steps.pop(0) if self.steps else None
        if isinstance(step, BaseException):
            raise step
        return step


class Payments(Outside, name="Payments"):
    @on(retries=2)
    async def charge(self, event: Ordered) -> Charged | At[Charged] | None:
        return await self.step(f"charge {self.idempotency_key}")  # type: ignore[no-any-return]


class Careful(Outside, name="Payments"):
    """Asks what became of a call."""

    @on(retries=2)
    async def charge(self, event: Ordered) -> Charged | None:
        return await self.step(f"charge {self.idempotency_key}")  # type: ignore[no-any-return]

    @charge.reconcile
    async def look(self, event: Ordered) -> Charged | None:
        return await self.step(f"look {self.idempotency_key}")  # type: ignore[no-any-return]

    @charge.failed
    async def give_up(self, event: Ordered, error: GaveUp) -> Failed | None:
        found = await self.step(f"give up {self.idempotency_key}")
        return Failed(order=event.order, why=str(error)) if found is None else found


class Idempotent(Outside, name="Payments"):
    @on(retries=2, idempotent=True)
    async def charge(self, event: Ordered) -> Charged:
        return await self.step(f"charge {self.idempotency_key}")  # type: ignore[no-any-return]


PAID = Charged(order="o-1", reference="ch-1")
DOWN = ConnectionError("it is down")


def tried(gateway: Outside) -> tuple[Scenario, list[str]]:
    """One order, and which of the gateway's methods were called."""
    parts = (Ledger, Regrets) if isinstance(gateway, Careful) else (Ledger,)
    play = scenario(App("shop", gateway, *parts))
    play.publish(Ordered())
    return play, [call.rpartition(" ")[0] for call in gateway.calls]


def ledger(play: Scenario) -> Ledger:
    found = play.get(Ledger, "o-1")
    assert found is not None
    return found


def regret(play: Scenario) -> str:
    found = play.get(Regrets, "o-1")
    assert found is not None
    return found.why


# ---------------------------------------------------------------- three outcomes


def test_an_answer_is_taken_once() -> None:
    play, calls = tried(Payments(steps=[PAID]))

    assert calls == ["charge"]
    assert ledger(play).charged == ["ch-1"]


def test_nothing_is_an_answer_too() -> None:
    play, calls = tried(Payments(steps=[None]))

    assert calls == ["charge"]
    assert play.events == [Ordered()]
    assert play.dead_letters == []


def test_a_failure_is_retried_with_the_same_idempotency_key() -> None:
    gateway = Payments(steps=[DOWN, DOWN, PAID])

    play, calls = tried(gateway)

    assert calls == ["charge"] * 3
    assert set(gateway.calls) == {"charge 0-1-Payments"}
    assert ledger(play).charged == ["ch-1"]


def test_after_its_retries_a_failure_is_a_dead_letter() -> None:
    play, calls = tried(Payments(steps=[DOWN, DOWN, DOWN, PAID]))

    (letter,) = play.dead_letters
    assert calls == ["charge"] * 3
    assert (letter.event, letter.address, letter.error) == (Ordered(), "Payments", DOWN)


def test_a_dead_letter_of_a_gateway_holds_nothing_and_can_be_retried() -> None:
    gateway = Payments(steps=[DOWN, DOWN, DOWN, Charged(order="o-2"), PAID])
    play, _ = tried(gateway)
    play.publish(Ordered(order="o-2"))

    play.retry(play.dead_letters[0])

    assert play.dead_letters == []
    assert ledger(play).charged == ["ch-1"]


def test_an_unknown_outcome_is_not_repeated_unless_the_handler_is_idempotent() -> None:
    play, calls = tried(Payments(steps=[Unknown(), PAID]))

    assert calls == ["charge"]
    assert isinstance(play.dead_letters[0].error, Unknown)


def test_an_unknown_outcome_of_an_idempotent_handler_is_repeated_as_a_failure_is() -> None:
    play, calls = tried(Idempotent(steps=[Unknown(), DOWN, PAID]))
    over, more = tried(Idempotent(steps=[Unknown(), Unknown(), Unknown(), PAID]))

    assert (calls, ledger(play).charged) == (["charge"] * 3, ["ch-1"])
    assert (more, len(over.dead_letters)) == (["charge"] * 3, 1)


def test_a_call_that_runs_past_its_timeout_has_an_unknown_outcome() -> None:
    class Slow(Gateway, name="Payments"):
        @on(timeout=0.01)
        async def charge(self, event: Ordered) -> None:
            await asyncio.Event().wait()

        @charge.reconcile
        async def look(self, event: Ordered) -> Charged:
            return PAID

    play = scenario(App("shop", Slow, Ledger))

    play.publish(Ordered())

    assert ledger(play).charged == ["ch-1"]


def test_a_time_out_that_a_handler_lets_through_is_a_failure_like_any() -> None:
    _, calls = tried(Careful(steps=[TimeoutError("of the client"), PAID]))

    assert calls == ["charge", "charge"]


# ---------------------------------------------------------------- reconcile


@pytest.mark.parametrize("error", [asyncio.CancelledError(), SystemExit(3), GeneratorExit()], ids=repr)
def test_what_a_handler_raises_that_is_no_exception_is_a_failure_like_any(error: BaseException) -> None:
    play, calls = tried(Payments(steps=[error, PAID]))

    assert calls == ["charge"] * 2
    assert ledger(play).charged == ["ch-1"]


def test_reconcile_gives_the_answer_that_was_lost() -> None:
    play, calls = tried(Careful(steps=[Unknown(), PAID]))

    assert calls == ["charge", "look"]
    assert ledger(play).charged == ["ch-1"]


def test_a_call_that_reconcile_says_was_not_done_is_made_again() -> None:
    play, calls = tried(Careful(steps=[Unknown(), NotDone(), PAID]))

    assert calls == ["charge", "look", "charge"]
    assert ledger(play).charged == ["ch-1"]


def test_calls_that_were_not_done_count_as_failures() -> None:
    steps = [Unknown(), NotDone()] * 3

    play, calls = tried(Careful(steps=steps))

    assert calls == ["charge", "look"] * 3 + ["give up"]
    assert regret(play) == "Unknown: "


@pytest.mark.parametrize("error", [Unknown(), DOWN], ids=repr)
def test_a_reconcile_that_can_not_tell_is_asked_again_and_then_given_up(error: Exception) -> None:
    found, calls = tried(Careful(steps=[Unknown(), error, PAID]))
    lost, more = tried(Careful(steps=[Unknown(), error, error, error]))

    assert (calls, ledger(found).charged) == (["charge", "look", "look"], ["ch-1"])
    assert (more, lost.get(Ledger, "o-1")) == (["charge", "look", "look", "look", "give up"], None)


def test_each_unknown_outcome_may_be_asked_about_as_often() -> None:
    play, calls = tried(Careful(steps=[Unknown(), DOWN, DOWN, NotDone(), Unknown(), DOWN, DOWN, PAID]))

    assert calls == ["charge", *["look"] * 3] * 2
    assert ledger(play).charged == ["ch-1"]


def test_a_failure_needs_no_reconcile() -> None:
    _, calls = tried(Careful(steps=[DOWN, PAID]))

    assert calls == ["charge", "charge"]


# ---------------------------------------------------------------- failed


def test_when_it_gives_up_failed_turns_event_and_error_into_an_event() -> None:
    gateway = Careful(steps=[DOWN, DOWN, DOWN])

    play, calls = tried(gateway)

    assert calls == ["charge", "charge", "charge", "give up"]
    assert regret(play) == "ConnectionError: it is down"
    assert play.dead_letters == []
    assert len({call.rpartition(" ")[2] for call in gateway.calls}) == 1


def test_failed_is_told_of_the_last_call_with_its_traceback() -> None:
    told: list[GaveUp] = []

    class Telling(Gateway, name="Payments"):
        @on(retries=0)
        async def charge(self, event: Ordered) -> None:
            raise DOWN

        @charge.failed
        async def give_up(self, event: Ordered, error: GaveUp) -> None:
            told.append(error)

    scenario(App("shop", Telling)).publish(Ordered())

    (error,) = told
    assert (error.kind, error.message) == ("ConnectionError", "it is down")
    assert "raise DOWN" in error.traceback


def test_a_failed_that_raises_is_tried_as_a_turn_is_and_then_a_dead_letter() -> None:
    once, _ = tried(Careful(steps=[DOWN, DOWN, DOWN, ValueError("no")]))
    always, calls = tried(Careful(steps=[DOWN, DOWN, DOWN, *[ValueError("no")] * 4]))

    assert regret(once) == "ConnectionError: it is down"
    assert calls == ["charge"] * 3 + ["give up"] * 4
    assert str(always.dead_letters[0].error) == "no"


# ---------------------------------------------------------------- what is answered


def test_what_a_gateway_answers_happens_when_it_answers_or_at_the_time_that_it_states() -> None:
    stated = datetime(2025, 12, 24, 18, 0, 0, 1, tzinfo=UTC)
    gateway = Payments(steps=[PAID, At(PAID, stated)])
    play = scenario(App("shop", gateway, Ledger))
    play.advance(hours=1)

    play.publish(Ordered(), time=datetime(2020, 1, 1, tzinfo=UTC))
    play.publish(Ordered())

    assert ledger(play).at == [play.now, stated]


def test_a_stated_time_needs_a_zone() -> None:
    with pytest.raises(TrunklineError, match=r"At\(Charged\) has a time without a zone"):
        At(PAID, datetime(2025, 12, 24))


def test_a_stated_time_prints_as_what_was_written() -> None:
    assert repr(At(PAID, datetime(2025, 12, 24, tzinfo=UTC))) == f"At({PAID!r}, 2025-12-24T00:00:00+00:00)"


@pytest.mark.parametrize("wrong", [Failed(order="o-1"), "ok", After(PAID, days=1), [PAID]], ids=repr)
def test_an_answer_that_the_hint_does_not_name_is_not_asked_for_again(wrong: Any) -> None:
    play, calls = tried(Payments(steps=[wrong, PAID]))

    assert calls == ["charge"], "it took effect: made again, it would take effect twice"
    assert isinstance(play.dead_letters[0].error, UnexpectedEmission)
    assert "Payments.charge returned" in str(play.dead_letters[0].error)


def test_a_gateway_may_answer_several_events() -> None:
    class Splitting(Gateway, name="Payments"):
        @on
        async def charge(self, event: Ordered) -> Iterator[Charged | None]:
            return iter([PAID, None, Charged(order="o-1", reference="ch-2")])

    play = scenario(App("shop", Splitting, Ledger))

    play.publish(Ordered())

    assert ledger(play).charged == ["ch-1", "ch-2"]


# ---------------------------------------------------------------- what a call knows


def test_a_call_knows_its_event_and_a_key_without_blanks() -> None:
    seen: list[Any] = []

    class Nosy(Gateway, name="Payments"):
        @on
        async def charge(self, event: Ordered) -> None:
            seen.append((self.idempotency_key, self.event.type, self.event.subject, self.event.source))

    play = scenario(App("shop", Nosy))

    play.publish(Ordered())
    play.publish(Ordered())

    assert seen == [
        ("0-1-Payments", "ordered", "", "/shop/client"),
        ("0-2-Payments", "ordered", "", "/shop/client"),
    ]
    assert not any(character.isspace() for key, *_ in seen for character in key)


@pytest.mark.parametrize("what", ["event", "idempotency_key"])
def test_what_belongs_to_a_call_is_an_error_outside_one(what: str) -> None:
    with pytest.raises(OutsideTurn, match=rf"Payments\.{what} was used outside a call"):
        getattr(Payments(steps=[]), what)


def test_two_gateways_that_hear_one_event_have_keys_of_their_own() -> None:
    keys = []

    class One(Gateway):
        @on
        async def call(self, event: Ordered) -> None:
            keys.append(self.idempotency_key)

    class Other(Gateway):
        @on
        async def call(self, event: Ordered) -> None:
            keys.append(self.idempotency_key)

    scenario(App("shop", One, Other)).publish(Ordered())

    assert len(set(keys)) == 2


# ---------------------------------------------------------------- hooks and settings


class Client(Gateway, name="Payments", concurrency=2, per_second=7.5):
    url: str = "https://example.org"
    _log: list[str] = []

    async def open(self) -> None:
        self._log.append(f"open {self.url}")

    async def close(self) -> None:
        self._log.append("close")

    @on
    async def charge(self, event: Ordered) -> None:
        self._log.append("charge")


def test_a_gateway_is_opened_once_before_its_first_call_and_closed_after_its_last() -> None:
    client = Client(url="https://pay.example")
    with scenario(App("shop", client)) as play:
        play.publish(Ordered())
        play.publish(Ordered())

    assert client._log == ["open https://pay.example", "charge", "charge", "close"]


def test_a_scenario_without_a_call_opens_nothing() -> None:
    client = Client()

    with scenario(App("shop", client)) as play:
        play.advance(days=1)

    assert client._log == []


def test_concurrency_and_rate_are_class_arguments_over_the_whole_app() -> None:
    plan = App("shop", Client).catalogue.gateways["Payments"]

    assert (plan.concurrency, plan.per_second) == (2, 7.5)


def test_retries_timeout_and_idempotency_are_arguments_of_on() -> None:
    class Tuned(Gateway):
        @on(retries=9, timeout=1.5, idempotent=True)
        async def call(self, event: Ordered) -> None: ...

    class Plain(Gateway):
        @on
        async def call(self, event: Ordered) -> None: ...

    gateways = App("shop", Tuned, Plain).catalogue.gateways

    tuned, plain = gateways["Tuned"].handlers["ordered"], gateways["Plain"].handlers["ordered"]
    assert (tuned.retries, tuned.timeout, tuned.idempotent) == (9, 1.5, True)
    assert (plain.retries, plain.timeout, plain.idempotent) == (3, 30.0, False)


def test_a_setting_that_is_no_setting_is_refused() -> None:
    with pytest.raises(ValueError, match="Extra inputs are not permitted"):
        Client(colour="red")  # type: ignore[call-arg]


@pytest.mark.parametrize("name", ["event", "idempotency_key", "open", "close"])
@pytest.mark.filterwarnings("ignore:Field name .* shadows an attribute in parent:UserWarning")
def test_the_names_of_gateway_itself_are_refused_as_settings(name: str) -> None:
    namespace: dict[str, Any] = {"Gateway": Gateway, "__name__": __name__}
    exec(f"class Odd(Gateway):\n    {name}: str = ''", namespace)

    with pytest.raises(WiringError, match=rf"ReservedName: Odd\.{name} is a name of Gateway itself"):
        App("shop", namespace["Odd"])


@pytest.mark.parametrize("name", ["event", "idempotency_key", "open", "close"])
def test_the_names_of_gateway_itself_are_refused_as_handlers(name: str) -> None:
    source = f"class Odd(Gateway):\n    @on\n    async def {name}(self, event: Ordered) -> None: ..."
    namespace: dict[str, Any] = {"Gateway": Gateway, "on": on, "Ordered": Ordered, "__name__": __name__}
    exec(source, namespace)

    with pytest.raises(WiringError, match=rf"ReservedName: Odd\.{name} is a name of Gateway itself"):
        App("shop", namespace["Odd"])


def test_a_scenario_says_that_it_calls_gateways_from_plain_functions_only() -> None:
    async def inside() -> None:
        scenario(App("shop", Client())).publish(Ordered())

    with pytest.raises(TrunklineError, match="inside an event loop") as caught:
        asyncio.run(inside())

    assert "a plain function" in caught.value.hint
