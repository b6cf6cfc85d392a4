"""Twilio's adapter against a stand-in for Twilio on loopback, which holds each request against Twilio's description."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import aiohttp
import pytest

from actors import TrunklineError
from actors.testing import Scenario, scenario
from apps.prankcall.app import app
from apps.prankcall.call import Call
from apps.prankcall.events import (
    AttemptedPurchase,
    ConsentGiven,
    DialedCall,
    HangupDue,
    HungUpCall,
    RequestedCall,
    RequestedHangup,
    UndialedCall,
)
from apps.prankcall.payments import Payments
from apps.prankcall.pranks import PRANKS, Prank
from apps.prankcall.rules import CALL_LIMIT
from apps.prankcall.telephony.simulator import SimulatedTelephony
from apps.prankcall.telephony.twilio import TwilioTelephony, telephony_from_environment, twiml
from apps.prankcall.telephony.twilio_http import TwilioHttp
from apps.prankcall.wallet import Wallet
from apps.prankcall.web import callbacks
from runtime.shells.code import dump_app
from tests.apps.prankcall.twilio_api.contract import Broken, check_request
from tests.apps.prankcall.twilio_api.standin import SID, TOKEN, StandIn, Taken

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
FRIEND = "+15550100"
SERVER_ERROR = (500, {"code": 20500, "message": "Internal Server Error", "status": 500})


def adapter(company: StandIn, **settings: Any) -> TwilioTelephony:
    given = {
        "account_sid": SID,
        "from_number": "+15550199",
        "callback_url": "https://game.example/prankcall",
        "api_url": company.url,
        "settle": 0,
    }
    return TwilioTelephony(**given | settings)


@contextmanager
def playing(company: StandIn, **settings: Any) -> Iterator[Scenario]:
    """A game in which Ada may call a friend, by Twilio."""
    parts = {"Payments": Payments(latency=0), "Telephony": adapter(company, **settings)}
    with scenario(app.using(**parts), start=NOON) as game:
        game.publish(AttemptedPurchase(player_id="ada", credits=20, order="o-1"))
        game.publish(ConsentGiven(friend=FRIEND, player_id="ada"))
        yield game


def request(prank: str = "fish") -> RequestedCall:
    return RequestedCall(call_id="c 1&", player_id="ada", friend=FRIEND, prank=prank)


def dialed(game: Scenario) -> list[str]:
    return [event.provider_id for event in game.events if isinstance(event, DialedCall)]


def undialed(game: Scenario) -> list[str]:
    return [event.reason for event in game.events if isinstance(event, UndialedCall)]


def other_call(company: StandIn, *, created: datetime = NOON, asked: tuple[str, ...] = ()) -> Taken:
    """A call from our number to the same friend that another attempt has placed."""
    form = {"To": [FRIEND], "From": ["+15550199"], "StatusCallback": ["https://game.example/other"]}
    taken = Taken(f"CA{len(company.calls) + 1:032x}", form, created, "in-progress", list(asked))
    company.calls.append(taken)
    return taken


# ---------------------------------------------------------------- placing


def test_a_call_is_placed_with_a_script_a_limit_and_callbacks_that_name_call_and_attempt(company: StandIn) -> None:
    with playing(company) as game:
        game.publish(request())

        [call] = company.calls
        assert dialed(game) == [call.sid]
    form = {name: texts if name == "StatusCallbackEvent" else texts[0] for name, texts in call.form.items()}
    callback = urlsplit(form.pop("StatusCallback"))
    assert form == {
        "To": FRIEND,
        "From": "+15550199",
        "Twiml": twiml(PRANKS["fish"]),
        "TimeLimit": str(CALL_LIMIT),
        "Timeout": "30",
        "StatusCallbackEvent": ["initiated", "ringing", "answered", "completed"],
        "StatusCallbackMethod": "POST",
    }
    assert callback[:3] == ("https", "game.example", "/prankcall/twilio/status")
    assert callback.fragment == "rc=5&rp=ct,rt,5xx"
    asked = parse_qs(callback.query)
    assert asked["call_id"] == ["c 1&"]
    assert len(asked["attempt"]) == 1


def test_a_script_is_escaped_and_its_last_line_is_said_until_the_end() -> None:
    hostile = Prank("x", ('</Say><Dial>+19005550100</Dial> & "more"', "and again"))

    response = ElementTree.fromstring(twiml(hostile))

    assert [(verb.tag, verb.text, verb.get("loop")) for verb in response] == [
        ("Say", hostile.lines[0], None),
        ("Pause", None, None),
        ("Say", "and again", "0"),
    ]


@pytest.mark.parametrize("name", PRANKS)
def test_every_prank_fits_into_a_request(name: str) -> None:
    assert 0 < len(twiml(PRANKS[name])) <= 4000


def test_a_prank_that_does_not_exist_is_not_dialled(company: StandIn) -> None:
    with playing(company) as game:
        game.publish(request(prank="no-such"))

        assert undialed(game) == ["no such prank"]
    assert company.requests == []


@pytest.mark.parametrize("lost", ["broken", "late", "garbled"])
def test_a_call_whose_answer_was_lost_is_found_and_not_placed_again(company: StandIn, lost: str) -> None:
    company.loses.append(lost)

    with playing(company, answer_within=0.3) as game:
        game.publish(request())

        [call] = company.calls
        assert dialed(game) == [call.sid]


def test_a_call_that_is_not_listed_yet_is_looked_for_again(company: StandIn) -> None:
    company.loses.append("broken")
    company.unlisted = 2

    with playing(company) as game:
        game.publish(request())

        [call] = company.calls
        assert dialed(game) == [call.sid]


def test_a_call_that_twilio_did_not_take_is_placed_once_more(company: StandIn) -> None:
    company.fails.append(SERVER_ERROR)

    with playing(company) as game:
        game.publish(request())

        [call] = company.calls
        assert dialed(game) == [call.sid]
    assert [line.split()[0] for line in company.requests] == ["POST", "GET", "GET", "GET", "POST"]


@pytest.mark.parametrize("tells", ["both", "ours", "the other"])
def test_a_lost_call_is_told_from_others_by_the_attempt_in_its_callback_url(company: StandIn, tells: str) -> None:
    other = "https://game.example/prankcall/twilio/status?call_id=c-2&attempt=other"
    other_call(company, asked=() if tells == "ours" else (other,))
    company.lists_requests = tells != "the other"
    company.loses.append("broken")

    with playing(company) as game:
        game.publish(request())

        assert dialed(game) == [company.calls[1].sid]
        assert len(company.calls) == 2


def test_calls_to_the_same_friend_from_before_are_not_taken_for_a_lost_one(company: StandIn) -> None:
    other_call(company, created=NOON - timedelta(minutes=10))
    company.fails.append(SERVER_ERROR)

    with playing(company) as game:
        game.publish(request())

        assert dialed(game) == [company.calls[1].sid]


def test_where_a_lost_call_can_not_be_told_from_another_the_friend_is_not_called_again(company: StandIn) -> None:
    other_call(company)
    company.loses.append("broken")

    with playing(company) as game:
        game.publish(request())

        assert (dialed(game), undialed(game)) == ([], ["not dialled"])
        wallet = game.get(Wallet, "ada")
        assert wallet is not None
        assert (wallet.credits, wallet.reserved) == (20, {})
    assert len(company.calls) == 2


@pytest.mark.parametrize(("status", "code"), [(400, 21211), (401, 20003), (403, 21215)])
def test_what_twilio_refuses_is_not_asked_again(company: StandIn, status: int, code: int) -> None:
    company.fails.append((status, {"code": code, "message": "The number is not valid", "status": status}))

    with playing(company) as game:
        game.publish(request())

        assert undialed(game) == [f"refused by Twilio: error {code}"]
    assert len(company.requests) == 1
    assert company.calls == []


def test_what_twilio_had_no_time_for_is_asked_again(company: StandIn) -> None:
    company.fails.extend([(429, {"code": 20429, "message": "Too Many Requests", "status": 429})] * 2)

    with playing(company) as game:
        game.publish(request())

        [call] = company.calls
        assert dialed(game) == [call.sid]
    assert [line.split()[0] for line in company.requests] == ["POST"] * 3


def test_where_nobody_listens_nothing_was_sent_and_the_call_counts_as_not_dialled(company: StandIn) -> None:
    company.close()

    with playing(company) as game:
        game.publish(request())

        assert undialed(game) == ["not dialled"]


# ---------------------------------------------------------------- hanging up


def test_a_call_is_hung_up(company: StandIn) -> None:
    with playing(company) as game:
        game.publish(request())
        company.calls[0].status = "in-progress"

        game.publish(RequestedHangup(call_id="c 1&"))

        assert HungUpCall(call_id="c 1&") in game.events
    assert company.calls[0].status == "completed"


@pytest.mark.parametrize("status", ["completed", "busy", "unknown to Twilio"])
def test_hanging_up_a_call_that_is_over_does_no_harm(company: StandIn, status: str) -> None:
    with playing(company) as game:
        game.publish(request())
        [call] = company.calls
        call.status = status
        if status.startswith("unknown"):
            company.calls.clear()

        game.publish(RequestedHangup(call_id="c 1&"))

        assert HungUpCall(call_id="c 1&") in game.events
    assert call.status == status


def test_a_hang_up_whose_answer_was_lost_is_said_again(company: StandIn) -> None:
    with playing(company) as game:
        game.publish(request())
        company.calls[0].status = "in-progress"
        company.loses.append("broken")

        game.publish(RequestedHangup(call_id="c 1&"))

        assert HungUpCall(call_id="c 1&") in game.events
        assert sum(isinstance(event, HangupDue) for event in game.events) == 1
    assert len([line for line in company.requests if line.startswith("POST") and "/Calls/" in line]) == 2


def test_a_hang_up_that_twilio_refuses_waits_for_somebody_and_keeps_the_token_to_itself(company: StandIn) -> None:
    with playing(company) as game:
        game.publish(request())
        company.fails.extend([(403, {"code": 20403, "message": "Forbidden", "status": 403})] * 10)

        game.publish(RequestedHangup(call_id="c 1&"))

        [letter] = game.dead_letters
        assert "Twilio answered 403, error 20403" in str(letter)
        assert TOKEN not in str(letter)
        assert TOKEN not in repr(letter)
        call = game.get(Call, "c 1&")
        assert call is not None
        assert call.hangup_wanted


# ---------------------------------------------------------------- configuration

COMPLETE = {
    "TWILIO_ACCOUNT_SID": SID,
    "TWILIO_AUTH_TOKEN": TOKEN,
    "TWILIO_FROM_NUMBER": "+15550199",
    "PRANKCALL_CALLBACK_URL": "https://game.example/prankcall/",
}


def test_without_configuration_no_twilio_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def made(*_: object) -> None:
        raise AssertionError("Twilio's client was made")

    monkeypatch.setattr(TwilioHttp, "__init__", made)
    for name in COMPLETE:
        monkeypatch.delenv(name, raising=False)

    with scenario(app.using(Payments=Payments(latency=0)), start=NOON) as game:
        game.publish(AttemptedPurchase(player_id="ada", credits=20, order="o-1"))
        game.publish(ConsentGiven(friend=FRIEND, player_id="ada"))
        game.publish(request())

        assert [provider_id[:3] for provider_id in dialed(game)] == ["SIM"]
    assert telephony_from_environment() is None
    assert isinstance(app.catalogue.gateways["Telephony"].gateway, SimulatedTelephony)


def test_importing_the_game_does_not_import_twilio() -> None:
    script = (
        "import sys, apps.prankcall.app, apps.prankcall.cli; print([name for name in sys.modules if 'twilio' in name])"
    )

    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == "[]"


def test_the_environment_configures_twilio() -> None:
    telephony = telephony_from_environment(COMPLETE)

    assert telephony is not None
    assert telephony.account_sid == SID
    assert telephony.status_url("c-1", "a-1") == "https://game.example/prankcall/twilio/status?call_id=c-1&attempt=a-1"
    assert telephony.api_url == "https://api.twilio.com"


def test_the_token_does_not_travel_with_the_app(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in COMPLETE.items():
        monkeypatch.setenv(name, value)

    telephony = telephony_from_environment()

    assert telephony is not None
    code = dump_app(app.using(Telephony=telephony))
    assert SID.encode() in code
    assert TOKEN.encode() not in code


async def nothing(*_: object, **__: object) -> bool:
    return False


USES = {
    "a gateway": lambda telephony: asyncio.run(telephony.open()),
    "the web app": lambda telephony: callbacks(telephony, nothing, nothing),
}


@pytest.mark.parametrize("use", USES)
def test_a_process_without_the_token_says_where_to_set_it(monkeypatch: pytest.MonkeyPatch, use: str) -> None:
    telephony = telephony_from_environment(COMPLETE)
    monkeypatch.delenv("TWILIO_AUTH_TOKEN", raising=False)

    with pytest.raises(TrunklineError, match="TWILIO_AUTH_TOKEN is not in the environment") as caught:
        USES[use](telephony)

    assert "before `ray start`" in str(caught.value)


@pytest.mark.parametrize("missing", COMPLETE)
def test_a_configuration_in_part_says_what_is_missing(missing: str) -> None:
    with pytest.raises(TrunklineError, match=f"{missing} missing") as caught:
        telephony_from_environment({name: value for name, value in COMPLETE.items() if name != missing})

    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TWILIO_ACCOUNT_SID", "SK123"),
        ("TWILIO_FROM_NUMBER", "555 0199"),
        ("PRANKCALL_CALLBACK_URL", "game.example"),
        ("PRANKCALL_CALLBACK_URL", "https://game.example/?a=1"),
        ("PRANKCALL_CALLBACK_URL", "https://game.example:port/"),
    ],
)
def test_a_configuration_that_can_not_be_right_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(TrunklineError, match=name) as caught:
        telephony_from_environment(COMPLETE | {name: value})

    assert TOKEN not in str(caught.value)
    assert value not in str(caught.value)


# ---------------------------------------------------------------- the contract


@pytest.mark.parametrize(
    ("method", "path", "query", "form"),
    [
        ("POST", "/Calls.json", {}, {"To": ["+1"], "From": ["+1"], "Tweeml": ["<Response/>"]}),
        ("POST", "/Calls.json", {}, {"To": ["+1"]}),
        ("POST", "/Calls.json", {}, {"To": ["+1"], "From": ["+1"], "TimeLimit": ["ten minutes"]}),
        ("POST", "/Calls.json", {}, {"To": ["+1", "+2"], "From": ["+1"]}),
        ("POST", f"/Calls/CA{'1' * 32}.json", {}, {"Status": ["over"]}),
        ("POST", "/Calls/CA1.json", {}, {"Status": ["completed"]}),
        ("GET", "/Calls.json", {"Too": ["+1"]}, {}),
        ("GET", "/Calls.json", {"PageSize": ["1001"]}, {}),
        ("DELETE", "/Calls.json", {}, {}),
        ("GET", "/Messages.json", {}, {}),
    ],
)
def test_the_contract_notices_what_twilio_would_not_take(
    method: str, path: str, query: dict[str, list[str]], form: dict[str, list[str]]
) -> None:
    with pytest.raises(Broken):
        check_request(method, f"/2010-04-01/Accounts/{SID}{path}", query, "application/x-www-form-urlencoded", form)


def test_a_request_for_which_there_was_no_connection_was_not_sent(company: StandIn) -> None:
    async def ask() -> None:
        http = TwilioHttp(company.url, 5)
        try:
            await http.request("POST", f"https://api.twilio.com/2010-04-01/Accounts/{SID}/Calls.json")
        finally:
            await http.close()

    company.close()

    with pytest.raises(aiohttp.ClientConnectorError):
        asyncio.run(ask())


def test_the_http_client_goes_to_no_other_host_than_it_was_told(company: StandIn) -> None:
    async def ask() -> int:
        http = TwilioHttp(company.url, 5)
        try:
            answer = await http.request(
                "GET", f"https://api.twilio.com/2010-04-01/Accounts/{SID}/Calls.json?PageSize=1"
            )
        finally:
            await http.close()
        return int(answer.status_code)

    assert asyncio.run(ask()) == 401
    assert company.requests == [f"GET /2010-04-01/Accounts/{SID}/Calls.json"]
