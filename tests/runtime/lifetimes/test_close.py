"""A runtime that is closed: whoever waits or asks is told so; and it can be started again."""

from pathlib import Path

import pytest

from tests.runtime.lifetimes.programs import SHOP, run_python

pytestmark = pytest.mark.slow

CALLS = """
from datetime import timedelta
from actors import After
from runtime import AsyncRuntime, NotRunning, Runtime


class Reminded(Event):
    player_id: str


class Reminders(Aggregate, key="player_id"):
    @on
    def later(self, event: CreditsGranted) -> After[Reminded]:
        return After(Reminded(player_id=self.id), days=1)

    @on
    def remind(self, event: Reminded) -> None: ...


app = App("shop", Payments, Wallet, Receipts, Reminders)
BUY = AttemptedPurchase(player_id="ada", credits=1)


def said(call):
    try:
        call()
    except NotRunning as error:
        return "NotRunning" if error.hint else "no hint"
    except BaseException as error:
        return repr(error)
    return "returned"
"""

THREADS = """
from threading import Thread

rt = Runtime.start(app)
first = rt.publish(BUY)
rt.drain()
ended = {}
begun = []


def tail():
    for recorded in rt.tail(follow=True):
        begun.append(recorded)


waits = {
    "tail": tail,
    "drain": lambda: rt.drain(timers=True),
    "request": lambda: rt.request(BUY, Reminded, timeout=1000),
    "processes": lambda: [rt.processes() for _ in iter(int, 1)],
    "publish": lambda: [rt.publish(BUY) for _ in iter(int, 1)],
}
threads = [Thread(target=lambda n=n, c=c: ended.update({n: said(c)})) for n, c in waits.items()]
for thread in threads:
    thread.start()
rt.request(BUY, CreditsGranted)
rt.close()
for thread in threads:
    thread.join()
print("waiting:", *(f"{name} {how}" for name, how in sorted(ended.items())))
asks = {
    "chain": lambda: rt.chain(first),
    "dead": lambda: rt.dead_letters.list(),
    "drain": lambda: rt.drain(),
    "get": lambda: rt.get(Wallet, "ada"),
    "has": lambda: rt.has(AttemptedPurchase, "x", "ada"),
    "instances": lambda: list(rt.instances(Wallet)),
    "many": lambda: rt.publish([BUY, BUY]),
    "processes": lambda: rt.processes(),
    "publish": lambda: rt.publish(BUY),
    "request": lambda: rt.request(BUY, CreditsGranted),
    "status": lambda: rt.status(),
    "tail": lambda: list(rt.tail()),
    "without waiting": lambda: rt.publish(BUY, wait=False).result(),
}
print("asking:", *(f"{name} {said(ask)}" for name, ask in asks.items()))
with Runtime.start(app) as rt:
    print("again:", rt.get(Wallet, "ada").credits >= 1)
rt.close()
"""

TASKS = """
import asyncio


async def outcome(awaitable):
    try:
        await awaitable
    except NotRunning as error:
        return "NotRunning" if error.hint else "no hint"
    except BaseException as error:
        return repr(error)
    return "returned"


async def main():
    rt = await AsyncRuntime.start(app)
    first = await rt.publish(BUY)
    await rt.drain()

    async def tail():
        async for _ in rt.tail(follow=True):
            pass

    async def instances():
        async for _ in rt.instances(Wallet):
            pass

    waits = {
        "drain": rt.drain(timers=True),
        "request": rt.request(BUY, Reminded, timeout=1000),
        "tail": tail(),
    }
    tasks = {name: asyncio.create_task(outcome(wait)) for name, wait in waits.items()}
    await rt.request(BUY, CreditsGranted)
    await rt.close()
    print("waiting:", *[f"{name} {await task}" for name, task in tasks.items()])
    asks = {
        "chain": rt.chain(first),
        "dead": rt.dead_letters.list(),
        "drain": rt.drain(),
        "get": rt.get(Wallet, "ada"),
        "has": rt.has(AttemptedPurchase, "x", "ada"),
        "instances": instances(),
        "many": rt.publish([BUY, BUY]),
        "processes": rt.processes(),
        "publish": rt.publish(BUY),
        "request": rt.request(BUY, CreditsGranted),
        "status": rt.status(),
        "tail": tail(),
    }
    print("asking:", *[f"{name} {await outcome(ask)}" for name, ask in asks.items()])
    rt = await AsyncRuntime.start(app)
    print("again:", (await rt.get(Wallet, "ada")).credits >= 1)
    await rt.close()


asyncio.run(main())
"""


ASKS = [
    "chain",
    "dead",
    "drain",
    "get",
    "has",
    "instances",
    "many",
    "processes",
    "publish",
    "request",
    "status",
    "tail",
]


def test_threads_that_wait_or_ask_are_told(tmp_path: Path) -> None:
    outcome = run_python(["-c", SHOP + CALLS + THREADS], tmp_path)

    waiting = "drain NotRunning processes NotRunning publish NotRunning request NotRunning tail NotRunning"
    outcome.must_have_said(f"waiting: {waiting}\n")
    outcome.must_have_said("asking: " + " ".join(f"{ask} NotRunning" for ask in [*ASKS, "without waiting"]) + "\n")
    outcome.must_have_said("again: True")


def test_tasks_that_wait_or_ask_are_told(tmp_path: Path) -> None:
    outcome = run_python(["-c", SHOP + CALLS + TASKS], tmp_path)

    outcome.must_have_said("waiting: drain NotRunning request NotRunning tail NotRunning\n")
    outcome.must_have_said("asking: " + " ".join(f"{ask} NotRunning" for ask in ASKS) + "\n")
    outcome.must_have_said("again: True")
