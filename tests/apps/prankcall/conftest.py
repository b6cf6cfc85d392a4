"""Twilio's stand-in, for every test that asks for it."""

from collections.abc import Iterator

import pytest

from tests.apps.prankcall.twilio_api.standin import TOKEN, StandIn


@pytest.fixture
def company(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """Twilio on loopback, whose token this process knows.

    At its end nothing was sent that Twilio's own description does not allow.
    """
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", TOKEN)
    standin = StandIn()
    yield standin
    standin.close()
    assert standin.broken == []
