"""Where the package of Twilio is not installed: the game is played on simulated telephones, or says what is missing."""

import sys

import pytest
from rich.console import Console

from actors import TrunklineError
from apps.prankcall import serving


@pytest.fixture(autouse=True)
def not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "apps.prankcall.telephony.twilio", raising=False)
    for name in [name for name in sys.modules if name.partition(".")[0] == "twilio"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "twilio", None)
    for name in ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_FROM_NUMBER"):
        monkeypatch.delenv(name, raising=False)


def test_it_is_simulated_as_long_as_nothing_of_twilio_is_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    simulated = []

    async def serve_simulated(*given: object) -> None:
        simulated.append(given)

    monkeypatch.setattr(serving, "serve_simulated", serve_simulated)

    serving.serve(Console(), journal=None, seed=1, host="127.0.0.1", port=0)

    assert len(simulated) == 1


def test_it_says_what_to_install_when_twilio_is_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWILIO_ACCOUNT_SID", "AC" + "0" * 32)

    with pytest.raises(TrunklineError, match="its package is not installed") as raised:
        serving.serve(Console(), journal=None, seed=1, host="127.0.0.1", port=0)

    assert "trunkline[prankcall]" in raised.value.hint
