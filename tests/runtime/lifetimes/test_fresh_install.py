"""The package as a user installs it: into an environment of its own, without the checkout and without extras."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.runtime.lifetimes.programs import ROOT, Outcome, environment, run

pytestmark = pytest.mark.slow
Run = Callable[..., Outcome]
LIST = "from importlib.metadata import files; print(*files('trunkline'), sep='\\n')"
WITHOUT_RAY = """
import sys
import actors, actors.testing, runtime
assert "ray" not in sys.modules, "actors imports Ray"
print("imported from", actors.__file__, runtime.__file__)
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Run a command of the environment that the checkout was installed into, in a folder."""
    folder = tmp_path_factory.mktemp("fresh")
    binaries = folder / "bin"
    for command in (
        [sys.executable, "-m", "venv", folder],
        [binaries / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", ROOT],
    ):
        made = run(command, folder, env=environment(), patience=400)
        assert made.status == 0, str(made)

    def installed(folder: Path, command: str, *arguments: str | Path) -> Outcome:
        return run([binaries / command, *arguments], folder, env=environment())

    return installed


def readme_example() -> str:
    found = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert found
    return found[1]


def test_it_is_imported_without_ray(installed: Run, tmp_path: Path) -> None:
    outcome = installed(tmp_path, "python", "-c", WITHOUT_RAY)

    outcome.must_have_said("imported from")
    assert str(ROOT) not in outcome.text, f"not the installed one:\n{outcome}"


def test_it_holds_what_belongs_to_it(installed: Run, tmp_path: Path) -> None:
    outcome = installed(tmp_path, "python", "-c", LIST)

    files = set(outcome.text.split())
    assert {"actors/py.typed", "runtime/py.typed", "apps/prankcall/__main__.py"} <= files, str(outcome)
    tops = {f.split("/")[0] for f in files}
    foreign = {top for top in tops if top not in {"actors", "runtime", "apps", ".."} and not top.endswith(".dist-info")}
    assert foreign == set()
    python = {str(p.relative_to(ROOT)) for d in ("actors", "runtime", "apps") for p in (ROOT / d).rglob("*.py")}
    assert python - files == set()


def test_the_readme_example_prints_the_wallet(installed: Run, tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(readme_example())

    first = installed(tmp_path, "python", "shop.py")
    again = installed(tmp_path, "python", "shop.py")

    first.must_have_said("credits=10")
    # The key was used before: the purchase is not taken twice.
    again.must_have_said("credits=10")


def test_its_types_are_seen(installed: Run, tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(readme_example())
    python = installed(tmp_path, "python", "-c", "import sys; print(sys.executable)").text.strip()

    outcome = run(
        [sys.executable, "-m", "mypy", "--strict", "--python-executable", python, "shop.py"],
        tmp_path,
        env=environment(),
    )

    assert outcome.status == 0, str(outcome)


def test_the_game_plays(installed: Run, tmp_path: Path) -> None:
    outcome = installed(tmp_path, "prankcall", "demo", "--players", "2", "--calls", "1", "--kill", "none")

    outcome.must_have_said("2/2 calls over")
    assert "DIFFERS" not in outcome.text, str(outcome)
