"""A journal of a million events, and what `trunkline why` and its like take to answer there.

250,000 purchases, each a chain of four events, over 64 partitions; a broadcast now and then, which stands in all of
them; and one chain of a thousand events that visits every partition. Each answer is looked at, then timed, as a process
of its own.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.figures import Figure, progress
from benchmarks.sizes import FULL, Sizes
from runtime.core.messages import EVERYWHERE, Target, id_text, pack_id
from runtime.core.partition import partition_of
from runtime.core.rows import SUPERVISOR, Batch, Entry, encode_targets
from runtime.journal import open_journal
from runtime.wire import Body, encode_body

PARTITIONS = 64
PURCHASES_EACH = 12.5
"""Of one player."""
CHAIN = 1_000
STEP_US = 500
BEGUN = 1_700_000_000_000_000
COMMIT_EVERY = 20_000
"""Purchases in one commit."""


class Writer:
    """Writes events as a router would have: positions rise in each partition, times in all."""

    def __init__(self) -> None:
        self.count = 0
        self.entries: list[Entry] = []
        self._heads = dict.fromkeys(range(PARTITIONS), 0)
        self._now = BEGUN

    def event(
        self, type: str, partition: int, source: str, cause: Entry | None, targets: tuple[Target, ...], data: bytes
    ) -> Entry:
        """An event, and its copies where it has listeners elsewhere."""
        self._now += STEP_US
        handler = "" if cause is None else f"{source.partition('/')[0]}.handle"
        body = encode_body(Body(source, "", 1, 0, 99, "", (), handler, data))
        at = self._place(partition)
        entry = Entry(
            at, at, 0 if cause is None else cause.id, at if cause is None else cause.root, self._now, self._now,
            type, "", 0, encode_targets(targets), body,
        )  # fmt: skip
        self.entries.append(entry)
        everywhere = any(where == EVERYWHERE for where, _ in targets)
        wanted = set(range(PARTITIONS)) if everywhere else {where for where, _ in targets if where >= 0}
        self.entries += [entry._replace(at=self._place(p)) for p in sorted(wanted - {partition})]
        self.count += 1
        return entry

    def _place(self, partition: int) -> int:
        self._heads[partition] += 1
        return pack_id(partition, self._heads[partition])


def fill(path: Path, purchases: int = FULL.purchases) -> dict[str, Entry]:
    """Make the journal; the events that are asked about."""
    journal = open_journal(str(path), app="shop", partitions=PARTITIONS, now=BEGUN)
    epochs = journal.claim([*range(PARTITIONS), SUPERVISOR])
    writer = Writer()
    found: dict[str, Entry] = {}

    def commit() -> None:
        journal.commit(Batch.empty()._replace(epochs=epochs, entries=writer.entries))
        writer.entries = []

    players = int(purchases / PURCHASES_EACH)
    for number in range(purchases):
        player = f"p{number % players}"
        home = partition_of(player, PARTITIONS)
        data = b'{"player_id":"%s","credits":10,"order":"order-%d"}' % (player.encode(), number)
        first = writer.event("attempted_purchase", home, "client", None, ((-1, "Payments"),), data)
        paid = writer.event("completed_purchase", home, "Payments", first, ((home, f"Wallet/{player}"),), data)
        targets: tuple[Target, ...] = ((home, f"Receipts/{player}"),)
        if number % 5_000 == 0:
            targets = (*targets, (EVERYWHERE, "Board"))
        granted = writer.event("credits_granted", home, f"Wallet/{player}", paid, targets, data)
        writer.event("receipt_sent", home, f"Receipts/{player}", granted, (), data)
        if number == 0:
            found["the first purchase, which all partitions heard of"] = first
        if number == purchases // 2 + 1:
            found["a purchase in the middle"] = first
            step = found[f"an origin of {CHAIN:,} events in all partitions"] = writer.event(
                "chain", 0, "client", None, ((1, "Runner/1"),), b"{}"
            )
            for hop in range(1, CHAIN):
                here, following = hop % PARTITIONS, (hop + 1) % PARTITIONS
                step = writer.event("chain", here, f"Runner/{here}", step, ((following, f"Runner/{following}"),), b"{}")
            found[f"the last of {CHAIN:,} events in a chain"] = step
        if number % COMMIT_EVERY == COMMIT_EVERY - 1:
            commit()
    commit()
    journal.close()
    assert writer.count >= 4 * purchases
    return found


LINES = {"the first": 4, "a purchase": 4, "an origin": CHAIN, "the last": CHAIN}
"""Events of which the answer consists."""


def main(sizes: Sizes = FULL) -> list[Figure]:
    """Make the journal, ask, measure."""
    figures = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "shop.db"
        progress(f"making a journal of {4 * sizes.purchases:,} events")
        for what, entry in fill(path, sizes.purchases).items():
            asked = ["why", id_text(entry.id), "--limit", "2000"]
            expected = next(count for begin, count in LINES.items() if what.startswith(begin))
            figures.append(_timed(path, f"why, of {what}", asked, expected))
        figures.append(_timed(path, "tail of the last 20", ["tail"], 20))
        figures.append(_timed(path, "tail of an instance", ["tail", "--instance", "Wallet/p77"], 20))
        figures.append(_timed(path, "show an instance", ["show", "Wallet/p77"], None))
    return figures


def _timed(path: Path, what: str, arguments: list[str], lines: int | None) -> Figure:
    progress(what)
    best = float("inf")
    for _ in range(3):
        begun = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "runtime", *arguments, "--journal", str(path)],
            capture_output=True,
            text=True,
            check=False,
        )
        best = min(best, time.perf_counter() - begun)
        assert done.returncode == 0, done.stderr
        assert lines is None or len(done.stdout.splitlines()) == lines, done.stdout
    return Figure(f"{what}, process and all", best, "s", target="under 1 s")


__all__ = ["fill", "main"]
