"""The purchase chain in `eventsourcing` 9.5 with SQLite: an existing Python library, durable, in one process."""

import os
import tempfile
import time
from uuid import NAMESPACE_URL, UUID, uuid5

from eventsourcing.application import ProcessingEvent
from eventsourcing.domain import Aggregate, DomainEvent, event
from eventsourcing.system import ProcessApplication, SingleThreadedRunner, System

PLAYERS = 100


class Purchase(Aggregate):
    @event("Attempted")
    def __init__(self, player_id: str, credits: int) -> None:
        self.player_id = player_id
        self.credits = credits


class Payment(Aggregate):
    @event("Completed")
    def __init__(self, player_id: str, credits: int) -> None:
        self.player_id = player_id
        self.credits = credits


class Wallet(Aggregate):
    @event("Opened")
    def __init__(self, player_id: str) -> None:
        self.player_id = player_id
        self.credits = 0

    @event("Granted")
    def grant(self, credits: int) -> None:
        self.credits += credits

    @staticmethod
    def create_id(player_id: str) -> UUID:
        return uuid5(NAMESPACE_URL, f"/wallet/{player_id}")


class Receipts(Aggregate):
    @event("Opened")
    def __init__(self, player_id: str) -> None:
        self.player_id = player_id
        self.sent = 0

    @event("Sent")
    def send(self) -> None:
        self.sent += 1

    @staticmethod
    def create_id(player_id: str) -> UUID:
        return uuid5(NAMESPACE_URL, f"/receipts/{player_id}")


class Shop(ProcessApplication[UUID]):
    def buy(self, player_id: str, credits: int) -> None:
        self.save(Purchase(player_id=player_id, credits=credits))

    def policy(self, domain_event: DomainEvent, processing_event: ProcessingEvent[UUID]) -> None:
        """Listens to nothing."""


class Payments(ProcessApplication[UUID]):
    def policy(self, domain_event: DomainEvent, processing_event: ProcessingEvent[UUID]) -> None:
        if isinstance(domain_event, Purchase.Attempted):
            processing_event.collect_events(Payment(player_id=domain_event.player_id, credits=domain_event.credits))


class Wallets(ProcessApplication[UUID]):
    def policy(self, domain_event: DomainEvent, processing_event: ProcessingEvent[UUID]) -> None:
        if isinstance(domain_event, Payment.Completed):
            key = Wallet.create_id(domain_event.player_id)
            wallet = self.repository.get(key) if key in self.repository else Wallet(player_id=domain_event.player_id)
            wallet.grant(domain_event.credits)
            processing_event.collect_events(wallet)


class ReceiptBook(ProcessApplication[UUID]):
    def policy(self, domain_event: DomainEvent, processing_event: ProcessingEvent[UUID]) -> None:
        if isinstance(domain_event, Payment.Completed):
            key = Receipts.create_id(domain_event.player_id)
            book = self.repository.get(key) if key in self.repository else Receipts(player_id=domain_event.player_id)
            book.send()
            processing_event.collect_events(book)


def run(count: int = 500) -> tuple[float, float]:
    """(purchases a second, median ms of one alone): one at a time, since it runs in one thread."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PERSISTENCE_MODULE"] = "eventsourcing.sqlite"
        for name in ("SHOP", "PAYMENTS", "WALLETS", "RECEIPTBOOK"):
            os.environ[f"{name}_SQLITE_DBNAME"] = os.path.join(folder, f"{name}.db")
        system = System(pipes=[[Shop, Payments, Wallets], [Payments, ReceiptBook]])
        runner = SingleThreadedRunner(system)
        runner.start()
        shop = runner.get(Shop)
        for n in range(PLAYERS):
            shop.buy(f"p{n}", 5)
        times = []
        start = time.perf_counter()
        for n in range(count):
            before = time.perf_counter()
            shop.buy(f"p{n % PLAYERS}", 5)
            times.append(time.perf_counter() - before)
        rate = count / (time.perf_counter() - start)
        runner.stop()
    return rate, 1000 * sorted(times)[count // 2]
