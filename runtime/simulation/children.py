"""The processes that supervisors start, as Ray keeps them: by name, one a name, until it is dead or taken for dead."""

from functools import partial

from runtime.simulation.process import Process


class Children:
    """Who goes by which name now."""

    def __init__(self) -> None:
        self._by_name: dict[str, Process] = {}

    def add(self, name: str, process: Process) -> None:
        """It takes the name, also from one that lives."""
        self._by_name[name] = process
        process.watch(partial(self._ended, name, process))

    def _ended(self, name: str, process: Process) -> None:
        if self._by_name.get(name) is process:
            del self._by_name[name]

    def get(self, name: str) -> Process | None:
        return self._by_name.get(name)

    def items(self) -> list[tuple[str, Process]]:
        return list(self._by_name.items())

    def __contains__(self, process: Process) -> bool:
        """Does it go by its name still? One that does not has a successor, or will have one."""
        return process in self._by_name.values()


__all__ = ["Children"]
