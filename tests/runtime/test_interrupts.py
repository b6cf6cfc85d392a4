"""Ctrl-C while something begins or ends. The signal is a real one, sent to this process."""

import asyncio
import signal
import threading
from collections.abc import Iterator

import pytest

from runtime import interrupts
from runtime.interrupts import held_back, once


def press() -> None:
    """Ctrl-C; its handler has run when this returns."""
    signal.raise_signal(signal.SIGINT)


@pytest.fixture(autouse=True)
def handled_as_before() -> Iterator[None]:
    # A process that was started in the background may have been told to ignore it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.signal(signal.SIGINT, before) is signal.default_int_handler


def test_it_takes_effect_at_the_end(capfd: pytest.CaptureFixture[str]) -> None:
    done = []

    def block() -> None:
        with held_back("it ends soon"):
            press()
            done.append("to the end")
            press()
            done.append("also when pressed again")

    with pytest.raises(KeyboardInterrupt):
        block()

    assert len(done) == 2
    assert capfd.readouterr().err.count("it ends soon") == 1


def test_without_it_nothing_happens() -> None:
    with held_back(), once():
        pass


def test_after_a_while_another_takes_effect_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interrupts, "PATIENCE", 0.0)

    with held_back():
        press()
        with pytest.raises(KeyboardInterrupt):
            press()


def test_an_error_goes_before() -> None:
    def block() -> None:
        with held_back():
            press()
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        block()


def test_the_first_takes_effect_and_no_other() -> None:
    with once():
        with pytest.raises(KeyboardInterrupt):
            press()
        press()


def test_what_is_held_back_is_the_first() -> None:
    with once():
        with pytest.raises(KeyboardInterrupt), held_back():
            press()
        press()


def test_in_another_thread_nothing_is_done() -> None:
    handlers = []

    def block() -> None:
        with held_back(), once():
            handlers.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=block)
    thread.start()
    thread.join()

    assert handlers == [signal.getsignal(signal.SIGINT)]


def test_blocks_of_coroutines_end_in_any_order() -> None:
    async def main() -> None:
        entered, both, one_left = asyncio.Event(), asyncio.Event(), asyncio.Event()

        async def first() -> None:
            with held_back():
                entered.set()
                await both.wait()
            one_left.set()

        async def second() -> None:
            await entered.wait()
            with held_back():
                both.set()
                await one_left.wait()
                press()

        await asyncio.gather(first(), second())

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(main())

    with pytest.raises(KeyboardInterrupt):
        press()
