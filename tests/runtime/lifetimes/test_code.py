"""However an app's code is written and started, it reaches the processes that run it."""

import sys
from pathlib import Path
from textwrap import indent

import pytest

from tests.runtime.lifetimes.programs import BOUGHT, BUY, SHOP, run, run_python

MAIN = 'if __name__ == "__main__":\n    buy()\n'

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


def test_an_argument_of_the_interpreter(tmp_path: Path) -> None:
    outcome = run_python(["-c", SHOP + BUY], tmp_path)

    outcome.must_have_said(BOUGHT)


def test_a_script_in_another_folder_and_the_module_beside_it(tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "shop", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    (folder / "corner.py").write_text(SHOP)
    (folder / "main.py").write_text("from corner import *\n" + BUY)

    outcome = run_python([folder / "main.py"], elsewhere)

    outcome.must_have_said(BOUGHT)


@pytest.mark.parametrize("first", ["", FUTURE], ids=["evaluated hints", "hints as text"])
def test_modules_that_only_the_driver_finds(tmp_path: Path, first: str) -> None:
    sources = tmp_path / "sources"
    (sources / "stores").mkdir(parents=True)
    (sources / "prices.py").write_text("BONUS = 3\n")
    (sources / "stores" / "__init__.py").write_text("")
    (sources / "stores" / "corner.py").write_text(
        first + SHOP.replace("BONUS = 3", "import prices").replace("BONUS", "prices.BONUS")
    )
    find = f"import sys\nsys.path.insert(0, {str(sources)!r})\nfrom stores.corner import *\n"
    (tmp_path / "main.py").write_text(find + BUY)

    outcome = run_python(["main.py"], tmp_path)

    outcome.must_have_said(BOUGHT)


@pytest.mark.parametrize("mode", ["prepend", "importlib"])
def test_a_test_of_a_user(tmp_path: Path, mode: str) -> None:
    tests = tmp_path / "tests"
    tests.mkdir()
    (tests / "test_shop.py").write_text(SHOP + BUY.replace(MAIN, "def test_it():\n    buy()\n"))

    outcome = run_python(["-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", f"--import-mode={mode}"], tmp_path)

    outcome.must_have_said(BOUGHT)


@pytest.mark.parametrize("name", ["__main__", "__console__"])
def test_an_interactive_interpreter(tmp_path: Path, name: str) -> None:
    """As `python` at a terminal has it (`__main__`), and `code.interact()` (`__console__`)."""
    cells = [SHOP, BUY.replace(MAIN, ""), "buy()"]
    driver = f"""
import code, sys
names = sys.modules["__main__"].__dict__ if {name!r} == "__main__" else {{"__name__": {name!r}}}
interpreter = code.InteractiveInterpreter(names)
for cell in {cells!r}:
    interpreter.runsource(cell, "<console>", "exec")
"""
    outcome = run_python(["-c", driver], tmp_path)

    outcome.must_have_said(BOUGHT)


NOTEBOOK = [
    SHOP,
    "from runtime import AsyncRuntime\nrt = await AsyncRuntime.start(app)",
    """await rt.publish(AttemptedPurchase(player_id="ada", credits=10))
await rt.drain()
first = (await rt.get(Wallet, "ada")).credits
await rt.close()""",
    # Edited and run again, as one does: the class of the same name is another one now.
    SHOP.replace("BONUS = 3", "BONUS = 4"),
    """with __import__("runtime").Runtime.start(app) as rt:
    rt.publish(AttemptedPurchase(player_id="ada", credits=20))
    rt.drain()
    print("first", first, "then", rt.get(Wallet, "ada").credits)""",
]


def test_cells_of_a_notebook(tmp_path: Path) -> None:
    """In IPython's shell, which is what a notebook's kernel runs cells in: a running loop, no file."""
    driver = f"""
import sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
for cell in {NOTEBOOK!r}:
    shell.run_cell(cell).raise_error()
"""
    outcome = run_python(["-c", driver], tmp_path)

    outcome.must_have_said("first 13 then 37")


def test_an_installed_package(tmp_path: Path) -> None:
    project, site, elsewhere = tmp_path / "project", tmp_path / "site", tmp_path / "elsewhere"
    (project / "cornershop").mkdir(parents=True)
    elsewhere.mkdir()
    (project / "cornershop" / "__init__.py").write_text(SHOP)
    (project / "cornershop" / "__main__.py").write_text("from cornershop import *\n" + BUY)
    (project / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        '[project]\nname = "cornershop"\nversion = "1.0"\n'
    )
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", site, project]
    installed = run(pip, tmp_path)
    assert installed.status == 0, str(installed)

    outcome = run_python(["-m", "cornershop"], elsewhere, path=[site])

    outcome.must_have_said(BOUGHT)


CLOSURES = """
from actors import Aggregate, App, Event, on
from functools import partial

RATES = {"EUR": 2}
round_up = lambda credits: -(-credits // 5) * 5


def make(factor, suffix):
    class Paid(Event, origin=True):
        player: str
        cents: int
        tags: set[str] = {"new", "paid", "card", "eu", "x", "y"}

    class Purse(Aggregate, key="player"):
        credits: int = 0
        seen: set[str] = {"a", "b", "c", "d", "e", "f"}

        @on(key=lambda event: event.player + suffix)
        def add(self, event: Paid) -> None:
            self.credits += times(round_up(event.cents)) * RATES["EUR"]
            self.seen |= event.tags

    times = partial(lambda a, b: a * b, factor)
    return Paid, Purse, App("closures", Purse)


Paid, Purse, app = make(10, "-x")

if __name__ == "__main__":
    from runtime import Runtime

    with Runtime.start(app) as rt:
        rt.publish(Paid(player="ada", cents=3))
        rt.drain()
        print("purse", rt.get(Purse, "ada-x").credits, len(rt.get(Purse, "ada-x").seen))
"""


def test_closures_and_what_they_name(tmp_path: Path) -> None:
    (tmp_path / "closures.py").write_text(CLOSURES)

    outcome = run_python(["closures.py"], tmp_path)

    outcome.must_have_said("purse 100 12")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("source.replace('credits: int = 0', 'credits: int = 0; bonus: int = 1')", "differs between driver and host"),
        ("source.replace('Wallet', 'Purse')", "Can't get attribute 'Wallet'"),
        ("source + '\\n1 / 0\\n'", "ZeroDivisionError"),
    ],
    ids=["another schema", "a class is gone", "it raises"],
)
def test_other_code_on_the_hosts_is_named(tmp_path: Path, change: str, words: str) -> None:
    (tmp_path / "corner.py").write_text(SHOP)
    edit = f"import pathlib\nfile = pathlib.Path('corner.py')\nsource = file.read_text()\nfile.write_text({change})\n"
    (tmp_path / "main.py").write_text("from corner import *\n" + edit + BUY)

    outcome = run_python(["main.py"], tmp_path)

    assert outcome.status == 1, str(outcome)
    assert words in outcome.text, str(outcome)
    assert "fix:" in outcome.text, str(outcome)
    assert "ray::" not in outcome.text, f"the remote process's stack is of no use here:\n{outcome}"


EDIT = """
import os, pathlib, signal
from runtime import DrainTimeout, Runtime

file = pathlib.Path("corner.py")
source = file.read_text()
with Runtime.start(app) as rt:
    file.write_text(source.replace("credits: int = 0", "credits: int = 0; bonus: int = 1"))
    before = rt.processes()
    os.kill(before["shop:host-0"], signal.SIGKILL)
    os.kill(before["shop:Supervisor"], signal.SIGKILL)
    rt.publish(AttemptedPurchase(player_id="ada", credits=7))
    try:
        rt.drain(timeout=4)
    except DrainTimeout:
        print("nothing is handled by other code")
    file.write_text(source)
    rt.drain()
    print("then it is:", rt.get(Wallet, "ada").credits)
"""


def test_a_module_edited_while_it_runs_holds_things_up_until_it_is_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "corner.py").write_text(SHOP)
    (tmp_path / "main.py").write_text("from corner import *\n" + EDIT)

    outcome = run_python(["main.py"], tmp_path)

    assert "nothing is handled by other code" in outcome.text, str(outcome)
    assert "then it is: 10" in outcome.text, str(outcome)
    assert "differs between driver and host" in outcome.text, str(outcome)
    assert outcome.status == 0, str(outcome)


def test_what_can_not_be_sent_is_named(tmp_path: Path) -> None:
    lock = "import threading\n\nlock = threading.Lock()\n"
    (tmp_path / "shop.py").write_text(lock + SHOP.replace("self.credits += with", "lock; self.credits += with") + BUY)

    outcome = run_python(["shop.py"], tmp_path)

    assert outcome.status == 1, str(outcome)
    assert "Wallet of app 'shop' can't be sent" in outcome.text, str(outcome)
    assert "fix: it names a lock" in outcome.text, str(outcome)
