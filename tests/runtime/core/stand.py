"""A router core and host cores with an app, on a journal in memory: all of it runs, one step at a time."""

from collections.abc import Callable
from typing import TypeVar

import msgspec

from actors import Aggregate, App, Event
from actors.turn import Instance
from runtime.core.host import HostCore, still
from runtime.core.incoming import Incoming
from runtime.core.limits import Limits
from runtime.core.messages import Answer, DeliverBatch
from runtime.core.outgoing import Outgoing
from runtime.core.plan import Placement, cell_plan
from runtime.core.router import RouterCore
from runtime.core.rows import Entry
from runtime.encode import Encoder
from runtime.simulation.calls import GatewayRunner
from runtime.wire import Body, decode_body, encode_body
from tests.runtime.core.rig import PARTITIONS, Rig

A = TypeVar("A", bound=Aggregate)


class Stand(Rig):
    """The rig, with the app's own turns and calls in place of scripted ones."""

    def __init__(
        self,
        app: App,
        *,
        limits: Limits | None = None,
        run_on: bool = True,
        placement: Placement | None = None,
        clock: Callable[[], int] = still,
    ) -> None:
        self.app = app
        self.run_on = run_on
        self.clock = clock
        self.hosts: dict[str, HostCore] = {}
        self.encoder = Encoder(app.catalogue, PARTITIONS, draw=lambda: 0.0)
        incoming, outgoing = Incoming(app.catalogue, app=app.name), Outgoing(app.catalogue, PARTITIONS)
        self.runner = GatewayRunner(app, incoming, outgoing)
        self.answers: list[Answer] = []
        super().__init__(cell_plan(app, PARTITIONS, placement), limits)

    def start(self, *hosts: str, gateways: bool = True) -> RouterCore:
        self.hosts.clear()
        return super().start(*hosts, gateways=gateways)

    def say(self, event: Event, *, key: str | None = None, ticket: int = 1, **body: object) -> None:
        """Publish. `body` changes fields of the `Body` that the client makes."""
        item = self.encoder.encode(event, key)
        changed = encode_body(msgspec.structs.replace(decode_body(item.body), **body))
        self._seq += 1
        self.send(msgspec.structs.replace(item, seq=self._seq, body=changed), ticket=ticket)

    def settle(self) -> None:
        """Until nothing is left to do now."""
        while True:
            self.commit()
            for name in self.core.take_hosts():
                self.core.host_up(name)
            batches = self.core.take_deliveries()
            calls = self.core.take_calls()
            for name, batch in batches:
                self.core.answer(name, self.run(name, batch), self.now)
            for call in calls:
                self.core.called(self.runner.run(call, self.now), self.now)
            if not batches and not calls:
                return

    def run(self, name: str, batch: DeliverBatch) -> Answer:
        """What a host makes of a batch."""
        if name not in self.hosts:
            self.hosts[name] = HostCore(
                self.app.catalogue, PARTITIONS, run_on=self.run_on, app=self.app.name, clock=self.clock
            )
        answer = self.hosts[name].deliver(batch)
        self.answers.append(answer)
        return answer

    def get(self, cls: type[A], id: str) -> A | None:
        """The committed state of a live instance."""
        group = self.app.catalogue.group_of[cls]
        row = self.instances.get(f"{group.name}/{id}")
        if row is None or not row.live:
            return None
        return Instance(group, id, row.state).objects()[group.classes.index(cls)]  # type: ignore[return-value]

    def happened(self, type: str) -> list[tuple[Entry, Body]]:
        """The events of a type, copies left out, with their bodies."""
        return [(e, decode_body(e.body)) for e in self.log.values() if e.type == type and e.at == e.id]
