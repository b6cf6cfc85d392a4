"""The purchase chain as plain Ray actor calls: in memory, nothing durable, nothing redone after a crash.

The yardstick of the other figures, with one round trip to an async Ray actor beside it.
"""

import time
from collections import deque

import ray
from pydantic import BaseModel

PLAYERS = 100


class Attempted(BaseModel):
    player_id: str
    credits: int


class Completed(BaseModel):
    player_id: str
    credits: int


class Granted(BaseModel):
    player_id: str
    credits: int


class Sent(BaseModel):
    player_id: str
    number: int


@ray.remote(num_cpus=0)
class Wallets:
    """100 wallets in one actor: an actor each would cost 100 processes."""

    def __init__(self) -> None:
        self.credits: dict[str, int] = {}

    def grant(self, event: Completed) -> Granted:
        self.credits[event.player_id] = self.credits.get(event.player_id, 0) + event.credits
        return Granted(player_id=event.player_id, credits=event.credits)


@ray.remote(num_cpus=0)
class ReceiptBook:
    def __init__(self) -> None:
        self.sent: dict[str, int] = {}

    def send(self, event: Completed) -> Sent:
        self.sent[event.player_id] = self.sent.get(event.player_id, 0) + 1
        return Sent(player_id=event.player_id, number=self.sent[event.player_id])


@ray.remote(num_cpus=0)
class PaymentDesk:
    def __init__(self, wallets: "ray.actor.ActorHandle", receipts: "ray.actor.ActorHandle") -> None:
        self.wallets, self.receipts = wallets, receipts

    async def charge(self, event: Attempted) -> None:
        done = Completed(player_id=event.player_id, credits=event.credits)
        granted, sent = self.wallets.grant.remote(done), self.receipts.send.remote(done)
        await granted
        await sent

    async def nothing(self) -> None:
        """For the round trip."""


class PlainRay:
    """The three actors, started."""

    def __init__(self) -> None:
        self.actors = [Wallets.remote(), ReceiptBook.remote()]
        self.desk = PaymentDesk.options(max_concurrency=5000).remote(*self.actors)
        ray.get(self.desk.charge.remote(Attempted(player_id="warm", credits=1)))

    def purchases(self, count: int, outstanding: int) -> float:
        """Purchases a second, with so many outstanding."""
        window: deque[ray.ObjectRef] = deque()
        start = time.perf_counter()
        for n in range(count):
            if len(window) == outstanding:
                ray.get(window.popleft())
            window.append(self.desk.charge.remote(Attempted(player_id=f"p{n % PLAYERS}", credits=5)))
        ray.get(list(window))
        return count / (time.perf_counter() - start)

    def round_trip_ms(self, count: int = 500) -> float:
        """Median of one call and its answer."""
        times = []
        for _ in range(count):
            start = time.perf_counter()
            ray.get(self.desk.nothing.remote())
            times.append(time.perf_counter() - start)
        return 1000 * sorted(times)[count // 2]

    def close(self) -> None:
        for actor in [*self.actors, self.desk]:
            ray.kill(actor)
