"""Handlers that end their process or never return: only what did it is parked, everything else goes on."""

from pathlib import Path

import pytest

from tests.conftest import Start

from .poison import Called, Cup, Poured, app

OTHERS = [f"other-{n}" for n in range(50)]
WRONG = ("ends its process", "never returns")


def stacks_told(logs: Path) -> list[str]:
    """What hosts that ended a turn which took too long have said of it, from Ray's logs of their stderr."""
    said = "\n".join(log.read_text(errors="replace") for log in logs.glob("worker-*.err"))
    return said.split("Cup/never returns has handled poured")[1:]


def test_what_a_host_dies_of_is_found_and_parked(
    start: Start, ray_cluster: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRUNKLINE_TURN_LIMIT", "1")
    rt = start(app)
    for name in OTHERS[:25]:
        rt.publish(Poured(name=name), wait=False)
    for how in WRONG:
        rt.publish(Poured(name=how, how=how), wait=False)
        rt.publish(Poured(name=how), wait=False)
    for name in OTHERS[25:]:
        rt.publish(Poured(name=name), wait=False)
    rt.drain()
    letters = {letter.address: letter for letter in rt.dead_letters.list()}

    drunk = [rt.get(Cup, name) for name in OTHERS]
    held = rt.status()["held"]
    for letter in letters.values():
        rt.dead_letters.skip(letter)
    rt.drain()

    assert drunk == [Cup(drunk=["drinks"])] * 50
    assert letters.keys() == {f"Cup/{how}" for how in WRONG}
    for how in WRONG:
        letter = letters[f"Cup/{how}"]
        assert letter.recorded.event == Poured(name=how, how=how)
        assert letter.error == "HostDied"
        assert "the host's process died while it handled this event alone" in letter.message
        assert "fix: " in letter.message
        assert rt.get(Cup, how) == Cup(drunk=["drinks"])
    assert held == 2
    assert stacks_told(ray_cluster)
    assert all("poison.py" in stack and " in swallow" in stack for stack in stacks_told(ray_cluster))


def test_a_call_that_ends_or_stops_the_gateways_is_unknown(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUNKLINE_PATIENCE", "2")
    rt = start(app)
    for how in WRONG:
        rt.publish(Called(name=how, how=how))
        rt.drain()
    letters = rt.dead_letters.list()
    for letter in letters:
        rt.dead_letters.skip(letter)
    rt.publish(Called(name="later"))
    rt.drain()

    assert {letter.recorded.event for letter in letters} == {Called(name=how, how=how) for how in WRONG}
    for letter in letters:
        assert letter.address == "Phone"
        assert "nobody knows whether it took effect" in letter.message
        assert "fix: " in letter.message
    assert rt.get(Cup, "later") == Cup(answers=1)
