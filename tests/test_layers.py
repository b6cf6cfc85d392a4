"""House rules about who may import whom, and how long a file may be."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted(p for d in ("actors", "runtime", "apps") for p in (ROOT / d).rglob("*.py"))

FORBIDDEN = {
    "actors": {"ray", "runtime", "apps", "asyncio", "threading", "socket", "time", "msgspec", "sqlite3", "rich"},
    "runtime/core": {
        "ray",
        "apps",
        "asyncio",
        "threading",
        "socket",
        "time",
        "sqlite3",
        "runtime.shells",
        "runtime.journal",
    },
    "runtime/journal": {"ray", "apps", "asyncio", "runtime.shells", "runtime.client"},
    "runtime/simulation": {"ray", "asyncio", "threading", "socket", "time", "runtime.shells"},
    "runtime/shells": {"apps", "runtime.client"},
    "apps": set(),
}
ALLOWED = {
    # A gateway's coroutines are run by the runtime and, in its place, by scenarios.
    "actors/calls.py": {"asyncio"},
    "actors/scenario.py": {"asyncio"},
    # It says how long the histories took.
    "runtime/simulation/__main__.py": {"time"},
}
LINES_MAX = 400


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_go_one_way(path: Path) -> None:
    relative = str(path.relative_to(ROOT))
    rule = next((bad for prefix, bad in FORBIDDEN.items() if relative.startswith(prefix + "/")), set())
    rule = rule - ALLOWED.get(relative, set())

    wrong = [name for name in imports(path) if any(name == bad or name.startswith(bad + ".") for bad in rule)]

    assert wrong == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_file_holds_one_idea(path: Path) -> None:
    lines = len(path.read_text().splitlines())

    assert lines <= LINES_MAX + 50, "split it: under 400 lines as a rule"
