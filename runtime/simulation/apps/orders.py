"""What users want of the two apps: drawn from the seed, with an arithmetic that can be checked at the end."""

from random import Random

from actors import Event
from runtime.simulation.apps import bank, relay
from runtime.simulation.client import Order
from runtime.simulation.scheduler import START_US


def bank_orders(random: Random, first: int, count: int, span_us: int) -> list[Order]:
    """Deposits, transfers, reservations and trouble over a few accounts."""
    names = [f"a{number}" for number in range(random.choice((2, 5, 12)))]
    orders: list[Order] = []
    for number in range(first, first + count):
        event = _bank_event(random, number, names)
        key = f"k{number}" if random.random() < 0.5 else None
        after = random.randrange(span_us)
        orders.append(Order(number, event, key, _time(random), after, _reply(random, event)))
    return orders


def _time(random: Random) -> int | None:
    """Mostly when it is taken; some happened before, so that their timers are due at once, some are yet to come."""
    return START_US + random.randint(-1_000_000, 1_500_000) if random.random() < 0.1 else None


def _reply(random: Random, event: Event) -> tuple[str, ...]:
    """Now and then a request: published alone, answered with the first event of its chain of these types."""
    if isinstance(event, bank.Deposited) and random.random() < 0.1:
        return ("receipted",)
    return ()


def _bank_event(random: Random, number: int, names: list[str]) -> Event:
    account, other = random.choice(names), random.choice(names)
    amount = random.randint(1, 100)
    draw = random.random()
    if draw < 0.35:
        return bank.Deposited(account=account, number=number, amount=amount)
    if draw < 0.55:
        return bank.Transferred(source=account, target=other, number=number, amount=amount)
    if draw < 0.60:
        return bank.Linked(left=account, right=other, number=number)
    if draw < 0.70:
        seconds = random.choice((0.0, 0.01, 0.1, 0.4))
        return bank.Reserved(account=account, number=number, amount=amount // 2 + 1, seconds=seconds)
    if draw < 0.76:
        return bank.Confirmed(account=account, number=number)
    if draw < 0.85:
        return bank.Charged(account=account, number=number, amount=amount)
    if draw < 0.88:
        return bank.Closed(account=account, number=number)
    if draw < 0.93:
        how = random.choice(("poison", "flaky", "flaky", "deadly"))
        return bank.Troubled(account=account, number=number, how=how)
    return bank.Announced(number=number)


def relay_orders(random: Random, first: int, count: int, span_us: int) -> list[Order]:
    """Batons, bells, chains and questions over a few runners."""
    field = random.choice((2, 4, 9))
    orders: list[Order] = []
    for number in range(first, first + count):
        runner = f"r{random.randrange(field)}"
        draw = random.random()
        event: Event
        if draw < 0.25:
            legs = random.choice((1, 3, 6, 45))
            event = relay.Started(runner=runner, number=number, legs=legs, field=field)
        elif draw < 0.60:
            event = relay.Pulled(runner=runner, number=number)
        elif draw < 0.72:
            seconds = random.choice((0.002, 0.05, 0.2))
            event = relay.Rung(runner=runner, number=number, left=random.randrange(4), seconds=seconds)
        elif draw < 0.78:
            event = relay.Hushed(runner=runner, number=number)
        elif draw < 0.90:
            event = relay.Looked(runner=runner, number=number)
        elif draw < 0.95:
            event = relay.Knocked(runner=runner, number=number)
        else:
            event = relay.Left(runner=runner, number=number)
        key = f"k{number}" if random.random() < 0.5 else None
        orders.append(Order(number, event, key, _time(random), random.randrange(span_us)))
    return orders
