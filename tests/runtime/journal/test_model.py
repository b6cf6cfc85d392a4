"""Random batches, claims and new starts against the memory journal as the model: every journal gives its answers."""

import tempfile
from pathlib import Path
from typing import Any, ClassVar

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from runtime.core.messages import EVERYWHERE, HOME
from runtime.core.rows import (
    SUPERVISOR,
    Batch,
    DeliveryRow,
    Entry,
    KeyRow,
    ScheduleRow,
    Status,
    TakenRow,
    decode_targets,
)
from runtime.errors import Fenced, JournalError
from runtime.journal import Journal

from .places import KINDS, PARTITIONS, MemoryPlace, Place
from .rows import batch, copy, cursor, delivery, entry, instance, timer, timer_key

ALL = range(PARTITIONS)
EPOCHS = (SUPERVISOR, *ALL)
GROUPS = ("Call", "CallBack", "Wallet")
NAMES = ("a", "b", "\u00e9", "\U0001f600", "0", "c/d")
ADDRESSES = [(n % PARTITIONS, f"{group}/{name}") for group in GROUPS for n, name in enumerate(NAMES)]
TARGETS = [*ADDRESSES, (HOME, "Payments"), (EVERYWHERE, "Call")]
CLIENTS = ("", "x", "y")
TYPES = ("dialed", "rang", "ended")

several = st.lists
partitions = st.sampled_from(ALL)
addresses = st.sampled_from(ADDRESSES)
states = st.none() | st.binary(max_size=9) | st.just(b"s" * 9000)
timers = st.builds(
    lambda where, type, name, due: timer(where[1], where[0], type=type, name=name, due=due),
    addresses,
    st.sampled_from(TYPES),
    st.sampled_from(("", "x")),
    st.integers(0, 5),
)


class Histories(RuleBasedStateMachine):
    """One history, told to two journals: each answers alike, whatever it is asked."""

    kind: ClassVar[type[Place]]

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self.places: list[Place] = [MemoryPlace(Path()), self.kind(Path(self._folder.name))]
        self.journals = [place.open() for place in self.places]
        self.zombies = [place.open() for place in self.places]
        self.readers = [place.reader() for place in self.places]
        self.epochs = dict.fromkeys(EPOCHS, 0)
        self.heads = dict.fromkeys(ALL, 0)
        self.marks = dict.fromkeys(ALL, 0)
        self.seqs = dict.fromkeys(CLIENTS, 0)
        self.log: list[Entry] = []
        self.recorded = 0

    def teardown(self) -> None:
        for place in self.places:
            place.close()
        self._folder.cleanup()

    # ------------------------------------------------------------ what happens

    @rule(which=st.sets(st.sampled_from(EPOCHS), min_size=1))
    def claim(self, which: set[int]) -> None:
        given = [journal.claim(sorted(which)) for journal in self.journals]

        assert given[0] == given[1]
        assert all(given[0][p] > self.epochs[p] for p in which)
        self.epochs |= given[0]

    @rule()
    def start_anew(self) -> None:
        for journal in self.journals:
            journal.close()
        self.journals = [place.open() for place in self.places]

    @rule(data=st.data(), zombie=st.booleans())
    def commit(self, data: st.DataObject, zombie: bool) -> None:
        entries = self._entries(data)
        written = batch(
            {p: self.epochs[p] for p in data.draw(st.sets(st.sampled_from(EPOCHS)))},
            entries=entries,
            keys=self._keys(data, entries),
            taken=[TakenRow(e.at >> 40, e.client, e.seq, e.at & 0xFFFF) for e in entries if e.client],
            watermarks=self._watermarks(data, entries),
            **self._rows(data),
        )
        stale = zombie and any(written.epochs.values())
        if stale:
            written = written._replace(epochs={p: epoch - 1 for p, epoch in written.epochs.items()})

        outcomes = [_outcome(journal, written) for journal in (self.zombies if zombie else self.journals)]

        assert outcomes[0] == outcomes[1]
        assert stale or outcomes[0] is None
        if outcomes[0] is None:
            self._happened(written)

    @rule(data=st.data())
    def fail_midway(self, data: st.DataObject) -> None:
        """A position that is taken already, or a key: refused last, after all else was written."""
        if not self.log:
            return
        again = data.draw(st.sampled_from(self.log))
        keys = [journal.keys([b"key %d" % again.id]) for journal in self.journals]
        more = [entry(p, self.heads[p] + 1) for p in ALL]
        written = batch({}, entries=[*more, again], watermarks=dict.fromkeys(ALL, 99), **self._rows(data))
        if keys[0]:
            written = written._replace(entries=more, keys=list(keys[0].values()))

        outcomes = [_outcome(journal, written) for journal in self.journals]

        assert outcomes == ["refused", "refused"]

    # ------------------------------------------------------------ what is written

    def _entries(self, data: st.DataObject) -> list[Entry]:
        """Origin events, and what turns and gateways emit; copies stand where the targets say."""
        entries: list[Entry] = []
        heads = dict(self.heads)

        def place_in(partition: int) -> int:
            heads[partition] += 1
            return heads[partition]

        for _ in range(data.draw(st.integers(0, 3))):
            causes: list[Entry | None] = [None, *self.log, *entries]
            cause = data.draw(st.sampled_from(causes))
            partition = data.draw(partitions) if cause is None else cause.at >> 40
            client = data.draw(st.sampled_from(CLIENTS)) if cause is None else ""
            self.seqs[client] += data.draw(st.integers(1, 2))
            self.recorded += data.draw(st.integers(-1, 2))
            made = entry(
                partition,
                place_in(partition),
                type=data.draw(st.sampled_from(TYPES)),
                targets=tuple(data.draw(several(st.sampled_from(TARGETS), max_size=3, unique=True))),
                cause=cause.id if cause is not None else 0,
                root=cause.root if cause is not None else None,
                recorded=self.recorded,
                client=client,
                seq=self.seqs[client] if client else 0,
                body=data.draw(st.binary(max_size=4)),
            )
            entries.append(made)
            wheres = {where for where, _ in decode_targets(made.targets)}
            elsewhere = set(ALL) if EVERYWHERE in wheres else wheres - {HOME}
            entries += [copy(made, p, place_in(p)) for p in sorted(elsewhere - {partition})]
        return entries

    def _keys(self, data: st.DataObject, entries: list[Entry]) -> list[KeyRow]:
        own = [e for e in entries if e.at == e.id and data.draw(st.booleans())]
        return [KeyRow(b"key %d" % e.id, e.at >> 40, e.id, b"digest") for e in own]

    def _watermarks(self, data: st.DataObject, entries: list[Entry]) -> dict[int, int]:
        heads = {p: max([self.heads[p], *(e.at & 0xFFFF for e in entries if e.at >> 40 == p)]) for p in ALL}
        return {p: data.draw(st.integers(self.marks[p], heads[p])) for p in data.draw(st.sets(partitions))}

    def _rows(self, data: st.DataObject) -> dict[str, Any]:
        draw = data.draw
        changed = draw(several(addresses, max_size=4, unique=True))
        cut = draw(st.integers(0, len(changed)))
        at, live = st.integers(1, 9), st.booleans()
        new_timers = draw(several(timers, max_size=3, unique_by=timer_key))
        return {
            "instances": [instance(a, p, draw(at), live=draw(live), state=draw(states)) for p, a in changed[:cut]],
            "cursors": [cursor(a, p, draw(at), live=draw(live)) for p, a in changed[cut:]],
            "timers": new_timers,
            "timers_gone": {timer_key(row) for row in draw(several(timers, max_size=2))}
            - set(map(timer_key, new_timers)),
            "schedules": [ScheduleRow(n, draw(partitions), draw(at)) for n in draw(st.sets(st.sampled_from("hb")))],
            **self._deliveries(data),
        }

    def _deliveries(self, data: st.DataObject) -> dict[str, Any]:
        if not self.log:
            return {}
        chosen = data.draw(several(st.sampled_from(self.log), max_size=3, unique=True))
        rows: list[DeliveryRow] = []
        for row in chosen:
            address = data.draw(st.sampled_from(("Payments", *(a for p, a in ADDRESSES if p == row.at >> 40))))
            status = data.draw(st.sampled_from(Status))
            rows.append(
                delivery(row.at >> 40, row.at & 0xFFFF, address, status, detail=data.draw(st.none() | st.just(b"d")))
            )
        cut = data.draw(st.integers(0, len(rows)))
        return {"deliveries": rows[:cut], "deliveries_gone": [(row.at, row.address) for row in rows[cut:]]}

    def _happened(self, written: Batch) -> None:
        self.log += written.entries
        self.marks |= written.watermarks
        for made in written.entries:
            self.heads[made.at >> 40] = made.at & 0xFFFF

    # ------------------------------------------------------------ what is answered

    @invariant()
    def routers_find_the_same(self) -> None:
        ats = [row.at for row in self.log]
        keys = [b"key %d" % at for at in ats]
        model, other = (
            {
                "recover": [journal.recover(p, self.epochs[p]) for p in ALL],
                "instances": journal.instances(a for _, a in ADDRESSES),
                "keys": journal.keys(keys),
                "entries": journal.entries([*ats, 77]),
                "live": [journal.live(p, g, after, 2) for p in ALL for g in GROUPS for after in ("", "Call/b")],
                "sent": [
                    journal.find_sent(p, client, range(low, low + 4), last)
                    for p in ALL
                    for client in CLIENTS[1:]
                    for low in range(1, self.seqs[client] + 1, 3)
                    for last in (self.heads[p], self.heads[p] // 2)
                ],
                "info": journal.info._replace(identity=""),
            }
            for journal in self.journals
        )
        for question, answer in model.items():
            assert other[question] == answer, question

    @invariant()
    def readers_find_the_same(self) -> None:
        ats = [row.at for row in self.log]
        ids = sorted({row.id for row in self.log})
        model, other = (
            {
                "instance": [reader.instance(a) for _, a in ADDRESSES],
                "instances": reader.instances([*(a for _, a in ADDRESSES), "Nobody/x"]),
                "group": [reader.group(g, after, n) for g in GROUPS for after, n in (("", 99), ("Call/b", 2))],
                "of_app": [reader.of_app(after, n) for after, n in (("", 99), ("Call/b", 2))],
                "log": [reader.log(p, after, 5) for p in ALL for after in (0, 2)],
                "heads": reader.heads(),
                "entry": [reader.entry(at) for at in [*ats, 0, 77]],
                "key": [reader.key(b"key %d" % at) for at in ats],
                "led_to": [reader.led_to(id, limit) for id in ids for limit in (3, 999)],
                "of_root": [reader.of_root(id, types) for id in ids for types in (TYPES, TYPES[:1])],
                "deliveries": [reader.deliveries(status) for status in (None, *Status)],
                "timers": [reader.timers(a) for a in (None, *(a for _, a in ADDRESSES))],
                "epochs": reader.epochs(),
                "latest": [reader.latest(p, before, 3) for p in ALL for before in (0, 2, 4, 99)],
                "watermarks": reader.watermarks(),
                "schedules": reader.schedules(),
                "info": reader.info._replace(identity=""),
            }
            for reader in self.readers
        )
        for question, answer in model.items():
            assert other[question] == answer, question


def _outcome(journal: Journal, written: Batch) -> object:
    try:
        journal.commit(written)
    except Fenced as error:
        return error.partitions
    except JournalError:
        return "refused"
    return None


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "memory"])
def test_every_journal_answers_as_the_one_in_memory(kind: str) -> None:
    machine = type("HistoriesOfOneKind", (Histories,), {"kind": KINDS[kind]})

    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=60,
            stateful_step_count=25,
            deadline=None,
            print_blob=True,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
