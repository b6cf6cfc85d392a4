"""What a client is told by a router that is full, starts again, or can't write; without Ray."""

import asyncio
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from actors.errors import TrunklineError
from runtime import DrainTimeout, JournalFull, KeyReused, NotRunning, Overloaded, RequestTimeout, Unreachable
from runtime.core.limits import Limits
from runtime.core.messages import PublishBatch, PublishReply, Taken, encode
from runtime.encode import Encoder, key_digest
from tests.runtime.cluster.store import Announced, Bought, Granted, Printed, Wallet, app
from tests.runtime.journal.disks import Disk

from .inside import PARTITIONS, inside

FULL = Limits(pending_max=10)
ADA = Bought(player_id="ada")


def test_a_full_runtime_takes_nothing_and_says_so() -> None:
    async def main() -> None:
        async with inside(app, host=False, limits=FULL) as parts:
            rt = parts.client()
            await rt.publish([ADA] * 11)

            with pytest.raises(Overloaded) as raised:
                await rt.publish(ADA, timeout=0.1, idempotency_key="late")

            assert "was not taken" in str(raised.value)
            assert not await rt.has(Bought, "late", "ada")
            parts.start_host()
            await rt.drain()
            wallet = await rt.get(Wallet, "ada")
            assert wallet is not None
            assert wallet.credits == 11
            await rt.close()

    asyncio.run(main())


def test_whoever_waits_for_room_gets_on_when_there_is_some() -> None:
    async def main() -> None:
        async with inside(app, host=False, limits=FULL) as parts:
            rt = parts.client()
            await rt.publish([ADA] * 11)

            late = await rt.publish(ADA, wait=False)
            parts.start_host()
            await late
            await rt.drain()

            wallet = await rt.get(Wallet, "ada")
            assert wallet is not None
            assert wallet.credits == 12
            await rt.close()

    asyncio.run(main())


def test_a_task_that_waits_for_nothing_lets_go_out_what_it_hands_in() -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def main() -> None:
        async with inside(app) as parts:
            rt = parts.client()
            await rt.publish(ADA)
            other = asyncio.create_task(others())

            for _ in range(10):
                await rt.publish([ADA] * 10, wait=False)

            assert turns >= 9
            other.cancel()
            await rt.drain()
            await rt.close()

    asyncio.run(main())


def test_a_request_to_a_full_runtime_is_not_taken() -> None:
    async def main() -> None:
        async with inside(app, host=False, limits=FULL) as parts:
            rt = parts.client()
            await rt.publish([ADA] * 11)

            with pytest.raises(Overloaded, match="was not taken"):
                await rt.request(ADA, Granted, timeout=0.1)

            await rt.close()

    asyncio.run(main())


def test_a_request_that_timed_out_is_forgotten_everywhere() -> None:
    async def main() -> None:
        async with inside(app, host=False) as parts:
            rt = parts.client()

            with pytest.raises(RequestTimeout, match="was sent, and no granted came of it"):
                await rt.request(ADA, Granted, timeout=0.1)
            with pytest.raises(RequestTimeout):
                await rt.request(ADA, Granted, timeout=0.1)
            await rt.status()

            assert parts.router._core._cell.watches == {}
            assert parts.router._desk._tickets == {}
            parts.start_host()
            assert await rt.request(ADA, Granted) == Granted(player_id="ada", balance=3)
            await rt.close()

    asyncio.run(main())


def test_a_request_made_again_under_its_key_is_answered_as_at_first() -> None:
    async def main() -> None:
        async with inside(app) as parts:
            rt = parts.client()

            first = await rt.request(ADA, Granted, idempotency_key="order-1")
            await rt.request(ADA, Granted, idempotency_key="order-2")
            again = await rt.request(ADA, Granted, idempotency_key="order-1")
            other = await rt.request(ADA, Printed, idempotency_key="order-1")
            with pytest.raises(KeyReused, match="with another payload"):
                await rt.request(Bought(player_id="ada", credits=9), Granted, idempotency_key="order-1")

            assert first == again == Granted(player_id="ada", balance=1)
            assert other == Printed(player_id="ada")
            wallet = await rt.get(Wallet, "ada")
            assert wallet is not None
            assert wallet.credits == 2
            await rt.close()

    asyncio.run(main())


def test_requests_under_one_key_at_once_are_one_and_get_one_answer() -> None:
    async def main() -> None:
        async with inside(app, host=False) as parts:
            rt, other = parts.client(), parts.client()
            asking = [asyncio.create_task(r.request(ADA, Granted, idempotency_key="o")) for r in (rt, other, rt)]
            await rt.publish(ADA, idempotency_key="o")

            parts.start_host()
            replies = await asyncio.gather(*asking)

            assert replies == [Granted(player_id="ada", balance=1)] * 3
            await rt.close()
            await other.close()

    asyncio.run(main())


def test_a_request_that_timed_out_is_taken_up_again_under_its_key() -> None:
    async def main() -> None:
        async with inside(app, host=False) as parts:
            rt = parts.client()
            with pytest.raises(RequestTimeout, match="same idempotency_key"):
                await rt.request(ADA, Granted, timeout=0.1, idempotency_key="order-1")

            parts.start_host()
            reply = await rt.request(ADA, Granted, idempotency_key="order-1")

            assert reply == Granted(player_id="ada", balance=1)
            await rt.close()

    asyncio.run(main())


def test_a_request_made_again_after_a_restart_is_answered_as_at_first(tmp_path: Path) -> None:
    async def main() -> None:
        async with inside(app, tmp_path / "shop.db") as parts:
            rt = parts.client()
            first = await rt.request(ADA, Granted, idempotency_key="order-1")
            await parts.router.close()

            asking = [asyncio.create_task(rt.request(ADA, Granted, idempotency_key=f"order-{n}")) for n in (1, 2, 2)]
            await asyncio.sleep(0)
            await parts.start_router()
            replies = await asyncio.gather(*asking)

            second = Granted(player_id="ada", balance=2)
            assert replies == [first, second, second]
            await rt.close()

    asyncio.run(main())


def test_a_router_that_starts_again_is_waited_for(tmp_path: Path) -> None:
    async def main() -> None:
        async with inside(app, tmp_path / "shop.db") as parts:
            rt = parts.client()
            first = await rt.publish(ADA, idempotency_key="first")
            await rt.drain()
            await parts.router.close()

            waiting = [
                asyncio.create_task(rt.publish(ADA)),
                asyncio.create_task(rt.publish(ADA, idempotency_key="first")),
                asyncio.create_task(rt.request(ADA, Granted)),
                asyncio.create_task(rt.drain()),
                asyncio.create_task(rt.get(Wallet, "ada")),
            ]
            await asyncio.sleep(0)
            await parts.start_router()
            _, again, reply, _, wallet = await asyncio.gather(*waiting)

            assert again == first
            assert isinstance(reply, Granted)
            assert isinstance(wallet, Wallet)
            await rt.drain()
            found = await rt.get(Wallet, "ada")
            assert found is not None
            assert found.credits == 3
            await rt.close()

    asyncio.run(main())


def test_a_drain_without_patience_is_done_if_nothing_is_pending(tmp_path: Path) -> None:
    async def main() -> None:
        async with inside(app, tmp_path / "shop.db") as parts:
            rt = parts.client()

            await rt.drain(timeout=0)
            with pytest.raises(TrunklineError, match="timeout=-1 has no meaning"):
                await rt.drain(timeout=-1)

            await rt.close()

    asyncio.run(main())


def test_one_that_does_not_come_back_has_taken_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        async with inside(app, tmp_path / "shop.db") as parts:
            await parts.router.close()
            rt = parts.client()

            with pytest.raises(Overloaded, match="starting again, for the whole timeout"):
                await rt.publish(ADA, timeout=0.1)
            with pytest.raises(Unreachable, match=r"did not answer .status. within 0\.1 s"):
                await rt.status(timeout=0.1)
            with pytest.raises(DrainTimeout, match=r"after 0\.1 s the runtime does not answer"):
                await rt.drain(timeout=0.1)

            await parts.start_router()
            await rt.drain()
            assert await rt.get(Wallet, "ada") is None
            await rt.close()

    asyncio.run(main())


def test_a_key_that_is_being_written_is_known() -> None:
    async def main() -> None:
        async with inside(app) as parts:
            link = await parts.link()
            event = Encoder(app.catalogue, PARTITIONS).encode(ADA, "k")
            batch = encode(PublishBatch("test", (replace(event, seq=1),), True))

            taken, known = await asyncio.gather(
                link.ask("publish", batch), link.ask("has", key_digest("bought", "ada", "k"))
            )

            assert msgspec.msgpack.decode(taken, type=PublishReply).results[0][0] == Taken.NEW
            assert msgspec.msgpack.decode(known, type=bool)
            link.close()

    asyncio.run(main())


def test_a_full_disk_is_told_to_whoever_publishes_and_nothing_is_lost_or_stuck(disk: Disk) -> None:
    async def main() -> None:
        async with inside(app, disk.folder / "shop.db") as parts:
            rt = parts.client()
            await rt.publish(ADA, idempotency_key="before")
            await rt.drain()
            disk.fill()

            with pytest.raises(JournalFull) as raised:
                await rt.publish([Announced(text="x" * 100_000)] * 3)
            # While the router waits for room it is asked again, and says no again.
            late = [await rt.publish(Announced(text="y" * 100_000), wait=False) for _ in range(10)]
            outcomes = await asyncio.gather(*late, return_exceptions=True)
            held = await rt.get(Wallet, "ada")
            disk.make_room()
            await rt.publish(ADA, idempotency_key="after")
            await rt.drain()

            assert "make room on that disk" in raised.value.hint
            assert {type(outcome) for outcome in outcomes} == {JournalFull}
            assert held is not None
            assert held.credits == 1
            wallet = await rt.get(Wallet, "ada")
            assert wallet is not None
            assert wallet.credits == 2
            await rt.close()

    asyncio.run(main())


def test_what_was_handed_in_without_waiting_is_told_that_the_client_closed() -> None:
    async def main() -> None:
        async with inside(app, host=False, limits=FULL) as parts:
            rt = parts.client()
            await rt.publish([ADA] * 11)
            late = await rt.publish(ADA, wait=False)

            await rt.leave(patience=0.1)

            with pytest.raises(NotRunning):
                await late
            with pytest.raises(NotRunning):
                await rt.publish(ADA)

    asyncio.run(main())


def test_a_batch_with_a_wrong_key_in_it_is_taken_but_for_that_one() -> None:
    async def main() -> None:
        async with inside(app) as parts:
            rt = parts.client()
            await rt.publish(ADA, idempotency_key="k")

            others = [await rt.publish(ADA, wait=False) for _ in range(5)]
            wrong = await rt.publish(Bought(player_id="ada", credits=2), idempotency_key="k", wait=False)
            others += [await rt.publish(ADA, wait=False) for _ in range(5)]

            assert len({await other for other in others}) == 10
            with pytest.raises(KeyReused):
                await wrong
            await rt.close()

    asyncio.run(main())
