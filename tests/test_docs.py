"""What README and guides show is run; what they name exists."""

import importlib.util
import inspect
import re
import sys
from pathlib import Path
from types import ModuleType

import click
import pytest
from ray.scripts.scripts import cli as ray

import actors
import runtime
from actors import Aggregate, App, Event, Gateway, on
from apps.prankcall.cli import main as game
from runtime import AsyncRuntime, Runtime
from runtime.cli import trunkline
from tests.runtime.lifetimes.programs import run_python

PROGRAMS: dict[str, click.Group] = {"ray": ray, "trunkline": trunkline}
ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
GUIDES = "\n".join(page.read_text() for page in PAGES if page.parent.name != "decisions")
SETTINGS = (ROOT / "runtime" / "settings.py").read_text()
BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
CODE = re.compile(r"^    .*$|`[^`\n]+`", re.MULTILINE)
PATH = re.compile(r"`((?:actors|apps|benchmarks|docs|examples|runtime|tests)/[\w./-]+)(?:::(\w+))?`")
MAIN = 'if __name__ == "__main__":'


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def program(page: Path) -> str:
    """A page's Python blocks, one after the other, each in the line where it stands."""
    text = page.read_text()
    lines: list[str] = []
    for block in BLOCK.finditer(text):
        lines += [""] * (text.count("\n", 0, block.start(1)) - len(lines))
        lines += block[1].splitlines()
    return "\n".join(lines) + "\n"


WITH_BLOCKS = [page for page in PAGES if BLOCK.search(page.read_text())]


@pytest.fixture
def no_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    import ray

    def init(*arguments: object, **options: object) -> None:
        pytest.fail("a block outside of `if __name__` starts Ray")

    monkeypatch.setattr(ray, "init", init)


@pytest.mark.parametrize("page", WITH_BLOCKS, ids=name_of)
@pytest.mark.usefixtures("no_ray")
def test_its_examples_run(page: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    module = ModuleType("page")
    monkeypatch.setitem(sys.modules, "page", module)

    exec(compile(program(page), str(page), "exec"), module.__dict__)


@pytest.mark.slow
@pytest.mark.parametrize("page", [p for p in WITH_BLOCKS if MAIN in program(p)], ids=name_of)
def test_its_examples_run_on_ray(page: Path, tmp_path: Path) -> None:
    (tmp_path / "page.py").write_text(program(page))

    outcome = run_python(["page.py"], tmp_path)

    assert outcome.status == 0, str(outcome)
    assert "Traceback" not in outcome.text, str(outcome)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_commands_that_it_names_exist(page: Path) -> None:
    code = "\n".join(CODE.findall(page.read_text()))
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    modules = set(re.findall(r"python3? -m ([\w.]+)", code)) - {"yourapp", "app", "venv", "pip"}

    assert set(re.findall(r"\bmake ([a-z][a-z-]*)", code)) <= targets
    for module in modules:
        assert importlib.util.find_spec(f"{module}.__main__"), f"`python -m {module}` does nothing"


def subcommand(group: click.Group, name: str) -> click.Command:
    found = group.get_command(click.Context(group), name)
    assert found, f"`{group.name}` has no `{name}`"
    return found


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_commands_and_options_that_it_names_exist(page: Path) -> None:
    for code in CODE.findall(page.read_text()):
        for program, said in re.findall(r"\b(ray|trunkline) ([a-z][^`]*)", code.partition(" -- ")[0]):
            first, *words = said.split()
            command = subcommand(PROGRAMS[program], first.strip('"`'))
            if isinstance(command, click.Group) and words:
                command = subcommand(command, words[0])
            known = {option for parameter in command.params for option in parameter.opts}
            options = set(re.findall(r"(?<!\S)--[a-z][a-z-]*", said))
            assert options <= known, f"`{program} {said}`"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_commands_of_the_game_that_it_names_exist(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for code in CODE.findall(page.read_text()):
        for command, said in re.findall(r"\bprankcall ([a-z]+)([^`]*)", code):
            with pytest.raises(SystemExit) as ended:
                game([command, "--help"])
            assert ended.value.code == 0, f"there is no `prankcall {command}`"
            known = capsys.readouterr().out
            assert all(option in known for option in re.findall(r"--[a-z-]+", said)), f"`prankcall {command}{said}`"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_files_and_tests_that_it_names_are_there(page: Path) -> None:
    for path, test in PATH.findall(page.read_text()):
        assert (ROOT / path).exists(), path
        assert not test or f"def {test}(" in (ROOT / path).read_text(), f"{path}::{test}"


def options_of(function: object) -> set[str]:
    """Names of its keywords, but for what it passes on."""
    assert callable(function)
    given = inspect.signature(function).parameters.values()
    return {one.name for one in given if one.kind is inspect.Parameter.KEYWORD_ONLY}


def methods_of(cls: type) -> set[str]:
    return {name for name, value in vars(cls).items() if not name.startswith("_") and callable(getattr(cls, name))}


OPTIONS = set().union(
    *(options_of(cls.__init_subclass__) for cls in (Event, Aggregate, Gateway)),
    *(options_of(function) for function in (on, App, Runtime.start, Runtime.publish, Runtime.tail, Runtime.drain)),
)


def test_the_two_runtimes_can_be_asked_the_same() -> None:
    assert methods_of(Runtime) <= methods_of(AsyncRuntime)


@pytest.mark.parametrize("name", sorted({*actors.__all__, *runtime.__all__}))
def test_what_can_be_imported_stands_in_a_guide(name: str) -> None:
    assert re.search(rf"\b{name}\b", GUIDES)


@pytest.mark.parametrize("method", sorted(methods_of(Runtime)))
def test_each_method_of_a_runtime_is_called_in_a_guide(method: str) -> None:
    assert re.search(rf"\b(rt|Runtime)\.{method}\(", GUIDES)


@pytest.mark.parametrize("option", sorted(OPTIONS))
def test_each_option_is_used_or_explained_in_a_guide(option: str) -> None:
    assert re.search(rf"\b{option}=", GUIDES)


@pytest.mark.parametrize("name", sorted(set(re.findall(r"TRUNKLINE_\w+", SETTINGS))))
def test_each_variable_of_the_environment_stands_in_the_table(name: str) -> None:
    assert f"| `{name}` |" in (ROOT / "docs" / "reference.md").read_text()


def test_what_the_makefile_says_of_itself_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))

    assert set(re.findall(r"^# make ([a-z-]+)", makefile, re.MULTILINE)) <= targets
    assert set(re.findall(r"^make ([a-z-]+)", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)) <= targets
