"""Type checkers see the model: both accept the README's example, and both reject what hints do not say."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.test_docs import ROOT, program

README = ROOT / "README.md"

SHOP = """
from collections.abc import Iterator

from actors import After, Aggregate, App, At, Cancel, Event, Gateway, GaveUp, on
from actors.testing import given, scenario
from runtime import Runtime


class Asked(Event, origin=True):
    key: str
    credits: int = 0


class Paid(Event):
    key: str


class Late(Event):
    key: str


class Purse(Aggregate, key="key"):
    credits: int = 0

    @on
    def grant(self, event: Asked) -> Paid:
        return Paid(key=self.id)
"""

RIGHT = {
    "everything that a handler may return": """
class Wallet(Aggregate, key="key"):
    credits: int = 0

    @on
    def one(self, event: Asked) -> Paid | After[Late] | Cancel[Late] | None:
        if event.credits == 1:
            return Paid(key=self.id)
        if event.credits == 2:
            return After(Late(key=self.id), seconds=1)
        return Cancel(Late) if event.credits == 3 else None

    @on
    def several(self, event: Paid) -> Iterator[Late | After[Late] | None]:
        self.credits += 1
        yield Late(key=self.new_id())
        yield After(Late(key=self.id), minutes=1)
        yield None
""",
    "a gateway with all its methods": """
class Payments(Gateway, concurrency=5, per_second=1.5):
    url: str = ""

    @on(retries=5, timeout=30)
    async def charge(self, event: Asked) -> Paid | At[Paid]:
        return At(Paid(key=self.idempotency_key), self.event.time)

    @charge.reconcile
    async def look(self, event: Asked) -> Paid:
        return Paid(key=event.key)

    @charge.failed
    async def give_up(self, event: Asked, error: GaveUp) -> Late:
        return Late(key=error.message)


class Mail(Gateway):
    @on
    async def send(self, event: Paid) -> None: ...

    @send.failed
    async def give_up(self, event: Event, error: Exception) -> None: ...


app = App("shop", Purse, Payments(url="x"), Mail).using(Payments=Payments())
""",
    "what is read back": """
purse = scenario(App("shop", Purse)).get(Purse, "ada")
credits: int = purse.credits if purse is not None else 0
emitted: list[Event] = given(Purse, "ada", credits=5).when(Asked(key="ada"))
paid: Paid = given(Purse, "ada").state.grant(Asked(key="ada"))
""",
}

WRONG = {
    "an event that the hint does not name": """
class Wallet(Aggregate, key="key"):
    @on
    def grant(self, event: Asked) -> Paid:
        return Late(key=self.id)  # wrong
""",
    "an event that an iterator's hint does not name": """
class Wallet(Aggregate, key="key"):
    @on
    def grant(self, event: Asked) -> Iterator[Paid | None]:
        yield Late(key=self.id)  # wrong
""",
    "nothing where the hint names an event": """
class Wallet(Aggregate, key="key"):
    @on
    def grant(self, event: Asked) -> Paid:  # wrong
        if event.credits:
            return Paid(key=self.id)
""",
    "a timer of another event": """
class Wallet(Aggregate, key="key"):
    @on
    def grant(self, event: Asked) -> After[Paid]:
        return After(Late(key=self.id), seconds=1)  # wrong
""",
    "a timer where the hint says at once": """
class Wallet(Aggregate, key="key"):
    @on
    def grant(self, event: Asked) -> Paid:
        return After(Paid(key=self.id), seconds=1)  # wrong
""",
    "a cancel of another event": """
class Wallet(Aggregate, key="key"):
    @on
    def grant(self, event: Asked) -> Cancel[Paid]:
        return Cancel(Late)  # wrong
""",
    "a stated time of another event": """
class Payments(Gateway):
    @on
    async def charge(self, event: Asked) -> At[Paid]:
        return At(Late(key=event.key), self.event.time)  # wrong
""",
    "a gateway's answer that the hint does not name": """
class Payments(Gateway):
    @on(retries=5)
    async def charge(self, event: Asked) -> Paid:
        return Late(key=event.key)  # wrong
""",
    "a handler called with another event": """
given(Purse, "ada").state.grant(Paid(key="ada"))  # wrong
""",
    "a field that the event does not have": """
class Wallet(Aggregate, key="key"):
    @on
    def grant(self, event: Asked) -> None:
        print(event.colour)  # wrong
""",
    "a state of another type": """
class Wallet(Aggregate, key="key"):
    credits: int = 0

    @on
    def grant(self, event: Asked) -> None:
        self.credits = event.key  # wrong
""",
    "a listener of what is no event": """
class Wallet(Aggregate, key="key"):
    @on  # wrong
    def grant(self, event: int) -> None: ...
""",
    "an argument of another type": """
class Payments(Gateway):
    @on(retries="many")  # wrong
    async def charge(self, event: Asked) -> None: ...
""",
    "a reconcile of another event": """
class Payments(Gateway):
    @on
    async def charge(self, event: Asked) -> None: ...

    @charge.reconcile  # wrong
    async def look(self, event: Late) -> None: ...
""",
    "a failed that takes no error": """
class Payments(Gateway):
    @on
    async def charge(self, event: Asked) -> None: ...

    @charge.failed  # wrong
    async def give_up(self, event: Asked) -> None: ...
""",
    "an event without one of its fields": """
event = Asked(credits=1)  # wrong
""",
    "an event with a field of another type": """
event = Asked(key=7)  # wrong
""",
    "an app of an event": """
app = App("shop", Asked)  # wrong
""",
    "an aggregate in place of a gateway": """
app = App("shop", Purse).using(Payments=Purse())  # wrong
""",
    "publishing what is no event": """
def publish(rt: Runtime) -> None:
    rt.publish("asked")  # wrong
""",
    "an instance that may not be there": """
def look(rt: Runtime) -> int:
    return rt.get(Purse, "ada").credits  # wrong
""",
    "a reply of another type": """
def ask(rt: Runtime) -> Late:
    return rt.request(Asked(key="ada"), Paid)  # wrong
""",
}


def file_of(case: str) -> str:
    return case.replace(" ", "_").replace("'", "") + ".py"


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a file for each case, and the README's example."""
    folder = tmp_path_factory.mktemp("cases")
    for case, text in (RIGHT | WRONG).items():
        (folder / file_of(case)).write_text(SHOP + text)
    (folder / "readme.py").write_text(program(README))
    return folder


def run(*command: str) -> str:
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout


def mypy(folder: Path) -> Iterator[tuple[str, int, str]]:
    """(file, line, text) of each error."""
    # A config of its own, without pydantic's plugin: users need none. A cache of its own, since its options differ.
    options = ("--strict", "--config-file=", "--cache-dir=.mypy_cache/strict", "--output=json")
    for line in run("mypy", *options, *sorted(map(str, folder.glob("*.py")))).splitlines():
        if line.startswith("{"):
            fault = json.loads(line)
            if fault["severity"] == "error":
                yield Path(fault["file"]).name, fault["line"], fault["message"]


def basedpyright(folder: Path) -> Iterator[tuple[str, int, str]]:
    """(file, line, text) of each error."""
    config = folder / "pyrightconfig.json"
    config.write_text(json.dumps({"pythonVersion": "3.11", "include": ["."], "extraPaths": [str(ROOT)]}))
    found = json.loads(run("basedpyright", "-p", str(config), "--pythonpath", sys.executable, "--outputjson"))
    assert found["summary"]["filesAnalyzed"] == len(list(folder.glob("*.py")))
    for fault in found["generalDiagnostics"]:
        if fault["severity"] == "error":
            yield Path(fault["file"]).name, fault["range"]["start"]["line"] + 1, fault["message"]


@pytest.fixture(scope="module", params=[mypy, basedpyright], ids=lambda checker: checker.__name__)
def faults(request: pytest.FixtureRequest, cases: Path) -> dict[str, dict[int, str]]:
    """By file and line, what one checker says of all cases: it is slow to start, and runs once."""
    found: dict[str, dict[int, str]] = {}
    for file, line, text in request.param(cases):
        found.setdefault(file, {})[line] = text
    return found


def test_the_readmes_example_is_accepted(faults: dict[str, dict[int, str]]) -> None:
    assert faults.get("readme.py", {}) == {}


@pytest.mark.parametrize("case", RIGHT)
def test_what_is_right_is_accepted(faults: dict[str, dict[int, str]], case: str) -> None:
    assert faults.get(file_of(case), {}) == {}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_rejected_where_it_stands(faults: dict[str, dict[int, str]], case: str) -> None:
    lines = (SHOP + WRONG[case]).splitlines()
    marked = {number for number, line in enumerate(lines, 1) if line.endswith("# wrong")}

    found = faults.get(file_of(case), {})

    assert set(found) == marked, found
