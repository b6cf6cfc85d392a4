"""Twilio's way in as it is in production: Ray Serve in front of a running app. Only Twilio is a stand-in."""

import socket
from datetime import UTC, datetime, timedelta

import pytest

from apps.prankcall.app import app
from apps.prankcall.call import Call
from apps.prankcall.events import AttemptedPurchase, ConsentGiven, RequestedCall, ScoredCall
from apps.prankcall.payments import Payments
from apps.prankcall.rules import CALL_PRICE, points
from apps.prankcall.telephony.twilio import TwilioTelephony
from apps.prankcall.wallet import Wallet
from apps.prankcall.web import served
from runtime import NotRunning
from tests.apps.prankcall.twilio_api.standin import SID, StandIn, send
from tests.conftest import Start

# Ray Serve's own classes, as they are imported.
pytestmark = pytest.mark.filterwarnings("ignore:Using extra keyword arguments on `Field`")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port: int = held.getsockname()[1]
        return port


def adapter(company: StandIn, port: int) -> TwilioTelephony:
    return TwilioTelephony(
        account_sid=SID,
        from_number="+15550199",
        callback_url=f"http://127.0.0.1:{port}",
        api_url=company.url,
        settle=0,
    )


def test_a_call_is_placed_reported_on_in_disorder_and_scored_over_ray_serve(
    start: Start, company: StandIn, app_name: str
) -> None:
    port = free_port()
    telephony = adapter(company, port)
    rt = start(app.using(Payments=Payments(latency=0), Telephony=telephony), placement="sharded")
    company.hasty, company.now = True, datetime.now(UTC).replace(microsecond=0)
    rt.publish(AttemptedPurchase(player_id="ada", credits=20, order="o-1"))
    rt.publish(ConsentGiven(friend="+15550100", player_id="ada"))
    rt.drain(timeout=60)

    with served(app.name, telephony, port=port) as url:
        rt.publish(RequestedCall(call_id="c-1", player_id="ada", friend="+15550100", prank="fish"))
        rt.drain(timeout=60)
        [placed] = company.calls
        answered = company.callback(placed, "in-progress", 2, company.now + timedelta(seconds=5))
        completed = company.callback(placed, "completed", 3, company.now + timedelta(seconds=95))
        forged = company.callback(placed, "completed", 3, company.now + timedelta(seconds=500))
        forged.data = completed.data
        answers = [send(report) for report in (completed, answered, completed, forged, answered)]
        rt.drain(timeout=60)

    call, wallet = rt.get(Call, "c-1"), rt.get(Wallet, "ada")
    assert url == f"http://127.0.0.1:{port}"
    assert company.answers == [204]
    assert answers == [204, 204, 204, 403, 204]
    assert call is not None
    assert (call.provider_id, call.ringing) == (placed.sid, True)
    assert (call.answered_at, call.ended_at) == (
        company.now + timedelta(seconds=5),
        company.now + timedelta(seconds=95),
    )
    assert wallet is not None
    assert (wallet.credits, wallet.spent, wallet.reserved) == (20 - CALL_PRICE, CALL_PRICE, {})
    scored = [recorded.event for recorded in rt.tail(ScoredCall)]
    assert scored == [ScoredCall(call_id="c-1", player_id="ada", friend="+15550100", seconds=90, points=points(90))]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


@pytest.mark.slow
def test_reports_are_asked_for_again_while_the_app_is_down_and_taken_when_it_is_back(
    start: Start, company: StandIn, app_name: str
) -> None:
    port = free_port()
    telephony = adapter(company, port)
    played = app.using(Payments=Payments(latency=0), Telephony=telephony)
    rt = start(played, placement="sharded")
    rt.publish(AttemptedPurchase(player_id="ada", credits=20, order="o-1"))
    rt.publish(ConsentGiven(friend="+15550100", player_id="ada"))
    rt.drain(timeout=60)
    rt.publish(RequestedCall(call_id="c-1", player_id="ada", friend="+15550100", prank="fish"))
    rt.drain(timeout=60)
    report = company.callback(company.calls[0], "ringing", 1, datetime.now(UTC))

    with served(app.name, telephony, port=port):
        rt.stop()
        down = send(report)
        rt = start(played, placement="sharded")
        back = send(report)
        rt.drain(timeout=60)

    call = rt.get(Call, "c-1")
    assert (down, back) == (503, 204)
    assert call is not None
    assert call.ringing


def test_callbacks_are_not_taken_for_an_app_that_does_not_run(nothing_left: None, company: StandIn) -> None:
    port = free_port()

    with pytest.raises(NotRunning), served("no-such-app", adapter(company, port), port=port):
        raise AssertionError("it was served")

    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
