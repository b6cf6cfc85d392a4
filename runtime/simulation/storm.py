"""The faults of a history, one after another, until the storm is over."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from runtime.core.supervisor import GATEWAYS, ROUTER
from runtime.simulation.process import Process

if TYPE_CHECKING:
    from runtime.simulation.world import World

SUPERVISORS_MAX = 3
"""That live at once: one that was stopped, its successor, and another."""

P = TypeVar("P", bound=Process)


class Storm:
    """Lets something go wrong every now and then."""

    def __init__(self, world: "World", until_us: int) -> None:
        self._world = world
        self._scheduler = world.scheduler
        self._until = until_us
        self._faults: dict[str, Callable[[], object]] = {
            "kill router": lambda: self._kill(world.routers),
            "stop router": lambda: self._stop(world.routers),
            "second router": lambda: world.make_child(ROUTER),
            "kill host": lambda: self._kill(self._hosts()),
            "stop host": lambda: self._stop(self._hosts()),
            "kill gateways": lambda: self._kill(self._gateways()),
            "stop gateways": lambda: self._stop(self._gateways()),
            "kill supervisor": self._kill_supervisor,
            "stop supervisor": lambda: self._stop(world.supervisors),
            "second supervisor": self._second_supervisor,
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
            if process not in self._world.children or self._scheduler.chance(0.7):
                self._scheduler.after(self._scheduler.between(1_000, 500_000), process.wake)

    def _hosts(self) -> list[Process]:
        return [child for name, child in self._world.children.items() if name not in (ROUTER, GATEWAYS)]

    def _gateways(self) -> list[Process]:
        return [child for name, child in self._world.children.items() if name == GATEWAYS]

    def _kill_supervisor(self) -> None:
        """Ray starts it again; it finds its children."""
        supervisor = self._pick(self._world.supervisors)
        if supervisor is not None:
            supervisor.kill()
            delay = self._scheduler.between(1, 2 * self._world.profile.restart_us)
            self._scheduler.after(delay, self._world.start_supervisor)

    def _second_supervisor(self) -> None:
        if sum(supervisor.alive for supervisor in self._world.supervisors) < SUPERVISORS_MAX:
            self._world.start_supervisor()

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
