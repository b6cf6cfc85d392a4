"""What the commands of a terminal say when a running game does not answer as it should."""

import io
from typing import Any

import pytest
from rich.console import Console

from actors import TrunklineError
from apps.prankcall.commands import Terminal
from runtime import RequestTimeout


class Silent:
    """A running game that takes what is asked for, and does not answer in time."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    def __enter__(self) -> "Silent":
        return self

    def __exit__(self, *_: object) -> None: ...

    def request(self, *_: object, idempotency_key: str) -> None:
        self.keys.append(idempotency_key)
        raise RequestTimeout("nothing came of it", hint="it may still come.")


def test_who_hears_nothing_of_an_order_or_a_call_is_told_how_to_ask_for_the_same_again() -> None:
    game: Any = Silent()
    terminal = Terminal(Console(file=io.StringIO()), None, False)
    terminal._attached = lambda: game  # type: ignore[method-assign]

    with pytest.raises(TrunklineError) as bought:
        terminal.buy("ada", 10, None)
    with pytest.raises(TrunklineError) as called:
        terminal.call("ada", "grace", "fish", None)

    order, call = game.keys
    assert f"--order {order}" in bought.value.hint
    assert f"--call-id {call}" in called.value.hint
