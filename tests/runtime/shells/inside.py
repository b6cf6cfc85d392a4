"""An app's router, host and gateways in this process, linked as they are on Ray, without Ray."""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from ray import cloudpickle

from actors import App
from runtime import AsyncRuntime
from runtime.core.limits import Limits
from runtime.core.plan import cell_plan
from runtime.core.supervisor import SupervisorCore
from runtime.line import Link
from runtime.shells.clock import Clock, RealClock
from runtime.shells.gateways import GatewaysShell
from runtime.shells.heart import Heart
from runtime.shells.host import HostShell
from runtime.shells.link import ClientLink, Hello, Peer
from runtime.shells.router import RouterConfig, RouterShell

PARTITIONS = 4
TOKEN = "token"


class _Router(RouterShell):
    """One whose end breaks all its links, as the end of its process would."""

    def __init__(self, config: RouterConfig) -> None:
        super().__init__(config)
        self.peers: list[Peer] = []

    def connected(self, peer: Peer) -> None:
        self.peers.append(peer)
        super().connected(peer)

    async def close(self) -> None:
        if self.ended.done():
            return
        await super().close()
        for peer in self.peers:
            peer.close()


class Inside:
    """Its parts. A router that is closed can be followed by another; clients and host find it."""

    def __init__(self, app: App, folder: Path, journal: str, limits: Limits, clock: Clock) -> None:
        self.app = app
        self._code: bytes = cloudpickle.dumps(app)  # type: ignore[no-untyped-call]
        self._schema = app.catalogue.schema_hash
        self.socket = str(folder / "router.sock")
        plan = cell_plan(app, PARTITIONS)
        self._config = RouterConfig(app.name, journal, self._schema, plan, limits, clock, self.socket, TOKEN, 10.0)
        self.router: _Router
        self.host: HostShell | None = None
        self.gateways: GatewaysShell | None = None

    async def start_router(self) -> None:
        """The first, or the next."""
        self.router = _Router(self._config)
        await self.router.start()

    def start_host(self) -> None:
        self.host = HostShell("host-0", self._code, self._schema, PARTITIONS, self.socket, TOKEN)

    async def start_gateways(self) -> None:
        self.gateways = GatewaysShell(self._code, self._schema, PARTITIONS, self.socket, TOKEN, self._config.clock)
        await self.gateways.start()

    def heart(self) -> Heart:
        """A supervisor's heart: it beats while its `run` runs."""
        core = SupervisorCore((), self.app.schedules)
        return Heart(self.app, self._config, core, lambda *heard: None)

    async def link(self, on_lost: Callable[[], None] = lambda: None) -> Link:
        """A client's link."""
        return await ClientLink.connect(self.socket, Hello("client", "test", TOKEN), None, on_lost)

    def client(self) -> AsyncRuntime:
        """A client of its own."""
        return AsyncRuntime(self.app, PARTITIONS, self.link)


@asynccontextmanager
async def inside(
    app: App,
    journal: os.PathLike[str] | str = "memory://",
    *,
    host: bool = True,
    gateways: bool = True,
    limits: Limits | None = None,
    clock: Clock | None = None,
) -> AsyncIterator[Inside]:
    """All of it, begun and ended. Without host or gateways what is for them waits."""
    # A socket's path is short, and a test's own folder may not be.
    with TemporaryDirectory(prefix="inside-") as folder:
        parts = Inside(app, Path(folder), os.fspath(journal), limits or Limits(), clock or RealClock())
        await parts.start_router()
        if host:
            parts.start_host()
        if gateways and app.catalogue.gateways:
            await parts.start_gateways()
        try:
            yield parts
        finally:
            if parts.host is not None:
                parts.host.stop()
            if parts.gateways is not None:
                await parts.gateways.close()
            await parts.router.close()
