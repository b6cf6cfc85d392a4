"""A bank made for checking: money moves between accounts over partitions, and none may appear or vanish.

Every account also folds what it handles into a number that depends on the order, so two runs agree on it only if they
agree on every event and on its place.
"""

from collections.abc import Iterator

from actors import After, Aggregate, App, Cancel, Event, Gateway, Heartbeat, on
from runtime.simulation.apps.weather import WEATHER

FOLD = 1_000_003


class Deposited(Event, origin=True):
    """Money from outside."""

    account: str
    number: int
    amount: int


class Transferred(Event, origin=True):
    """Money on its way to another account."""

    source: str
    target: str
    number: int
    amount: int


class Linked(Event, origin=True):
    """Two accounts that hear of each other: one event, two instances."""

    left: str
    right: str
    number: int


class Reserved(Event, origin=True):
    """Money set aside until it is confirmed, or until the time is over."""

    account: str
    number: int
    amount: int
    seconds: float


class Confirmed(Event, origin=True):
    account: str
    number: int


class Charged(Event, origin=True):
    """To be paid by a card, outside."""

    account: str
    number: int
    amount: int


class Closed(Event, origin=True):
    """The account begins anew, empty; what it held goes to the total."""

    account: str
    number: int


class Troubled(Event, origin=True):
    """An event whose handler fails: always ("poison"), or by the weather ("flaky", "deadly")."""

    account: str
    number: int
    how: str


class Announced(Event, origin=True, broadcast=True):
    number: int


class Credited(Event):
    account: str
    number: int
    amount: int


class Refused(Event):
    account: str
    number: int


class Booked(Event):
    account: str
    number: int
    amount: int
    balance: int


class Payout(Event):
    """What a closed account held."""

    account: str
    amount: int


class Receipted(Event):
    account: str
    count: int


class Noted(Event):
    """An account heard an announcement."""

    account: str
    count: int


class Held(Event):
    account: str
    number: int


class ReservationExpired(Event):
    account: str
    number: int
    amount: int


class Paid(Event):
    account: str
    number: int
    amount: int
    key: str


class Failed(Event):
    account: str
    number: int


class Settled(Event):
    """Sums reach the one instance that holds them all."""

    amount: int


class Payments(Gateway):
    """Charges cards. The simulation decides how a call ends; these say what it leads to."""

    @on(retries=2, timeout=1, idempotent=True)
    async def charge(self, event: Charged) -> Paid:
        return Paid(account=event.account, number=event.number, amount=event.amount, key=self.idempotency_key)

    @charge.failed
    async def gave_up(self, event: Charged, error: Exception) -> Failed:
        return Failed(account=event.account, number=event.number)


class Account(Aggregate, key="account"):
    """Where money lies."""

    balance: int = 0
    reserved: dict[int, int] = {}
    fold: int = 0
    heard: int = 0
    ticks: int = 0
    links: int = 0

    def _fold(self, number: int) -> None:
        self.fold = (self.fold * 31 + number) % FOLD

    @on
    def deposit(self, event: Deposited) -> Iterator[Booked | Settled]:
        self._fold(event.number)
        self.balance += event.amount
        yield Booked(account=self.id, number=event.number, amount=event.amount, balance=self.balance)
        yield Settled(amount=event.amount)

    @on(key="source")
    def transfer(self, event: Transferred) -> Credited | Refused:
        self._fold(event.number)
        if self.balance < event.amount:
            return Refused(account=self.id, number=event.number)
        self.balance -= event.amount
        return Credited(account=event.target, number=event.number, amount=event.amount)

    @on
    def credit(self, event: Credited) -> Booked:
        self._fold(event.number)
        self.balance += event.amount
        return Booked(account=self.id, number=event.number, amount=event.amount, balance=self.balance)

    @on
    def paid(self, event: Paid) -> Iterator[Booked | Settled]:
        self._fold(event.number)
        self.balance += event.amount
        yield Booked(account=self.id, number=event.number, amount=event.amount, balance=self.balance)
        yield Settled(amount=event.amount)

    @on(key=lambda event: [event.left, event.right])
    def link(self, event: Linked) -> None:
        self._fold(event.number)
        self.links += 1

    @on
    def reserve(self, event: Reserved) -> Iterator[Held | Refused | After[ReservationExpired]]:
        self._fold(event.number)
        if self.balance < event.amount:
            yield Refused(account=self.id, number=event.number)
            return
        self.balance -= event.amount
        self.reserved = {**self.reserved, event.number: event.amount}
        yield Held(account=self.id, number=event.number)
        yield After(
            ReservationExpired(account=self.id, number=event.number, amount=event.amount),
            seconds=event.seconds,
            name=f"r{event.number % 3}",
        )

    @on
    def confirm(self, event: Confirmed) -> Iterator[Held | Cancel[ReservationExpired]]:
        self._fold(event.number)
        yield Held(account=self.id, number=-event.number)
        yield Cancel(ReservationExpired, name=f"r{event.number % 3}")

    @on
    def expire(self, event: ReservationExpired) -> None:
        self._fold(event.number)
        self.balance += self.reserved.get(event.number, 0)
        self.reserved = {number: amount for number, amount in self.reserved.items() if number != event.number}

    @on
    def close(self, event: Closed) -> Payout | None:
        left = self.balance + sum(self.reserved.values())
        self.retire()
        return Payout(account=event.account, amount=left) if left else None

    @on
    def trouble(self, event: Troubled) -> Held:
        self._fold(event.number)
        if event.how == "poison":
            raise ValueError("poison")
        if event.how == "deadly":
            WEATHER.deadly()
        WEATHER.flaky()
        return Held(account=self.id, number=event.number)

    @on
    def announced(self, event: Announced) -> Noted | Cancel[ReservationExpired] | None:
        if self.heard == 0 and event.number % 2:
            return None
        self._fold(event.number)
        self.heard += 1
        if event.number % 5 == 0:
            return Cancel(ReservationExpired, name="r0")
        return Noted(account=self.id, count=self.heard) if event.number % 3 == 0 else None

    @on
    def beat(self, event: Heartbeat) -> None:
        if self.balance > 50:
            self._fold(event.tick)
            self.ticks += 1


class Receipts(Aggregate, key="account"):
    """The same key, hence the same partition: a chain that may be run on."""

    count: int = 0
    amount: int = 0
    seen: str = ""
    paper: str = ""
    """Now and then so much that the state travels once an answer, and not with each turn."""

    @on
    def booked(self, event: Booked) -> Receipted:
        WEATHER.flaky()
        self.count += 1
        self.amount += event.amount
        if event.number % 7 == 0:
            self.seen = f"{self.event.id} {self.random.random():.6f} {self.new_id()}"
        if event.number % 13 == 0:
            self.paper = "" if self.paper else "x" * 5_000
        return Receipted(account=self.id, count=self.count)


class Audit(Aggregate, key="account", failures="skip", placement="dedicated"):
    """Goes on after a failure; a host of its own for each."""

    count: int = 0

    @on
    def receipted(self, event: Receipted | Noted) -> None:
        self.count += 1

    @on
    def trouble(self, event: Troubled) -> None:
        if event.how == "poison":
            raise ValueError("poison, skipped")
        self.count += 1


class Totals(Aggregate, singleton=True):
    """One instance for everybody: every event of its comes over partitions."""

    amount: int = 0
    paid_out: int = 0

    @on
    def settled(self, event: Settled) -> None:
        self.amount += event.amount

    @on
    def payout(self, event: Payout) -> None:
        self.paid_out += event.amount


APP = App("bank", Payments, Account, Receipts, Audit, Totals, heartbeat=0.1)
