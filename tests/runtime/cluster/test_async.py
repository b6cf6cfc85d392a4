"""`AsyncRuntime` on Ray: the same, for tasks, and never in the way of their loop."""

import asyncio
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from actors import App
from runtime import AsyncRuntime, KeyReused, NotRunning, RequestTimeout, Runtime

from .store import Board, Bought, Granted, Noticed, Printed, Receipts, Table, Wallet, app


class Loop:
    """One event loop for all tests of a module; each is a coroutine of it."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self.rt: AsyncRuntime
        self.turns = 0
        """How often the loop went round while the app was started."""

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return self._runner.run(coroutine)

    async def start(self, journal: Path) -> None:
        async def count() -> None:
            while True:
                self.turns += 1
                await asyncio.sleep(0.001)

        counting = asyncio.create_task(count())
        self.rt = await AsyncRuntime.start(app, journal=journal)
        counting.cancel()

    def close(self) -> None:
        self.run(self.rt.close())
        self._runner.close()


@pytest.fixture(scope="module")
def loop(ray_cluster: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loop]:
    loop = Loop()
    loop.run(loop.start(tmp_path_factory.mktemp("journal") / "store.db"))
    yield loop
    loop.close()


def test_the_loop_goes_round_while_an_app_starts(loop: Loop) -> None:
    assert loop.turns > 10


def test_a_start_that_nobody_waits_for_any_more_leaves_nothing(loop: Loop, tmp_path: Path) -> None:
    async def test() -> None:
        given_up = asyncio.create_task(AsyncRuntime.start(App("given-up", Wallet), journal=tmp_path / "given-up.db"))
        await asyncio.sleep(0)
        given_up.cancel()
        with pytest.raises(asyncio.CancelledError):
            await given_up

        async with await AsyncRuntime.start(App("given-up", Wallet), journal=tmp_path / "given-up.db") as rt:
            await rt.publish(Bought(player_id="ada"))

    loop.run(test())


def test_tasks_publish_together_and_each_gets_its_id(loop: Loop) -> None:
    async def test(rt: AsyncRuntime) -> None:
        ids = await asyncio.gather(*(rt.publish(Bought(player_id=f"task-{n % 3}")) for n in range(2_000)))
        many = await rt.publish(Bought(player_id="task-0") for _ in range(3_000))
        future = await rt.publish(Bought(player_id="task-0"), wait=False)
        futures = await rt.publish([Bought(player_id="task-0")] * 2, wait=False)
        ids += [*many, await future, *await futures]
        await rt.drain()

        wallets = [await rt.get(Wallet, f"task-{n}") for n in range(3)]
        assert len(set(ids)) == 5_003
        assert [wallet.credits for wallet in wallets if wallet] == [3_670, 667, 666]

    loop.run(test(loop.rt))


def test_keys_are_the_same_for_tasks(loop: Loop) -> None:
    async def test(rt: AsyncRuntime) -> None:
        event = Bought(player_id="key")
        ids = await asyncio.gather(*(rt.publish(event, idempotency_key="k") for _ in range(50)))
        with pytest.raises(KeyReused):
            await rt.publish(Bought(player_id="key", credits=2), idempotency_key="k")

        assert len(set(ids)) == 1
        assert await rt.has(Bought, "k", "key")

    loop.run(test(loop.rt))


def test_tasks_ask_wait_and_look(loop: Loop) -> None:
    async def test(rt: AsyncRuntime) -> None:
        replies = await asyncio.gather(*(rt.request(Bought(player_id=f"ask-{n}"), Granted) for n in range(50)))
        with pytest.raises(RequestTimeout):
            await rt.request(Noticed(text="no reply"), Printed, timeout=0.2)
        id = await rt.publish(Bought(player_id="look"))
        await rt.drain(timeout=60)

        assert replies == [Granted(player_id=f"ask-{n}", balance=1) for n in range(50)]
        assert [r.type for r in await rt.chain(id)] == ["bought", "granted", "printed"]
        assert [r.event async for r in rt.tail(Noticed)] == [Noticed(text="no reply")]
        assert {f"ask-{n}" for n in range(50)} <= {id async for id in rt.instances(Receipts)}
        assert [id async for id in rt.instances(Table)] == []
        assert await rt.get(Board) == Board(texts=["no reply"])
        assert await rt.dead_letters.list() == []
        assert set(await rt.processes()) >= {"store:Supervisor", "store:Router", "store:host-0"}
        assert (await rt.status())["pending"] == 0

    loop.run(test(loop.rt))


def test_a_task_that_is_cancelled_leaves_the_others_alone(loop: Loop) -> None:
    async def test(rt: AsyncRuntime) -> None:
        async def follow() -> None:
            async for _ in rt.tail(Noticed, follow=True):
                seen.set()

        seen = asyncio.Event()
        tasks = [
            asyncio.create_task(follow()),
            asyncio.create_task(rt.request(Noticed(text="unheard"), Printed)),
            asyncio.create_task(rt.publish(Bought(player_id="cancelled") for _ in range(5_000))),
        ]
        await seen.wait()
        for task in tasks:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)

        assert isinstance(await rt.request(Bought(player_id="after"), Granted), Granted)
        assert all(isinstance(outcome, asyncio.CancelledError | list) for outcome in outcomes)
        await rt.drain()

    loop.run(test(loop.rt))


def test_a_blocking_client_in_a_thread_and_one_of_tasks_share_an_app(loop: Loop) -> None:
    def elsewhere() -> int:
        with Runtime.attach(app) as other:
            other.publish(Bought(player_id="both", credits=5))
            other.drain()
            wallet = other.get(Wallet, "both")
            assert wallet is not None
            return wallet.credits

    async def test(rt: AsyncRuntime) -> None:
        await rt.publish(Bought(player_id="both", credits=1))
        found = await asyncio.to_thread(elsewhere)
        async with await AsyncRuntime.attach("store") as third:
            wallet = await third.get(third.app.parts[0], "both")
            with pytest.raises(NotRunning):
                await _closed(third)

        assert found == 6
        assert wallet is not None
        assert wallet.credits == 6

    loop.run(test(loop.rt))


async def _closed(rt: AsyncRuntime) -> None:
    await rt.close()
    await rt.publish(Bought(player_id="both"))
