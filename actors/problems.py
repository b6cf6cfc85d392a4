"""The mistakes found in an app's wiring, gathered until all are known."""

from actors.errors import WiringProblem


class Problems(list[WiringProblem]):
    """Every mistake that was found, in the order in which it was."""

    def add(self, kind: str, message: str, *places: str, hint: str) -> None:
        """`places` are file:line of each class and handler concerned."""
        self.append(WiringProblem(kind, message, places, hint=hint))
