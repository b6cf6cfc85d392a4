"""An app that is ended in the middle of its work: nothing of that is held against its events."""

import asyncio
from pathlib import Path

from runtime.core.cell import SPARE
from runtime.shells.link import BlockingLink, Hello, Kind, LinkLost, Peer
from tests.runtime.cluster.store import Bought, Wallet, app

from .inside import TOKEN, Inside, inside


def until_it_is_lost(link: BlockingLink) -> list[int]:
    """What a host hears as long as there is a router."""
    heard = []
    while True:
        try:
            kind, _, _ = link.receive()
        except LinkLost:
            return heard
        heard.append(kind)


def told_of_losses(parts: Inside) -> asyncio.Event:
    """Set when the router has noticed that somebody is gone."""
    noticed = asyncio.Event()
    lost = parts.router.lost

    def hear(peer: Peer) -> None:
        lost(peer)
        noticed.set()

    parts.router.lost = hear  # type: ignore[method-assign]
    return noticed


def test_a_host_that_is_ended_with_its_app_puts_nothing_under_suspicion(tmp_path: Path) -> None:
    async def main() -> None:
        async with inside(app, tmp_path / "store.db", host=False) as parts:
            rt = parts.client()
            host, spare = (BlockingLink(parts.socket, Hello("host", name, TOKEN)) for name in ("host-0", SPARE))
            spared = asyncio.create_task(asyncio.to_thread(until_it_is_lost, spare))
            await rt.publish(Bought(player_id="ada", credits=1))
            while (await asyncio.to_thread(host.receive))[0] != Kind.DELIVER:
                pass
            noticed = told_of_losses(parts)

            parts.router.app_ends()
            host.close()
            await noticed.wait()
            await rt.status()
            await parts.router.close()
            heard_by_the_spare = await spared
            await parts.start_router()
            parts.start_host()
            await rt.drain()

            assert Kind.DELIVER not in heard_by_the_spare
            assert await rt.dead_letters.list() == []
            wallet = await rt.get(Wallet, "ada")
            assert wallet is not None
            assert wallet.credits == 1
            await rt.close()

    asyncio.run(main())
