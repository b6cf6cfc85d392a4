"""The doctor on an app with a process that is stopped, and so says nothing."""

import json
import os
import signal
from pathlib import Path

import pytest

from actors import App
from runtime.commands import doctor
from tests.conftest import Start

from .conftest import Trunkline
from .shop import AttemptedPurchase, app


@pytest.mark.parametrize("silent", [{"Supervisor"}, {"Router"}, {"Router", "Supervisor"}], ids=" and ".join)
def test_a_process_that_is_silent_is_a_finding_and_all_else_is_examined(
    start: Start, trunkline: Trunkline, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, silent: set[str]
) -> None:
    # Nobody ends it meanwhile.
    monkeypatch.setenv("TRUNKLINE_PATIENCE", "600")
    monkeypatch.setattr(doctor, "ANSWER_WITHIN_S", 0.5)
    rt = start(App("mute", *app.parts), journal=tmp_path / "mute.db")
    rt.publish(AttemptedPurchase(player_id="ada", credits=10))
    rt.drain()
    stopped = [rt.processes()[f"mute:{name}"] for name in silent]

    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        said = trunkline("doctor", "--app", "mute", "--json")
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)

    found = {one["about"]: one for line in said.lines if (one := json.loads(line))}
    assert said.status == 1, said.err
    assert {about for about, one in found.items() if one["sign"] == "bad"} == {f"mute:{name}" for name in silent}
    assert all("kill -9" in found[f"mute:{name}"]["fix"] for name in silent)
    if len(silent) == 1:
        assert {"app", "lag", "journal", "pages", "versions"} <= set(found)
    else:
        assert found["journal"]["fix"] == "`trunkline doctor --journal PATH`"
        assert "versions" in found
