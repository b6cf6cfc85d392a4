"""A ledger whose accounts two classes share."""

from collections.abc import Iterator

from actors import After, Aggregate, App, Event, on


class Deposit(Event, origin=True):
    account: str
    cents: int


class Reviewed(Event):
    account: str


class Account(Aggregate, key="account"):
    cents: int = 0

    @on
    def add(self, event: Deposit) -> None:
        self.cents += event.cents


class Audit(Aggregate, shares=Account):
    deposits: int = 0

    @on
    def count(self, event: Deposit) -> Iterator[After[Reviewed]]:
        self.deposits += 1
        yield After(Reviewed(account=self.id), days=1)

    @on
    def review(self, event: Reviewed) -> None: ...


app = App("ledger", Account, Audit)
