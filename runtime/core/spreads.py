"""Broadcasts: one entry in each partition's log, a delivery to each live instance of the listening groups.

Live is defined by the log: from an instance's first keyed event until it retires. Instances in memory get the delivery
when the entry is appended; those at rest are read page by page. Whoever is loaded in between gets first what it has
missed, so that each instance handles keyed and broadcast events in log order. A turn that changes nothing writes
nothing, and may therefore be repeated after a crash: it changes nothing again.
"""

from typing import TYPE_CHECKING, NamedTuple

from runtime.core.mailbox import Mailbox
from runtime.core.rows import Entry, InstanceRow

if TYPE_CHECKING:
    from runtime.core.cell import Cell


class PageRequest(NamedTuple):
    """Live instances of `group` in `partition` with an address above `after`."""

    partition: int
    group: str
    after: str
    limit: int


class Spread:
    """A broadcast that has not reached all of a partition's instances."""

    __slots__ = ("after", "asked", "at", "busy", "entry", "exhausted", "gen", "open", "owed", "since")

    def __init__(self, entry: Entry, gen: int, since: int) -> None:
        self.at = entry.at
        self.entry = entry
        self.since = since
        """The moment since which it has been there."""
        self.gen = gen
        """Which drain it counts for, until all of its deliveries are made: then they count for themselves."""
        self.after = ""
        self.open = 0
        """Deliveries that are not handled, and those that may yet be owed."""
        self.busy = 0
        """Deliveries that are neither handled nor held: while there are many, no further page is read."""
        self.owed = 0
        self.asked = False
        self.exhausted = False


class Spreads:
    """The broadcasts under way, by partition and group, oldest first."""

    def __init__(self, cell: "Cell") -> None:
        self._cell = cell
        self._under_way: dict[tuple[int, str], list[Spread]] = {}
        self._members: dict[tuple[int, str], dict[str, Mailbox]] = {}
        """Mailboxes in memory, of groups that have had a broadcast."""
        self._groups: set[str] = set()
        self._owed: dict[str, list[Spread]] = {}
        """By address, while its row is being read: spreads that count it as open, since it may be for it."""

    def begin(self, entry: Entry, group: str, partition: int, gen: int) -> None:
        cell = self._cell
        if group not in self._groups:
            self._groups.add(group)
            for box in cell.mailboxes.values():
                if box.group == group:
                    self._members.setdefault((box.partition, group), {})[box.address] = box
        spread = Spread(entry, gen, cell.since(entry))
        self._under_way.setdefault((partition, group), []).append(spread)
        if gen:
            cell.drains.add(gen)
        for box in list(self._members.get((partition, group), {}).values()):
            if box.loading:
                self._owe(spread, box)
            else:
                self.cover(box)

    def opened(self, box: Mailbox) -> None:
        if box.group in self._groups:
            self._members.setdefault((box.partition, box.group), {})[box.address] = box

    def closed(self, box: Mailbox) -> None:
        if box.group in self._groups:
            self._members[box.partition, box.group].pop(box.address, None)

    def cover(self, box: Mailbox) -> None:
        """Give an instance, whose row is known, every broadcast under way that it was live for and has not got."""
        key = (box.partition, box.group)
        spreads = self._under_way.get(key)
        if not spreads:
            return
        self._give(box, spreads)
        for spread in self._owed.pop(box.address, ()):
            spread.open -= 1
            spread.owed -= 1
            self._finish(key, spread)
        self._cell.timers.unblock(box.address)

    @property
    def under_way(self) -> bool:
        """Is there a broadcast that has not reached everybody, or that some have not handled?"""
        return bool(self._under_way)

    def may_reach(self, address: str, partition: int, before: int) -> bool:
        """Is a broadcast recorded before this moment under way to an instance whose row is not known yet?"""
        box = self._cell.mailboxes.get(address)
        if not self._under_way or (box is not None and not box.loading):
            return False
        owed = self._owed.get(address, ())
        return any(
            spread.since < before and (spread in owed or (not spread.exhausted and spread.after < address))
            for spread in self._under_way.get((partition, address.partition("/")[0]), ())
        )

    def _owe(self, spread: Spread, box: Mailbox) -> None:
        spread.open += 1
        spread.owed += 1
        self._owed.setdefault(box.address, []).append(spread)

    def _give(self, box: Mailbox, spreads: list[Spread]) -> None:
        if box.live:
            since = box.cursor
        else:
            since = next((p.at for p in box.queue if not p.broadcast), -1)
            if since < 0:
                return
        since = max(since, box.last_broadcast)
        for spread in spreads:
            if spread.at > since:
                box.last_broadcast = spread.at
                spread.open += 1
                spread.busy += not box.held
                self._cell.deliver(spread.entry, box.address, box.partition, spread.gen, spread.since, broadcast=True)

    def skip_for_the_dead(self, box: Mailbox) -> None:
        """Broadcasts at the head of the queue of an instance that has retired, or never was, are not for it."""
        while not box.live and box.queue and box.queue[0].broadcast:
            self._cell.settle(box, box.queue.popleft())

    def one_done(self, box: Mailbox, at: int) -> None:
        key = (box.partition, box.group)
        for spread in self._under_way.get(key, ()):
            if spread.at == at:
                spread.open -= 1
                spread.busy -= 1
                self._finish(key, spread)
                return

    def held(self, box: Mailbox, by: int) -> None:
        """Its deliveries are held (-1), or go on (1)."""
        ats = {pending.at for pending in box.queue if pending.broadcast}
        for spread in self._under_way.get((box.partition, box.group), ()):
            if spread.at in ats and (spread.at, box.address) not in self._cell.own_rows:
                spread.busy += by

    def pages(self) -> list[PageRequest]:
        """What is to be read now: a further page once little of the last one is open."""
        wanted = []
        limit = self._cell.limits.page
        for (partition, group), spreads in self._under_way.items():
            for spread in spreads:
                if not spread.asked and not spread.exhausted and spread.busy <= limit // 2:
                    spread.asked = True
                    wanted.append(PageRequest(partition, group, spread.after, limit))
        return wanted

    def page(self, request: PageRequest, rows: list[InstanceRow]) -> None:
        """An answer to `pages`."""
        cell = self._cell
        key = (request.partition, request.group)
        asked = [s for s in self._under_way.get(key, ()) if s.asked and s.after == request.after]
        for row in rows:
            box = cell.mailboxes.get(row.address)
            if box is None:
                cell.loaded(cell.open_mailbox(row.address, row.partition), row)
            elif box.loading:
                for spread in asked:
                    self._owe(spread, box)
        for spread in asked:
            spread.asked = False
            if rows:
                spread.after = rows[-1].address
            spread.exhausted = len(rows) < request.limit
        cell.timers.unblock_group(request.group)
        for spread in list(self._under_way.get(key, ())):
            self._finish(key, spread)

    def _finish(self, key: tuple[int, str], spread: Spread) -> None:
        if not spread.exhausted:
            return
        if spread.gen and not spread.owed:
            self._cell.drains.remove(spread.gen)
            spread.gen = 0
        if spread.open:
            return
        spreads = self._under_way[key]
        spreads.remove(spread)
        if not spreads:
            del self._under_way[key]
        self._cell.close_delivery(spread.at, key[1], key[0])

    def open_ats(self, partition: int) -> list[tuple[int, str]]:
        """(at, group) of those under way in a partition."""
        return [(s.at, group) for (p, group), spreads in self._under_way.items() if p == partition for s in spreads]
