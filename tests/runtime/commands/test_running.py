"""The commands on an app that runs."""

import json
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from runtime import Runtime
from runtime.cli import main

from .conftest import Said, Trunkline
from .shop import AttemptedPurchase, Spent, app

CODE = ("--code", "tests.runtime.commands.shop:app")


class Shop(NamedTuple):
    rt: Runtime
    journal: Path


@pytest.fixture(scope="module")
def shop(ray_cluster: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """It runs; ada has bought twice, grace has spent more than she has."""
    journal = tmp_path_factory.mktemp("shop") / "shop.db"
    with Runtime.start(app, journal=journal) as rt:
        for player, credits in (("ada", 10), ("ada", 7), ("grace", 5)):
            rt.publish(AttemptedPurchase(player_id=player, credits=credits))
            rt.drain()
        yield Shop(rt, journal)


@pytest.fixture
def ask(shop: Shop, trunkline: Trunkline) -> Callable[..., Said]:
    """Asks the running shop, by its name."""

    def run(*arguments: str) -> Said:
        said = trunkline(*arguments, "--app", "shop")
        assert "Traceback" not in said.err
        return said

    return run


def test_a_running_app_says_what_its_journal_says(shop: Shop, ask: Trunkline, trunkline: Trunkline) -> None:
    for arguments in (["tail", "-n", "5"], ["timers", "--json"], ["tail", "--instance", "Wallet/ada", "--json"]):
        running, at_rest = ask(*arguments), trunkline(*arguments, "--journal", str(shop.journal))

        assert running.status == 0, running.err
        assert running.out == at_rest.out != ""


def test_its_instances_are_shown_with_the_code_that_runs(ask: Trunkline) -> None:
    found = json.loads(ask("show", "Wallet/ada", "--json").out)

    assert found["state"] == {"Wallet": {"credits": 17, "news": ""}}
    assert found["mailbox"] == []


def test_its_instances_are_listed(shop: Shop, ask: Trunkline, trunkline: Trunkline) -> None:
    running, at_rest = ask("show", "--json"), trunkline("show", "--json", "--journal", str(shop.journal), *CODE)

    assert running.status == 0, running.err
    assert running.out == at_rest.out != ""


def test_an_events_tree_is_read_from_it(ask: Trunkline) -> None:
    first = ask("tail", "-t", "attempted_purchase").lines[0].split("\t")[1]

    tree = [json.loads(line) for line in ask("why", first, "--json").lines]

    assert [one["type"] for one in tree] == ["attempted_purchase", "completed_purchase", "credits_granted"]


def test_its_turns_are_replayed_while_it_runs(ask: Trunkline) -> None:
    said = ask("replay")

    assert said.status == 0, said
    assert "the present code does all that the journal says" in said.out


def test_its_processes_are_examined(ask: Trunkline) -> None:
    said = ask("doctor", "--json")

    found = {one["about"]: one for line in said.lines if (one := json.loads(line))}
    assert {"shop:Supervisor", "shop:Router", "shop:Gateways", "shop:host-0", "cell 0"} <= set(found)
    assert not [one for one in found.values() if one["sign"] == "bad"]
    assert said.status == 0


def test_in_the_folder_of_its_journal_it_is_asked_itself(
    shop: Shop, trunkline: Trunkline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(shop.journal.parent)

    said = trunkline("doctor", "--json", "--quick")

    assert said.err.startswith("trunkline: asking the app shop, which runs on the journal shop.db\n")
    assert '"shop:Router"' in said.out


def test_its_catalogue_is_shown_and_drawn_by_its_name(ask: Trunkline) -> None:
    shown, drawn = ask("catalogue"), ask("graph")

    assert "spent\t(outside)\tWallet" in shown.lines, shown
    assert "Payments -->|completed_purchase| Wallet" in drawn.out, drawn


def test_the_one_app_that_runs_is_asked_where_there_is_no_journal(
    shop: Shop, trunkline: Trunkline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    timers, catalogue = trunkline("timers"), trunkline("catalogue")

    assert timers.err == catalogue.err == "trunkline: asking the app shop, which runs\n"
    assert {"Wallet/ada", "Wallet/grace"} <= {line.split("\t")[2] for line in timers.lines}
    assert "spent\t(outside)\tWallet" in catalogue.lines


@pytest.fixture
def no_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """The shop's module can't be imported here."""
    monkeypatch.setitem(sys.modules, AttemptedPurchase.__module__, None)


@pytest.mark.usefixtures("no_code")
def test_without_its_code_it_is_shown_as_it_is_stored(shop: Shop, ask: Trunkline, trunkline: Trunkline) -> None:
    for arguments in (["tail", "-n", "5"], ["timers", "--json"], ["show", "Wallet/ada", "--json"], ["tail", "-t", "x"]):
        running, at_rest = ask(*arguments), trunkline(*arguments, "--journal", str(shop.journal))

        assert (running.status, running.out) == (at_rest.status, at_rest.out), running.err
        assert "are shown as they are stored: the app's code can't be imported" in running.err


@pytest.mark.usefixtures("no_code")
def test_without_its_code_its_processes_are_examined(ask: Trunkline) -> None:
    said = ask("doctor", "--json", "--quick")

    found = {one["about"] for line in said.lines if (one := json.loads(line))}
    assert {"shop:Supervisor", "shop:Router", "shop:host-0", "cell 0"} <= found, said.err


@pytest.mark.usefixtures("no_code")
def test_without_its_code_a_dead_letter_is_skipped(shop: Shop, ask: Trunkline) -> None:
    id = shop.rt.publish(Spent(player_id="grace", credits=98))
    shop.rt.drain()

    listed, skipped = ask("dead-letters", "list"), ask("dead-letters", "skip", id)

    assert f"{id}\tspent\tWallet/grace" in listed.out, listed.err
    assert skipped.out == f"{id}\tWallet/grace\tskipped\n", skipped.err
    shop.rt.drain()
    assert shop.rt.dead_letters.list() == []


@pytest.mark.usefixtures("no_code")
@pytest.mark.parametrize("command", ["replay", "catalogue"])
def test_what_is_about_code_needs_it(ask: Trunkline, command: str) -> None:
    said = ask(command)

    assert said.status in (1, 2)
    assert "code can't be imported" in said.err


@pytest.mark.parametrize("by_journal", [False, True], ids=["by name", "by its journal"])
def test_a_dead_letter_is_skipped_once(shop: Shop, trunkline: Trunkline, by_journal: bool) -> None:
    id = shop.rt.publish(Spent(player_id="grace", credits=99))
    shop.rt.drain()
    where = ("--journal", str(shop.journal)) if by_journal else ("--app", "shop")

    skipped = trunkline("dead-letters", "skip", id, *where)
    again = trunkline("dead-letters", "skip", id, *where)

    assert (skipped.status, skipped.out) == (0, f"{id}\tWallet/grace\tskipped\n"), skipped.err
    assert again.status == 1
    assert f"{id} is no dead letter" in again.err
    shop.rt.drain()
    assert shop.rt.dead_letters.list() == []


def test_dead_letters_are_retried(shop: Shop, ask: Trunkline) -> None:
    id = shop.rt.publish(Spent(player_id="linus", credits=3))
    shop.rt.drain()
    shop.rt.publish(AttemptedPurchase(player_id="linus", credits=4))
    shop.rt.drain()

    said = ask("dead-letters", "retry", "--all", "--json")
    shop.rt.drain()

    assert [json.loads(line) for line in said.lines] == [{"event": id, "at": "Wallet/linus", "decided": "retry"}]
    # His purchase is held behind it: it fails again, and waits again.
    assert [str(letter.recorded.id) for letter in shop.rt.dead_letters.list()] == [id]
    assert ask("dead-letters", "skip", "--all").status == 0
    shop.rt.drain()


def test_a_tail_that_follows_shows_what_comes(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is ended as Ctrl-C ends it, when the event has come."""
    from runtime.commands.output import Output

    started, came = threading.Event(), []
    event = Output.event

    def until(self: Output, recorded: object) -> None:
        event(self, recorded)  # type: ignore[arg-type]
        came.append(recorded)
        started.set()
        if len(came) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(Output, "event", until)
    last = shop.rt.publish(AttemptedPurchase(player_id="last", credits=1))
    shop.rt.drain()

    def publish() -> None:
        started.wait()
        shop.rt.publish(AttemptedPurchase(player_id="new", credits=1))

    publishing = threading.Thread(target=publish)
    publishing.start()
    status = main(["tail", "-n", "1", "-t", "attempted_purchase", "--follow", "--app", "shop"])
    publishing.join()

    ids = [line.split("\t")[1] for line in capsys.readouterr().out.splitlines()]
    assert status == 130
    assert ids[0] == last
    assert len(ids) == 2


def test_an_app_that_does_not_run_is_told_of(ray_cluster: Path, trunkline: Trunkline) -> None:
    said = trunkline("tail", "--app", "nobody")

    assert said.status == 1
    assert "no app 'nobody' runs on the Ray cluster at " in said.err
