"""However an app's code is written and started, it reaches the processes that run it."""

from pathlib import Path
from textwrap import indent

import pytest

from tests.runtime.lifetimes.programs import BOUGHT, BUY, SHOP, run_python

pytestmark = pytest.mark.slow
FUTURE = "from __future__ import annotations\n"


@pytest.mark.parametrize("first", ["", FUTURE], ids=["evaluated hints", "hints as text"])
def test_a_script(tmp_path: Path, first: str) -> None:
    (tmp_path / "shop.py").write_text(first + SHOP + BUY)

    outcome = run_python(["shop.py"], tmp_path)

    outcome.must_have_said(BOUGHT)


def test_standard_input(tmp_path: Path) -> None:
    outcome = run_python(["-"], tmp_path, stdin=SHOP + BUY)

    outcome.must_have_said(BOUGHT)


@pytest.mark.parametrize("first", ["", FUTURE], ids=["evaluated hints", "hints as text"])
def test_classes_in_a_function(tmp_path: Path, first: str) -> None:
    program = first + "def main():\n" + indent(SHOP + BUY.replace('if __name__ == "__main__":\n    ', ""), "    ")
    (tmp_path / "shop.py").write_text(program + "\n\nmain()\n")

    outcome = run_python(["shop.py"], tmp_path)

    outcome.must_have_said(BOUGHT)


def test_a_module_of_a_package(tmp_path: Path) -> None:
    package = tmp_path / "stores"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "corner.py").write_text(SHOP + BUY)

    outcome = run_python(["-m", "stores.corner"], tmp_path)

    outcome.must_have_said(BOUGHT)
