"""How `trunkline` is asked, what it finds by itself, and how it says that something is wrong."""

import fcntl
import importlib
import json
import os
import pty
import sqlite3
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import click
import pytest

from runtime.cli import COMMANDS, main
from runtime.cli import trunkline as group
from runtime.commands.looking import Named, the_one
from runtime.commands.output import Output
from runtime.core.messages import id_text
from runtime.errors import NotRunning, StartFailed
from runtime.journal.memory import MemoryStore
from runtime.journal.place import lock_journal
from runtime.shells.folders import Noted

from .conftest import Trunkline

ROOT = Path(__file__).resolve().parents[3]
SHOP = "tests.runtime.commands.shop:app"


def commands() -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command, those of groups as well."""
    ctx = click.Context(group)
    for name in COMMANDS:
        command = group.get_command(ctx, name)
        assert command is not None
        yield (name,), command
        if isinstance(command, click.Group):
            yield from (((name, sub), below) for sub, below in command.commands.items())


NAMES = [" ".join(words) for words, _ in commands()]


@pytest.mark.parametrize("name", NAMES)
def test_every_command_shows_examples_of_itself(name: str, trunkline: Trunkline) -> None:
    said = trunkline(*name.split(), "--help")

    assert said.status == 0
    assert "Examples:" in said.out
    assert f"trunkline {name.split()[0]}" in said.out


@pytest.mark.parametrize("name", COMMANDS)
def test_the_readme_tells_of_every_command(name: str) -> None:
    assert f"trunkline {name}" in (ROOT / "README.md").read_text()


@pytest.mark.parametrize(("words", "command"), list(commands()), ids=NAMES)
def test_every_option_says_what_it_is_for(words: tuple[str, ...], command: click.Command) -> None:
    options = [param for param in command.params if isinstance(param, click.Option)]

    assert command.help
    assert all(option.help or isinstance(option.type, click.Choice) for option in options)


def test_help_does_not_wait_for_ray() -> None:
    code = "import sys; from runtime.cli import main; main(['--help']); sys.exit('ray' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.DEVNULL).returncode == 0


@pytest.mark.parametrize("program", [["-m", "runtime"], ["-m", "runtime.cli"]], ids=" ".join)
def test_the_module_is_the_command(program: list[str], journal: Path) -> None:
    done = subprocess.run(
        [sys.executable, *program, "tail", "-n", "1"],
        cwd=journal.parent,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    assert "\tspent\t" in done.stdout


# ------------------------------------------------------------ what it looks into


@pytest.mark.parametrize("command", ["tail", "catalogue"])
def test_the_code_of_an_app_that_runs_is_found_in_the_working_directory(
    trunkline: Trunkline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    def join(*_: object, **__: object) -> None:
        raise NotRunning(f"it was loaded from {importlib.import_module('kiosk').__file__}", hint="none.")

    (tmp_path / "kiosk.py").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [one for one in sys.path if one])
    monkeypatch.delitem(sys.modules, "kiosk", raising=False)
    monkeypatch.setattr("runtime.launching.join", join)

    said = trunkline(command, "--app", "kiosk")

    assert f"it was loaded from {tmp_path / 'kiosk.py'}" in said.err


def test_the_one_journal_of_the_folder_is_read_and_that_is_said(journal: Path, trunkline: Trunkline) -> None:
    (journal.parent / "text.db").write_bytes(b"no journal")
    other = sqlite3.connect(journal.parent / "other.db")
    other.execute("create table meta (name text, value text)")
    other.execute("insert into meta values ('app', 'other')")
    other.commit()
    other.close()

    said = trunkline("timers")

    assert said.status == 0
    assert said.err == "trunkline: reading the journal shop.db of app shop\n"


def test_a_journal_that_was_named_is_not_told_of(journal: Path, trunkline: Trunkline) -> None:
    assert trunkline("timers", "--journal", str(journal)).err == ""


def test_of_two_journals_one_is_to_be_named(journal: Path, trunkline: Trunkline) -> None:
    (journal.parent / "more.db").write_bytes(journal.read_bytes())

    said = trunkline("timers")

    assert said.status == 2
    assert "--journal is one of more.db, shop.db; or --app NAME" in said.err


@pytest.mark.parametrize("running", [False, True], ids=["any", "one that runs"])
@pytest.mark.parametrize(
    ("address", "environment"),
    [(None, ""), (None, "auto"), (None, "127.0.0.1:6379"), (None, "localhost:6379"), ("127.0.0.1:6379", "")],
)
def test_in_the_folder_of_its_journal_an_app_that_runs_is_asked(
    journal: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    address: str | None,
    environment: str,
    running: bool,
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", environment)
    (journal.parent / "more.db").write_bytes(journal.read_bytes())
    monkeypatch.setattr("runtime.commands.looking.running_here", lambda: [Noted("shop", "127.0.0.1:6379")])
    lock = lock_journal(str(journal), "shop")

    one = the_one(Named(None, address, None, None), running)
    lock.release()

    assert (one.app, one.journal) == ("shop", None)
    assert capsys.readouterr().err == "trunkline: asking the app shop, which runs on the journal shop.db\n"


def test_an_app_of_another_cluster_than_the_one_that_is_named_is_not_asked(
    journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:6380")
    monkeypatch.setattr("runtime.commands.looking.running_here", lambda: [Noted("shop", "127.0.0.1:6379")])
    lock = lock_journal(str(journal), "shop")

    one = the_one(Named(None, None, None, None), False)
    lock.release()

    assert (one.app, one.journal) == (None, "shop.db")


def test_of_two_apps_that_run_on_journals_of_the_folder_one_is_to_be_named(
    journal: Path, trunkline: Trunkline, monkeypatch: pytest.MonkeyPatch
) -> None:
    (journal.parent / "more.db").write_bytes(journal.read_bytes())
    noted = [Noted("more", "127.0.0.1:6379"), Noted("shop", "127.0.0.1:6379")]
    monkeypatch.setattr("runtime.commands.looking.running_here", lambda: noted)
    locks = lock_journal("more.db", "more"), lock_journal("shop.db", "shop")

    said = trunkline("timers")
    for lock in locks:
        lock.release()

    assert said.status == 2
    assert "which app? more and shop run on journals here: --app NAME." in said.err


def test_a_journal_that_nobody_uses_is_read_though_an_app_of_its_name_runs_elsewhere(
    journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runtime.commands.looking.running_here", lambda: [Noted("shop", "127.0.0.1:6379")])

    one = the_one(Named(None, None, None, None), False)

    assert (one.app, one.journal) == (None, "shop.db")


def test_the_catalogue_of_another_app_is_not_shown_where_a_journal_is(
    journal: Path, trunkline: Trunkline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runtime.commands.looking._running_apps", lambda address, instead: ["theirs"])

    said = trunkline("catalogue")

    assert (said.status, said.out) == (2, "")
    assert "The journal here has none, and the app that runs is theirs" in said.err


def test_the_environment_names_a_journal(
    journal: Path, trunkline: Trunkline, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    monkeypatch.setenv("TRUNKLINE_JOURNAL", str(journal))

    assert len(trunkline("timers").lines) == 2


def test_with_nothing_to_look_into_it_says_so(
    trunkline: Trunkline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr("runtime.commands.looking.CLUSTER", tmp_path / "none")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    said = trunkline("tail")

    assert said.status == 2
    assert "no app runs, and there is no journal in this folder" in said.err


@pytest.mark.parametrize(
    ("command", "instead"),
    [("tail", "--journal PATH reads a journal."), ("catalogue", "MODULE:APP names the code.")],
)
def test_a_cluster_that_does_not_let_in_is_told_of_in_the_command_lines_own_words(
    trunkline: Trunkline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, instead: str
) -> None:
    def begin(address: str, *, dashboard: bool) -> None:
        raise StartFailed(f"can't connect to a Ray cluster at {address!r}: refused", hint="address= is ...")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("runtime.embedded.RaySession.begin", begin)

    said = trunkline(command, "--address", "10.0.0.1:6379")

    assert said.status == 1
    assert "no app was found: can't connect to a Ray cluster at '10.0.0.1:6379': refused" in said.err
    assert f"fix: --address HOST:PORT, or RAY_ADDRESS, names the Ray cluster; {instead}" in said.err


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (["tail", "--journal", "none.db"], 2, "there is no journal"),
        (["tail", "--journal", "text.db"], 1, "is no journal"),
        (["tail", "--journal", "postgresql://u:secret@h/db"], 1, "a journal can't be kept at postgresql://"),
        (["tail", "--journal", "shop.db", "--app", "shop"], 2, "which of them?"),
        (["tail", "--journal", "shop.db", "--code", "actors"], 2, "'actors' names no app"),
        (["tail", "--journal", "shop.db", "--code", "nowhere:app"], 2, "there is no module 'nowhere'"),
        (["tail", "--journal", "shop.db", "--code", "actors:nothing"], 2, "has no 'nothing'"),
        (["tail", "--journal", "shop.db", "--code", "actors:cron"], 1, "can't be loaded"),
        (["tail", "--journal", "shop.db", "--code", "actors:Event"], 2, "is no App but a class."),
        (["tail", "--journal", "shop.db", "--code", "broken:app"], 1, "ZeroDivisionError: division by zero"),
        (["tail", "--journal", "shop.db", "--code", "other:app"], 1, "--code is app 'other'"),
        (["tail", "--since", "tomorrow"], 2, "'tomorrow' is no moment"),
        (["catalogue", "shop"], 2, "'shop' names no app: it is said as module:app"),
        (["graph", "other:app", "--app", "shop"], 2, "which of them?"),
        (["catalogue", "other:app", "--json", "--format", "mermaid"], 2, "which of them?"),
        (["tial"], 2, "No such command 'tial'"),
        (["tail", "--fast"], 2, "No such option"),
    ],
)
def test_a_mistake_is_told_without_a_traceback(
    journal: Path, trunkline: Trunkline, arguments: list[str], status: int, told: str
) -> None:
    (journal.parent / "text.db").write_text("some text" * 999)
    (journal.parent / "broken.py").write_text("1 / 0\n")
    (journal.parent / "other.py").write_text("from actors import App\napp = App('other', heartbeat=60)\n")

    said = trunkline(*arguments)

    assert (said.status, said.out) == (status, "")
    assert told in said.err
    assert "Traceback" not in said.err
    assert "secret" not in said.err


def test_a_journal_is_read_while_another_holds_its_lock_and_writes(journal: Path, trunkline: Trunkline) -> None:
    with open(f"{journal}.lock", "a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        db = sqlite3.connect(journal, isolation_level=None)
        db.execute("begin immediate")
        db.execute("delete from timers")

        said = trunkline("timers")

        db.execute("rollback")
        db.close()
    assert len(said.lines) == 2


def test_who_reads_no_further_is_no_error(journal: Path) -> None:
    reads, writes = os.pipe()
    os.close(reads)

    done = subprocess.run(
        [sys.executable, "-m", "runtime", "tail"],
        cwd=journal.parent,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=writes,
        stderr=subprocess.PIPE,
        text=True,
    )

    os.close(writes)
    assert done.returncode == 0
    assert done.stderr == "trunkline: reading the journal shop.db of app shop\n"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_an_answer_that_can_not_be_written_is_an_error_without_a_traceback(journal: Path) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "runtime", "tail", "--journal", "shop.db"],
            cwd=journal.parent,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )

    assert done.returncode == 1
    assert done.stderr == "trunkline: the answer can't be written: No space left on device\n"


def test_text_from_outside_can_not_move_a_terminals_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    Output(False).say("an error\n\x1b[2Jsays \x07 this")

    assert capsys.readouterr().out == "an error\n\\x1b[2Jsays \\x07 this\n"


def test_the_command_is_installed_by_its_name() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    module, _, name = project["scripts"]["trunkline"].partition(":")
    assert getattr(importlib.import_module(module), name) is main


def test_a_person_gets_tables_and_colour(journal: Path, store: MemoryStore) -> None:
    purchase = next(e for log in store.log.values() for e in log if e.type == "attempted_purchase" and b"ada" in e.body)
    ids = {"purchase": id_text(purchase.id)}
    said = {words: on_a_terminal(journal.parent, words.format(**ids).split()) for words in PERSONS}

    for words, shown in PERSONS.items():
        assert all(text in said[words] for text in shown), said[words]
        assert "\x1b[" in said[words]
        assert "\t" not in said[words]


PERSONS = {
    "catalogue tests.runtime.commands.shop:app": ("event", "owner", "listeners", "credits_granted"),
    "tail -n 2": ("trunkline.parked", "spent"),
    "show Wallet/grace": ("state", "mailbox", "timers", "last events", "held"),
    "why {purchase}": ("└── ", "completed_purchase", "by Wallet/ada (Wallet.grant)", "+", "ms"),
    "dead-letters list": ("tries", "ValueError: Wallet.spend raised ValueError: grace has 5"),
    "timers --instance Wallet/nobody": ("no timer is pending",),
    "doctor": ("fix", "dead letters", "`trunkline dead-letters list`, then retry or skip"),
}
"""A command, and what stands in its answer."""


def on_a_terminal(folder: Path, words: list[str]) -> str:
    """What a command shows on a terminal, of 200 columns."""
    ours, theirs = pty.openpty()
    done = subprocess.Popen(
        [sys.executable, "-m", "runtime", *words],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "TERM": "xterm-256color", "COLUMNS": "200"},
        stdout=theirs,
        stderr=subprocess.DEVNULL,
    )
    os.close(theirs)
    shown = bytearray()
    # The terminal ends with an error when the last who writes to it has gone.
    with suppress(OSError):
        while data := os.read(ours, 65536):
            shown += data
    os.close(ours)
    done.wait()
    return shown.decode()


# ------------------------------------------------------------ catalogue, graph, completion


def test_the_catalogue_says_who_owns_and_who_listens(trunkline: Trunkline) -> None:
    assert "credits_granted\tWallet\tReceipts, Totals" in trunkline("catalogue", SHOP).lines
    (granted,) = [
        one for line in trunkline("catalogue", SHOP, "--json").lines if (one := json.loads(line))["event"] == "spent"
    ]
    assert granted == {"event": "spent", "owner": None, "broadcast": False, "listeners": ["Wallet"]}


def test_the_catalogue_is_drawn_and_described(trunkline: Trunkline) -> None:
    drawn = trunkline("graph", SHOP).out

    assert "Payments -->|completed_purchase| Wallet" in drawn
    assert trunkline("catalogue", SHOP, "--format", "mermaid").out == drawn
    described = trunkline("catalogue", SHOP, "--format", "asyncapi")
    assert json.loads(described.out)["asyncapi"] == "3.0.0"
    # For people it is no single line of many thousand characters.
    assert max(map(len, described.lines)) < 200
    assert len(trunkline("catalogue", SHOP, "--format", "asyncapi", "--json").lines) == 1


def test_a_catalogue_is_not_looked_for_in_a_journal_and_that_is_said(
    journal: Path, trunkline: Trunkline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runtime.commands.looking.CLUSTER", journal.parent / "none")
    monkeypatch.setattr("tempfile.tempdir", str(journal.parent))

    said = trunkline("catalogue")

    assert said.status == 2
    assert "no app runs: name the code of the one you mean, as module:app" in said.err


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_a_shell_gets_its_completion(trunkline: Trunkline, shell: str) -> None:
    assert "_TRUNKLINE_COMPLETE" in trunkline("completion", shell).out


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("trunkline dead", ["dead-letters"]),
        ("trunkline dead-letters re", ["retry"]),
        ("trunkline show Wallet/a", ["Wallet/ada"]),
        ("trunkline tail --app s", ["shop"]),
        ("trunkline tail --fol", ["--follow"]),
    ],
)
def test_commands_options_apps_and_instances_are_completed(
    journal: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: str, found: list[str]
) -> None:
    monkeypatch.setenv("_TRUNKLINE_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(len(words.split()) - 1))

    with pytest.raises(SystemExit):
        group.main([], prog_name="trunkline")

    assert [line.partition(",")[2] for line in capsys.readouterr().out.splitlines()] == found
