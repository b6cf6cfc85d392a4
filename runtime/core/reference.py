"""What should have become of a log: its replay, straight on, through `actors.turn` and nothing else.

The replay knows what a delivery is (a log's entry, and a target of that entry in this partition), that an instance
handles its deliveries in log order, and what live means. It knows nothing of routers, hosts, cursors, batches, crashes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from actors.app import App
from actors.turn import Instance
from runtime.core.incoming import Incoming
from runtime.core.messages import EVERYWHERE, HOME, CancelTimer, Emission, SetTimer
from runtime.core.outgoing import Outgoing, timers_of
from runtime.core.parking import PARKED, SKIPPED
from runtime.core.rows import Entry, local_targets
from runtime.wire import decode_body


@dataclass(slots=True)
class Handled:
    """One delivery in the replay."""

    entry: Entry
    address: str
    emitted: list[Emission] = field(default_factory=list)
    sets: tuple[SetTimer, ...] = ()
    cancels: tuple[CancelTimer, ...] = ()
    retired: bool = False
    error: Exception | None = None
    skipped: bool = False
    broadcast: bool = False


@dataclass(slots=True)
class Life:
    """An instance in the replay."""

    instance: Instance
    live: bool = False
    handled: list[Handled] = field(default_factory=list)

    @property
    def state(self) -> bytes | None:
        return self.instance.state


class Replay:
    """One partition's log, replayed."""

    def __init__(self, app: App, partitions: int, log: list[Entry], cursors: Mapping[str, int] | None = None) -> None:
        """`cursors`: how far each instance has come; what stands behind is not handled. None: to the log's end."""
        self._cursors = cursors
        self._catalogue = app.catalogue
        self._incoming = Incoming(app.catalogue, app=app.name)
        self._outgoing = Outgoing(app.catalogue, partitions)
        self._skipped = set(self._decisions(log))
        self.lives: dict[str, Life] = {}
        self.calls: list[tuple[Entry, str]] = []
        """Deliveries to gateways."""
        for entry in log:
            if entry.type in self._catalogue.events:
                self._entry(entry)

    def _decisions(self, log: list[Entry]) -> Iterator[tuple[int, str]]:
        """(event id, address) of what was not handled because somebody, or `failures="skip"`, decided so."""
        for entry in log:
            if entry.type in (SKIPPED, PARKED):
                address = decode_body(entry.body).source
                group = self._catalogue.groups.get(address.partition("/")[0])
                if entry.type == SKIPPED or (group is not None and group.failures == "skip"):
                    yield entry.cause, address

    def _entry(self, entry: Entry) -> None:
        for where, address in local_targets(entry):
            if where == HOME:
                self.calls.append((entry, address))
            elif where == EVERYWHERE:
                for listener, life in list(self.lives.items()):
                    if life.live and listener.partition("/")[0] == address:
                        self._turn(entry, listener, broadcast=True)
            else:
                self._turn(entry, address, broadcast=False)

    def _turn(self, entry: Entry, address: str, *, broadcast: bool) -> None:
        if self._cursors is not None and entry.at > self._cursors.get(address, 0):
            return
        life = self.lives.get(address)
        if life is None:
            group, _, key = address.partition("/")
            if group not in self._catalogue.groups:
                return
            life = self.lives[address] = Life(Instance(self._catalogue.groups[group], key, None))
        handled = Handled(entry, address, broadcast=broadcast)
        life.handled.append(handled)
        life.live = life.live or not broadcast
        if (entry.id, address) in self._skipped:
            handled.skipped = True
            return
        try:
            plan, body, event = self._incoming.read(entry.type, entry.body)
            result = life.instance.run(plan, event, entry.time, lambda: self._incoming.envelope(entry, plan, body))
        except Exception as error:
            handled.error = error
            return
        handled.emitted, _, handled.sets, handled.cancels = timers_of(
            self._outgoing, entry.type, body, address, entry.time, result
        )
        handled.retired = result.retired
        if result.retired:
            life.live = False
