"""Rooms are held for a while, paid for or let go again, while processes are killed at random. In the end the sums hold.

python examples/hotel.py [SECONDS] [SEED]
"""

import asyncio
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Iterator

from actors import After, Aggregate, App, Cancel, Event, Gateway, TrunklineError, on
from runtime import Runtime, Unreachable


class RequestedRoom(Event, origin=True):
    room: str
    guest: str
    nights: int


class HeldRoom(Event):
    room: str
    guest: str
    nights: int


class RefusedRoom(Event):
    room: str
    guest: str


class ChargedGuest(Event):
    room: str
    guest: str
    amount: int


class DeclinedGuest(Event):
    room: str
    guest: str


class HoldExpired(Event):
    room: str
    guest: str


class BookedRoom(Event):
    room: str
    amount: int


class FreedRoom(Event):
    room: str


class Room(Aggregate, key="room"):
    """Held by one guest at a time."""

    guest: str = ""
    stays: int = 0
    freed: int = 0

    @on
    def request(self, event: RequestedRoom) -> Iterator[HeldRoom | RefusedRoom | After[HoldExpired]]:
        if self.guest:
            yield RefusedRoom(room=self.id, guest=event.guest)
            return
        self.guest = event.guest
        yield HeldRoom(room=self.id, guest=event.guest, nights=event.nights)
        yield After(HoldExpired(room=self.id, guest=event.guest), minutes=1)

    @on
    def book(self, event: ChargedGuest) -> Iterator[BookedRoom | Cancel[HoldExpired]]:
        self.stays += 1
        if self.guest == event.guest:
            self.guest = ""
            yield Cancel(HoldExpired)
        yield BookedRoom(room=self.id, amount=event.amount)

    @on
    def free(self, event: DeclinedGuest | HoldExpired) -> Iterator[FreedRoom | Cancel[HoldExpired]]:
        if self.guest == event.guest:
            self.guest = ""
            self.freed += 1
            yield Cancel(HoldExpired)
            yield FreedRoom(room=self.id)


class Bank(Gateway, concurrency=16):
    """Declines thirteen nights."""

    @on(retries=5, timeout=5, idempotent=True)
    async def charge(self, event: HeldRoom) -> ChargedGuest | DeclinedGuest:
        await asyncio.sleep(0.01)
        if event.nights == 13:
            return DeclinedGuest(room=event.room, guest=event.guest)
        return ChargedGuest(room=event.room, guest=event.guest, amount=100 * event.nights)


class Ledger(Aggregate, singleton=True):
    """The whole house."""

    income: int = 0
    stays: int = 0

    @on
    def add(self, event: BookedRoom) -> None:
        self.income += event.amount
        self.stays += 1


app = App("hotel", Room, Bank, Ledger)


def kill_at_random(rt: Runtime, chance: random.Random, over: threading.Event) -> None:
    """SIGKILL for one of the app's processes every one to three seconds."""
    while not over.wait(chance.uniform(1, 3)):
        try:
            name, pid = chance.choice(sorted(rt.processes().items()))
            os.kill(pid, signal.SIGKILL)
        except (Unreachable, ProcessLookupError):
            continue
        print(f"killed {name}", flush=True)


def main(seconds: float, seed: int) -> None:
    """Request rooms for so many seconds; then check the sums."""
    chance, over = random.Random(seed), threading.Event()
    with Runtime.start(app) as rt:
        killer = threading.Thread(target=kill_at_random, args=(rt, random.Random(seed), over))
        killer.start()
        begun, requested = time.monotonic(), []
        while time.monotonic() - begun < seconds:
            number = len(requested)
            wish = RequestedRoom(room=f"r{chance.randrange(40)}", guest=f"g{number}", nights=chance.choice((1, 2, 13)))
            requested.append(rt.publish(wish, idempotency_key=f"request-{number}", wait=False))
            time.sleep(0.005)
        for future in requested:
            future.result()
        over.set()
        killer.join()
        rt.drain(timers=True)

        count = {kind: sum(1 for _ in rt.tail(kind)) for kind in (RequestedRoom, HeldRoom, RefusedRoom, BookedRoom)}
        rooms = [room for room in (rt.get(Room, id) for id in rt.instances(Room)) if room]
        ledger = rt.get(Ledger) or Ledger()
        income = sum(r.event.amount for r in rt.tail(BookedRoom) if isinstance(r.event, BookedRoom))
        print(f"{len(requested)} requests, {count[HeldRoom]} held, {ledger.stays} stays, income {ledger.income}")
        assert count[RequestedRoom] == len(requested) == count[HeldRoom] + count[RefusedRoom]
        assert count[BookedRoom] == ledger.stays == sum(room.stays for room in rooms)
        assert ledger.income == income
        assert count[HeldRoom] == ledger.stays + sum(room.freed for room in rooms)
        assert not any(room.guest for room in rooms)
        print("all sums hold")


if __name__ == "__main__":
    try:
        main(float((sys.argv[1:] or ["20"])[0]), int((sys.argv[2:] or ["1"])[0]))
    except TrunklineError as error:
        sys.exit(str(error))
