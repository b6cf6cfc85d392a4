"""An app whose gateways ask the world of `outside.py`: each of the three outcomes, and what is done about them."""

import asyncio
import json
from datetime import UTC, datetime

from actors import Aggregate, App, At, Event, Gateway, NotDone, Unknown, on

STATED = datetime(2001, 2, 3, 12, tzinfo=UTC)


class Ordered(Event, origin=True):
    who: str


class Paid(Event):
    who: str
    key: str


class Declined(Event):
    who: str
    reason: str


class Mailed(Event, origin=True):
    who: str


class Sent(Event):
    who: str


class Wired(Event, origin=True):
    who: str


class Arrived(Event):
    who: str


class Carried(Event, origin=True):
    who: str


class Delivered(Event):
    who: str


async def ask(path: str, who: str, key: str, what: str) -> str:
    """What the world says. Raises Unknown: it broke the line; RuntimeError: it refused."""
    reader, writer = await asyncio.open_unix_connection(path)
    try:
        writer.write(json.dumps({"who": who, "key": key, "what": what}).encode() + b"\n")
        said = (await reader.read()).decode()
    finally:
        writer.close()
    if not said:
        raise Unknown("the line broke")
    if said == "refused":
        raise RuntimeError(f"{who} was refused")
    return said


class Payments(Gateway):
    """Says of every call how it ended, by every way there is."""

    path: str

    @on(retries=2)
    async def charge(self, event: Ordered) -> Paid | Declined | At[Paid]:
        said = await ask(self.path, event.who, self.idempotency_key, "charge")
        if said == "nonsense":
            return Sent(who=event.who)  # type: ignore[return-value]
        paid = Paid(who=event.who, key=self.idempotency_key)
        return At(paid, STATED) if said == "at noon" else paid

    @charge.reconcile
    async def find(self, event: Ordered) -> Paid | Declined:
        said = await ask(self.path, event.who, self.idempotency_key, "find")
        if said == "not done":
            raise NotDone
        return Paid(who=event.who, key=self.idempotency_key)

    @charge.failed
    async def give_up(self, event: Ordered, error: Exception) -> Declined:
        return Declined(who=event.who, reason=str(error))


class Mailer(Gateway):
    """Repeats what may have been done."""

    path: str

    @on(retries=3, timeout=0.3, idempotent=True)
    async def send(self, event: Mailed) -> Sent:
        await ask(self.path, event.who, self.idempotency_key, "send")
        return Sent(who=event.who)


class Bank(Gateway):
    """Repeats nothing of what may have been done, and can't ask."""

    path: str

    @on(retries=1, timeout=0.3)
    async def wire(self, event: Wired) -> Arrived:
        await ask(self.path, event.who, self.idempotency_key, "wire")
        return Arrived(who=event.who)


class Courier(Gateway, concurrency=2):
    path: str

    @on
    async def carry(self, event: Carried) -> Delivered:
        await ask(self.path, event.who, self.idempotency_key, "carry")
        return Delivered(who=event.who)


class Books(Aggregate, key="who"):
    """Each answer counts once."""

    paid: int = 0
    declined: int = 0
    sent: int = 0
    arrived: int = 0

    @on
    def pay(self, event: Paid) -> None:
        self.paid += 1

    @on
    def decline(self, event: Declined) -> None:
        self.declined += 1

    @on
    def send(self, event: Sent) -> None:
        self.sent += 1

    @on
    def arrive(self, event: Arrived) -> None:
        self.arrived += 1


def market(path: str) -> App:
    """The app, and where it finds the world."""
    return App("market", Payments(path=path), Mailer(path=path), Bank(path=path), Courier(path=path), Books)
