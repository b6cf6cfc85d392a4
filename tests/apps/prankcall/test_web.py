"""Twilio's callbacks over HTTP on loopback: a call that is reported on late, again, and out of order."""

import socket
import threading
from asyncio import to_thread
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any
from urllib.request import Request

import pytest
import uvicorn

from actors import Event
from actors.testing import Scenario, scenario
from apps.prankcall.app import app
from apps.prankcall.call import Call
from apps.prankcall.events import (
    AnsweredCall,
    AttemptedPurchase,
    CompletedCall,
    ConsentGiven,
    RequestedCall,
    RingingCall,
    ScoredCall,
    UnansweredCall,
)
from apps.prankcall.payments import Payments
from apps.prankcall.rules import CALL_LIMIT, CALL_PRICE, REPORTS_WITHIN, points
from apps.prankcall.telephony.twilio import OVERRIDES, TwilioTelephony
from apps.prankcall.wallet import Wallet
from apps.prankcall.web import BODY_MAX, callbacks
from runtime import Overloaded
from tests.apps.prankcall.twilio_api.standin import SID, StandIn, Taken, send, signed

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
REQUEST = RequestedCall(call_id="c 1&", player_id="ada", friend="+15550100", prank="fish")


class Game:
    """A game behind the web app: a scenario, to which one thing happens at a time."""

    def __init__(self, company: StandIn, callback_url: str) -> None:
        self.telephony = TwilioTelephony(
            account_sid=SID,
            from_number="+15550199",
            callback_url=callback_url,
            api_url=company.url,
            settle=0,
        )
        self.published: list[tuple[Event, str, datetime]] = []
        self.overloaded = False
        self._one = threading.Lock()
        self.new()

    def new(self) -> Scenario:
        """Begin again, with a call that is placed."""
        parts = {"Payments": Payments(latency=0), "Telephony": self.telephony}
        self.world = scenario(app.using(**parts), start=NOON)
        self.world.publish(AttemptedPurchase(player_id="ada", credits=20, order="o-1"))
        self.world.publish(ConsentGiven(friend="+15550100", player_id="ada"))
        self.world.publish(REQUEST)
        return self.world

    async def publish(self, event: Event, *, idempotency_key: str, time: datetime) -> None:
        if self.overloaded:
            raise Overloaded("too much at once", hint="wait.")
        self.published.append((event, idempotency_key, time))
        await to_thread(self._publish, event, idempotency_key, time)

    def _publish(self, event: Event, key: str, time: datetime) -> None:
        with self._one:
            self.world.publish(event, idempotency_key=key, time=time)

    async def knows(self, call_id: str) -> bool:
        return self.world.get(Call, call_id) is not None

    def result(self) -> str:
        """All that a call has led to, once its timers are over."""
        self.world.advance(seconds=3 * CALL_LIMIT)
        scored = sorted(repr(event) for event in self.world.events if isinstance(event, ScoredCall))
        return f"{self.world.get(Call, REQUEST.call_id)} {self.world.get(Wallet, 'ada')} {scored}"


@contextmanager
def listening(app: Any, to: socket.socket) -> Iterator[None]:
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [to]})
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def game(company: StandIn) -> Iterator[Game]:
    """A game with a placed call, whose callbacks come over HTTP."""
    with socket.create_server(("127.0.0.1", 0)) as to:
        found = Game(company, f"http://127.0.0.1:{to.getsockname()[1]}")
        with listening(callbacks(found.telephony, found.publish, found.knows), to):
            yield found
        found.world.close()


def story(company: StandIn, call: Taken, *, lasted: int | None = 90) -> list[Request]:
    """What Twilio reports of a call. `lasted=None`: it was busy."""
    answered = NOON + timedelta(seconds=10)
    told = [
        company.callback(call, "initiated", 0, NOON + timedelta(seconds=1)),
        company.callback(call, "ringing", 1, NOON + timedelta(seconds=4)),
    ]
    if lasted is None:
        return [*told, company.callback(call, "busy", 2, answered, CallDuration="0")]
    over = answered + timedelta(seconds=lasted)
    return [
        *told,
        company.callback(call, "in-progress", 2, answered),
        company.callback(call, "completed", 3, over, CallDuration=str(lasted)),
    ]


def test_reports_become_events_at_the_times_that_they_state(
    game: Game, company: StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    [call] = company.calls

    answers = [send(report) for report in story(company, call)]

    of = {"call_id": "c 1&", "provider_id": call.sid}
    assert answers == [204] * 4
    assert [record for record in caplog.records if record.name == "apps.prankcall.web"] == []
    assert [(event, time) for event, _, time in game.published] == [
        (RingingCall(**of), NOON + timedelta(seconds=4)),
        (AnsweredCall(**of), NOON + timedelta(seconds=10)),
        (CompletedCall(**of, seconds=90), NOON + timedelta(seconds=100)),
    ]
    assert [event for event in game.world.events if isinstance(event, ScoredCall)] == [
        ScoredCall(call_id="c 1&", player_id="ada", friend="+15550100", seconds=90, points=points(90))
    ]


@pytest.mark.parametrize(("lasted", "spent"), [("0", 0), ("", 0), ("42", CALL_PRICE), ("-1", 0), ("a while", 0)])
def test_a_completed_call_that_is_not_said_to_be_answered_costs_something_only_if_it_lasted(
    game: Game, company: StandIn, lasted: str, spent: int
) -> None:
    [call] = company.calls

    send(company.callback(call, "ringing", 1, NOON + timedelta(seconds=4)))
    send(company.callback(call, "completed", 2, NOON + timedelta(seconds=52), CallDuration=lasted))
    game.world.advance(seconds=2 * REPORTS_WITHIN)

    wallet = game.world.get(Wallet, "ada")
    scored = [event for event in game.world.events if isinstance(event, ScoredCall)]
    assert wallet is not None
    assert (wallet.spent, wallet.credits, wallet.reserved) == (spent, 20 - spent, {})
    assert [event.seconds for event in scored] == ([42] if spent else [])


@pytest.mark.parametrize("reason", ["busy", "no-answer", "failed", "canceled"])
def test_a_call_that_nobody_answers_is_reported_with_its_reason(game: Game, company: StandIn, reason: str) -> None:
    [call] = company.calls

    send(company.callback(call, reason, 1, NOON))

    [(event, _, _)] = game.published
    assert event == UnansweredCall(call_id="c 1&", provider_id=call.sid, reason=reason)  # type: ignore[arg-type]
    wallet = game.world.get(Wallet, "ada")
    assert wallet is not None
    assert (wallet.credits, wallet.reserved) == (20, {})


@pytest.mark.parametrize("lasted", [90, None])
def test_any_order_of_reports_with_repeats_leaves_the_same_result(
    game: Game, company: StandIn, lasted: int | None
) -> None:
    results = set()
    for order in permutations(range(4 if lasted else 3)):
        game.world.close()
        company.calls.clear()
        game.new()
        reports = story(company, company.calls[0], lasted=lasted)

        answers = [send(reports[index]) for index in (*order, order[0], order[-1])]

        assert set(answers) == {204}
        results.add(game.result())

    assert len(results) == 1


def test_a_report_that_comes_again_has_the_same_key_and_one_effect(game: Game, company: StandIn) -> None:
    report = story(company, company.calls[0])[2]

    answers = [send(report), send(report)]

    assert answers == [204, 204]
    assert len({key for _, key, _ in game.published}) == 1
    assert sum(isinstance(event, AnsweredCall) for event in game.world.events) == 1


def test_a_report_is_taken_whether_or_not_its_signature_counts_the_overrides(game: Game, company: StandIn) -> None:
    call = company.calls[0]
    fields = {"CallSid": call.sid, "CallStatus": "ringing", "Timestamp": "Thu, 01 Jan 2026 12:00:04 +0000"}
    report = signed(call.callback + OVERRIDES, fields)

    answer = send(report)

    assert answer == 204
    assert [type(event) for event, _, _ in game.published] == [RingingCall]


def forged(report: Request, what: str) -> Request:
    url, body, headers = report.full_url, report.data, dict(report.header_items())
    assert isinstance(body, bytes)
    name = "X-twilio-signature"
    if what == "no signature":
        del headers[name]
    elif what == "another signature":
        headers[name] = signed(url, {}, token="guessed").get_header(name) or ""
    elif what == "a signature of another length":
        headers[name] = "x"
    elif what == "a signature beyond ASCII":
        headers[name] = "\xff" * 28
    elif what == "another call":
        url = url.replace("c+1", "c+2")
    elif what == "another status":
        body = body.replace(b"in-progress", b"completed")
    elif what == "one field more":
        body += b"&CallDuration=600"
    elif what == "no text":
        body = b"CallStatus=%ff%fe"
    elif what == "bytes that are no text":
        body = b"\xff\xfe\x00"
    elif what == "a thousand fields":
        body = b"&".join(b"a=1" for _ in range(1000))
    elif what == "nothing":
        body = b""
    elif what == "JSON":
        body, headers["Content-type"] = b'{"CallStatus": "completed"}', "application/json"
    elif what == "a file":
        boundary = b'--x\r\nContent-Disposition: form-data; name="CallStatus"; filename="f"\r\n\r\n1\r\n--x--\r\n'
        body, headers["Content-type"] = boundary, "multipart/form-data; boundary=x"
    elif what == "a query that is no text":
        url += "&%ff=%e4"
    return Request(url, body, headers, method="POST")


@pytest.mark.parametrize(
    "what",
    [
        "no signature",
        "another signature",
        "a signature of another length",
        "a signature beyond ASCII",
        "another call",
        "another status",
        "one field more",
        "no text",
        "bytes that are no text",
        "a thousand fields",
        "nothing",
        "JSON",
        "a file",
        "a query that is no text",
    ],
)
def test_what_twilio_has_not_signed_is_forbidden(game: Game, company: StandIn, what: str) -> None:
    report = forged(story(company, company.calls[0])[2], what)

    answer = send(report)

    assert answer == 403
    assert game.published == []


def test_what_is_too_large_to_be_a_report_is_not_read_to_its_end(game: Game, company: StandIn) -> None:
    call = company.calls[0]
    report = signed(call.callback, {"CallStatus": "completed", "CallSid": call.sid, "x": "x" * BODY_MAX})

    answer = send(report)

    assert answer == 413
    assert game.published == []


@pytest.mark.parametrize(
    "changed",
    [
        {"CallStatus": "levitating"},
        {"CallStatus": ""},
        {"CallSid": ""},
        {"Timestamp": "noon"},
        {"Timestamp": ""},
        {"CallStatus": "queued"},
    ],
)
def test_a_report_that_says_nothing_to_the_game_does_no_harm(
    game: Game, company: StandIn, changed: dict[str, str]
) -> None:
    report = company.callback(company.calls[0], "in-progress", 2, NOON, **changed)

    answer = send(report)

    assert answer == 204
    assert game.published == []


@pytest.mark.parametrize("query", ["?call_id=c-9&attempt=a-1", "?attempt=a-1", ""])
def test_a_report_on_an_unknown_call_does_no_harm(game: Game, company: StandIn, query: str) -> None:
    fields = {
        "CallSid": company.calls[0].sid,
        "CallStatus": "completed",
        "Timestamp": "Thu, 01 Jan 2026 12:00:00 +0000",
    }
    report = signed(f"{game.telephony.callback_url}/twilio/status{query}", fields)

    answer = send(report)

    assert answer == 204
    assert game.published == []
    assert game.world.get(Call, "c-9") is None


def test_a_report_that_the_game_can_not_take_now_is_asked_for_again(game: Game, company: StandIn) -> None:
    report = story(company, company.calls[0])[2]
    game.overloaded = True

    first = send(report)
    game.overloaded = False
    second = send(report)

    assert (first, second) == (503, 204)
    assert sum(isinstance(event, AnsweredCall) for event in game.world.events) == 1
