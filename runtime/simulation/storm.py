"""The faults of a history, one after another, until the storm is over."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from runtime.simulation.process import Process

if TYPE_CHECKING:
    from runtime.simulation.world import World

P = TypeVar("P", bound=Process)


class Storm:
    """Lets something go wrong every now and then."""

    def __init__(self, world: "World", until_us: int) -> None:
        self._world = world
        self._scheduler = world.scheduler
        self._until = until_us
        self._faults: dict[str, Callable[[], None]] = {
            "kill router": lambda: self._kill(world.routers),
            "stop router": lambda: self._stop(world.routers),
            "second router": world.start_router,
            "kill host": lambda: self._kill(list(world.hosts.values())),
            "stop host": lambda: self._stop(list(world.hosts.values())),
            "kill gateways": lambda: self._kill([world.gateways]),
            "stop gateways": lambda: self._stop([world.gateways]),
            "kill supervisor": lambda: self._kill(world.supervisors),
            "stop supervisor": lambda: self._stop(world.supervisors),
            "second supervisor": world.start_supervisor,
            "kill client": self._kill_client,
            "cut link": self._cut,
            "clock jump": self._jump,
            "operator": lambda: world.operator.decide(some=True),
            "close router": self._close,
            "full disk": self._fill,
            "sleep": lambda: world.sleep(self._scheduler.between(1_000, world.profile.sleep_us)),
        }
        self._plan()

    def _plan(self) -> None:
        if self._world.profile.faults:
            self._scheduler.after(self._scheduler.between(1, 2 * self._world.profile.fault_every_us), self._strike)

    def _strike(self) -> None:
        if self._scheduler.awake >= self._until:
            return
        self._faults[self._scheduler.random.choice(self._world.profile.faults)]()
        self._plan()

    def _pick(self, among: list[P]) -> P | None:
        living = [process for process in among if process.alive]
        return self._scheduler.random.choice(living) if living else None

    def _kill(self, among: list[P]) -> None:
        process = self._pick(among)
        if process is not None:
            process.kill()

    def _stop(self, among: list[P]) -> None:
        process = self._pick(among)
        if process is not None:
            process.stop()
            self._scheduler.after(self._scheduler.between(1_000, 500_000), process.wake)

    def _kill_client(self) -> None:
        client = self._pick(self._world.clients)
        if client is not None:
            client.kill()
            self._world.succeed(client)

    def _close(self) -> None:
        router = self._pick(self._world.routers)
        if router is not None:
            router.close()

    def _fill(self) -> None:
        world = self._world
        self._scheduler.note("the disk is full")
        world.full = True

        def free() -> None:
            world.full = False

        self._scheduler.after(self._scheduler.between(1_000, 200_000), free)

    def _cut(self) -> None:
        links = [link for process in self._world.processes() if process.alive for link in process.links if link.up]
        if links:
            self._scheduler.note("cut a link")
            self._scheduler.random.choice(links).cut()

    def _jump(self) -> None:
        process = self._pick(self._world.processes())
        if process is not None:
            process.skew_us = self._scheduler.between(-300_000, 300_000)
            self._scheduler.note(f"{process.name} is off by {process.skew_us}")
