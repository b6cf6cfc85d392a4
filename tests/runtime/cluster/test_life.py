"""Starting, joining and leaving an app: what stands in the way is said in a line, and nothing is left behind."""

import os
import signal
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from uuid import UUID

import pytest

from actors import Aggregate, App, Event, TrunklineError, on
from runtime import (
    AlreadyRunning,
    AsyncRuntime,
    EventId,
    EventRejected,
    JournalError,
    JournalFailed,
    JournalFull,
    JournalMismatch,
    JournalReadOnly,
    KeyReused,
    NotRunning,
    OutcomeUnknown,
    Overloaded,
    Runtime,
)
from runtime.launching import join
from tests.conftest import Start
from tests.runtime.journal.disks import Disk

from .store import Board, Bought, Granted, Noticed, Table, Tabled, Wallet, app

TABLE = UUID(int=1)
ADA = Bought(player_id="ada", credits=1)


def must_speak_plainly(error: TrunklineError) -> None:
    """What happened and what to do, in a few lines; no stack of ours or Ray's."""
    said = str(error)
    assert said.splitlines()[-1].startswith("  fix: "), said
    assert len(said.splitlines()) <= 4, said
    for word in ("Traceback", 'File "', "ray::", "RayTaskError"):
        assert word not in said, said


def credits(rt: Runtime) -> int:
    rt.drain()
    wallet = rt.get(Wallet, "ada")
    assert wallet is not None
    return wallet.credits


# ------------------------------------------------------------ what is in use


def test_an_app_or_a_journal_that_is_in_use_is_named_with_the_way_in(start: Start, tmp_path: Path) -> None:
    rt = start(app, journal=tmp_path / "books.db")
    rt.publish(ADA)

    with pytest.raises(AlreadyRunning, match="app 'store' runs on this Ray cluster already") as same_app:
        Runtime.start(app, journal=tmp_path / "other.db")
    with pytest.raises(AlreadyRunning, match=r"books\.db is in use") as same_journal:
        Runtime.start(App("rival", Wallet), journal=tmp_path / "books.db")

    assert "Runtime.attach('store')" in same_app.value.hint
    assert "Runtime.attach('store')" in same_journal.value.hint
    must_speak_plainly(same_app.value)
    must_speak_plainly(same_journal.value)
    with Runtime.attach("store") as joined:
        joined.publish(ADA)
    assert credits(rt) == 2
    with Runtime.attach(app) as joined:
        joined.stop()
    with pytest.raises(NotRunning) as ended:
        rt.publish(ADA)
    must_speak_plainly(ended.value)
    with pytest.raises(NotRunning, match="no app 'store'") as gone:
        Runtime.attach("store")
    must_speak_plainly(gone.value)


class Given(Event, origin=True):
    giver: str
    taker: str


def purses(name: str, key: str) -> App:
    """An app whose purses hear of the same events by another field."""

    class Purse(Aggregate, key=key):
        heard: int = 0

        @on
        def hear(self, event: Given) -> None:
            self.heard += 1

    return App(name, Purse)


def test_who_would_send_the_same_events_to_other_instances_is_not_let_in(start: Start, app_name: str) -> None:
    start(purses(app_name, "giver"))

    with pytest.raises(TrunklineError, match="this process has other code for app") as refused:
        Runtime.attach(purses(app_name, "taker"))
    with Runtime.attach(purses(app_name, "giver")) as joined:
        joined.publish(Given(giver="ada", taker="bob"))
        joined.drain()
        where = joined.status()["where"]

    must_speak_plainly(refused.value)
    assert f"Runtime.attach({app_name!r})" in refused.value.hint
    assert where == {"host-0": ["Purse/ada"]}


def test_two_apps_run_side_by_side_and_each_starts_again_where_it_stopped(start: Start, tmp_path: Path) -> None:
    other = App("other", Wallet)
    first, second = start(app, partitions=8), start(other)
    first.publish(ADA)
    second.publish([ADA, ADA])
    found = credits(first), credits(second)
    first.close()

    # The number of partitions is the journal's, whatever is said later.
    again = start(app, partitions=16)
    again.publish([ADA] * 10)

    assert found == (1, 2)
    assert (credits(again), credits(second)) == (11, 2)
    assert {int(recorded.id.partition("-")[0]) for recorded in again.tail()} <= set(range(8))
    with closing(sqlite3.connect(again.journal)) as db:
        assert db.execute("select value from meta where name = 'partitions'").fetchone() == ("8",)


def test_a_journal_has_an_url_and_one_in_memory_ends_with_its_app(start: Start, tmp_path: Path) -> None:
    rt = start(app, journal=f"sqlite:///{tmp_path / 'by_url.db'}")
    rt.publish(ADA)
    written = credits(rt)
    rt.close()

    rt = start(app, journal="memory://")
    rt.publish([ADA, ADA])

    assert written == 1
    assert (tmp_path / "by_url.db").exists()
    assert rt.journal == "memory://"
    assert credits(rt) == 2
    assert {path.name for path in tmp_path.iterdir()} == {"by_url.db", "by_url.db.lock"}


# ------------------------------------------------------------ journals that can't be used


def test_a_journal_that_can_not_be_used_is_left_as_it_was(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    rt = start(app, journal=path)
    rt.publish(ADA)
    rt.close()
    novel = tmp_path / "novel.txt"
    novel.write_text("the only copy\n" * 500)
    newer = tmp_path / "newer.db"
    newer.write_bytes(path.read_bytes())
    with closing(sqlite3.connect(newer)) as db:
        db.execute("update meta set value = 2 where name = 'format'")
        db.commit()
    before = {file: file.read_bytes() for file in (path, newer, novel)}
    wrong: list[tuple[App, Path, type[JournalError], str]] = [
        (App("rival", Wallet), path, JournalMismatch, "belongs to app 'store', not to 'rival'"),
        (app, newer, JournalMismatch, "has format 2; this Trunkline knows 1 at most"),
        (app, novel, JournalFailed, "no journal, or is damaged"),
        (app, tmp_path, JournalError, str(tmp_path)),
        (app, tmp_path / "no" / "folder.db", JournalError, "folder"),
    ]

    for wanted, journal, kind, said in wrong:
        with pytest.raises(kind, match=said) as raised:
            Runtime.start(wanted, journal=journal)
        must_speak_plainly(raised.value)

    assert {file: file.read_bytes() for file in before} == before
    assert credits(start(app, journal=path)) == 1


def test_a_disk_that_fills_is_told_and_got_over(disk: Disk, start: Start) -> None:
    rt = start(app, journal=disk.folder / "store.db")
    rt.publish(ADA)
    credits(rt)

    disk.fill()
    with pytest.raises(JournalFull, match="no room") as full:
        rt.publish(Noticed(text="x" * 50_000))
    with ThreadPoolExecutor(4) as threads:
        outcomes = list(threads.map(lambda n: rt.publish(Noticed(text="y" * 50_000), wait=False).exception(), range(8)))
    seen = rt.get(Wallet, "ada")
    disk.make_room()
    after_room = rt.publish(ADA)
    found = credits(rt)

    must_speak_plainly(full.value)
    assert {type(outcome) for outcome in outcomes} == {JournalFull}
    assert seen is not None
    assert seen.credits == 1
    assert found == 2
    assert rt.chain(after_room)[0].id == after_room
    assert rt.get(Board) is None


@pytest.mark.parametrize("killed", [False, True], ids=["while it runs", "and the router killed"])
def test_a_journal_that_was_moved_away_is_missed_and_gone_on_with_when_it_is_back(
    start: Start, tmp_path: Path, killed: bool
) -> None:
    place = tmp_path / "books.db"
    rt = start(app, journal=place)
    rt.publish(ADA)

    place.rename(tmp_path / "elsewhere.db")
    if killed:
        os.kill(rt.processes()[f"{app.name}:Router"], signal.SIGKILL)
    with pytest.raises((OutcomeUnknown, Overloaded)):
        rt.publish(ADA, timeout=3)
    made = place.exists()
    (tmp_path / "elsewhere.db").rename(place)

    rt.publish(ADA)
    assert not made
    assert credits(rt) == 2


def test_an_app_does_not_start_where_it_can_not_write(disk: Disk, start: Start) -> None:
    disk.make_read_only()
    with pytest.raises(JournalReadOnly) as read_only:
        start(app, journal=disk.folder / "store.db")
    disk.make_writable()
    disk.fill()
    with pytest.raises(JournalFull) as full:
        start(app, journal=disk.folder / "store.db")
    disk.make_room()

    rt = start(app, journal=disk.folder / "store.db")
    rt.publish(ADA)

    must_speak_plainly(read_only.value)
    must_speak_plainly(full.value)
    assert credits(rt) == 1


# ------------------------------------------------------------ from elsewhere


def test_a_client_of_another_node_does_the_same_by_ray_calls(start: Start) -> None:
    rt = start(app)
    running = join(app, address=None)
    # All that tells a client that it is on another node.
    running.where = running.where | {"node": "another", "socket": "/nowhere"}

    with Runtime._of(lambda: AsyncRuntime.of(running), running.end) as far:
        ids = far.publish(Tabled(table=TABLE, seat=seat) for seat in range(10_000))
        first = far.publish(ADA, idempotency_key="far")
        with pytest.raises(KeyReused, match="used before") as reused:
            far.publish(Bought(player_id="ada", credits=2), idempotency_key="far")
        with pytest.raises(EventRejected, match="there is no event") as rejected:
            far.chain(EventId("0-99999"))
        reply = far.request(ADA, Granted)
        far.drain()
        table = far.get(Table, TABLE)
        with pytest.raises(TrunklineError, match="knows no operation 'nonsense'") as nonsense:
            far._thread.run(far._client._line.ask("nonsense"))
        os.kill(rt.processes()["store:Router"], signal.SIGKILL)
        after = far.publish(ADA)

    for error in (reused, rejected, nonsense):
        must_speak_plainly(error.value)
    assert len({*ids, first, after}) == 10_002
    assert reply == Granted(player_id="ada", balance=2)
    assert table is not None
    assert table.seats == list(range(10_000))
    assert credits(rt) == 3


# ------------------------------------------------------------ while a router is away


def test_a_router_that_is_lost_is_waited_for_and_one_that_is_silent_leaves_a_question(start: Start) -> None:
    rt = start(app)
    rt.publish(ADA, idempotency_key="before")

    os.kill(rt.processes()["store:Router"], signal.SIGKILL)
    futures = [rt.publish(ADA, wait=False) for _ in range(100)]
    reply = rt.request(ADA, Granted)
    ids = {future.result() for future in futures}
    repeated = rt.publish(ADA, idempotency_key="before")

    assert len(ids) == 100
    assert isinstance(reply, Granted)
    assert repeated not in ids
    assert credits(rt) == 102

    router = rt.processes()["store:Router"]
    os.kill(router, signal.SIGSTOP)
    with pytest.raises(OutcomeUnknown, match="it may have been taken") as unknown:
        rt.publish(ADA, idempotency_key="after", timeout=0.5)
    os.kill(router, signal.SIGCONT)

    must_speak_plainly(unknown.value)
    assert rt.has(Bought, "after", "ada")
    rt.publish(ADA, idempotency_key="after")
    assert credits(rt) == 103
