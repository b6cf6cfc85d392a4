"""Twilio's stand-in, for every test that asks for it."""

from collections.abc import Iterator

import pytest

from tests.apps.prankcall.twilio_api.standin import StandIn


@pytest.fixture
def company() -> Iterator[StandIn]:
    """Twilio on loopback. At its end nothing was sent that Twilio's own description does not allow."""
    standin = StandIn()
    yield standin
    standin.close()
    assert standin.broken == []
