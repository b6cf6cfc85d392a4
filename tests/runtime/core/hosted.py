"""A host core with an app, and a scripted router: batches are made from events, answers are looked at."""

from typing import Any

import msgspec

from actors import App, Event
from runtime.core.host import HostCore
from runtime.core.messages import Activate, Answer, DeliverBatch, Delivery, TurnDone
from runtime.core.outgoing import Outgoing
from runtime.core.partition import partition_of
from runtime.wire import Body, decode_body, encode_body

PARTITIONS = 4


class Hosted:
    """Each instance is activated, empty, with its first delivery; positions and numbers count up."""

    def __init__(self, app: App, **options: Any) -> None:
        self.app = app
        self.host = HostCore(app.catalogue, PARTITIONS, app=app.name, **options)
        self.outgoing = Outgoing(app.catalogue, PARTITIONS, options.get("codec"))
        self.activations: dict[str, int] = {}
        self.number = 0
        self.position = 0

    def activate(self, address: str, state: bytes | None = None) -> Activate:
        """The router sends this state first; what was sent under the activation before is void."""
        self.activations[address] = self.activations.get(address, 0) + 1
        return Activate(address, self.activations[address], state)

    def delivery(self, address: str, event: Event, time: int = 1_000, **fields: Any) -> Delivery:
        """`body` may be changed by the fields of a `Body` in `body=`."""
        plan, _, data = self.outgoing.origin(event, source="client")
        changes = fields.pop("body", {})
        body = encode_body(msgspec.structs.replace(decode_body(data), **changes))
        self.position += 1
        at = partition_of(address.partition("/")[2], PARTITIONS) << 40 | self.position
        values = {"id": at, "cause": 0, "root": at} | fields
        return Delivery(address, self.activations.get(address, 0), at, time=time, type=plan.type, body=body, **values)

    def deliver(
        self,
        *deliveries: tuple[str, Event] | Delivery,
        activations: tuple[Activate, ...] = (),
        drops: tuple[str, ...] = (),
        run_on: bool = False,
    ) -> Answer:
        """One batch. Instances that were never activated are."""
        made = list(activations)
        found: list[Delivery] = []
        for one in deliveries:
            if isinstance(one, Delivery):
                found.append(one)
                continue
            address, event = one
            if address not in self.activations:
                made.append(self.activate(address))
            found.append(self.delivery(address, event))
        self.number += 1
        return self.host.deliver(DeliverBatch(self.number, tuple(made), tuple(found), drops, run_on))

    def warm(self, *addresses: str) -> None:
        """Held here, before anything is delivered."""
        self.deliver(activations=tuple(self.activate(address) for address in addresses))


def bodies(turn: TurnDone) -> list[Body]:
    """Of what it emitted."""
    return [decode_body(e.body) for e in turn.emitted]


def types(answer: Answer) -> list[list[str]]:
    """What each turn emitted."""
    return [[e.type for e in turn.emitted] for turn in answer.turns]
