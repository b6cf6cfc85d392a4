"""The game for people: an app that runs until it is told to end, with telephones to go with it."""

import asyncio
import os
import signal
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import ray
from rich.console import Console

from actors import TrunklineError
from apps.prankcall.app import app
from apps.prankcall.telephony.network import Network
from apps.prankcall.telephony.simulator import SimulatedTelephony
from runtime import AsyncRuntime, Runtime
from runtime.shells.clock import RealClock

if TYPE_CHECKING:
    from apps.prankcall.telephony.twilio import TwilioTelephony


def serve(console: Console, *, journal: str | None, seed: int, host: str, port: int) -> None:
    """Run the app until it is interrupted, or terminated by SIGTERM.

    On Twilio, if the environment configures it, else on simulated telephones.

    Raises:
        TrunklineError: Twilio is configured in part, or the app can't be started.
    """
    telephony = _twilio()
    if telephony is None:
        asyncio.run(serve_simulated(console, journal, seed))
        return
    # FastAPI and Serve take a while to import, and only Twilio's callbacks need them.
    from apps.prankcall.web import served

    with Runtime.start(app.using(Telephony=telephony), journal=journal):
        # Ray, where it runs, takes SIGTERM for a crash: it prints stacks, and aborts this process three seconds later.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        with served(app.name, telephony, host, port) as url, suppress(KeyboardInterrupt):
            console.print(f"the game is open, on Twilio: real telephones ring; its reports are heard on {url}")
            threading.Event().wait()
    console.print("closed; the journal keeps everything")


def _twilio() -> "TwilioTelephony | None":
    try:
        from apps.prankcall.telephony.twilio import telephony_from_environment
    except ModuleNotFoundError as error:
        if not any(name.startswith("TWILIO_") for name in os.environ):
            return None
        raise TrunklineError(
            "Twilio is configured, and its package is not installed", hint="pip install 'trunkline[prankcall]'."
        ) from error
    return telephony_from_environment()


async def serve_simulated(console: Console, journal: str | None, seed: int) -> None:
    """Run the app on simulated telephones, as long."""
    clock = RealClock()
    played = app.using(Telephony=SimulatedTelephony(seed=seed))
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, ended.set)
    async with await AsyncRuntime.start(played, journal=journal, clock=clock) as rt:
        # As above.
        loop.add_signal_handler(signal.SIGTERM, ended.set)
        network = Network(rt, seed, clock)
        console.print("the game is open, and Ctrl-C closes it; no real telephone is called")
        console.print("in another terminal: prankcall buy, consent, call, board")
        address = ray.get_runtime_context().gcs_address
        console.print(f"(where several Ray clusters run: with RAY_AUTH_MODE=token and --address {address})")
        async with asyncio.TaskGroup() as tasks:
            open_for = [tasks.create_task(network.run()), tasks.create_task(_listen(rt, network))]
            await ended.wait()
            for task in open_for:
                task.cancel()
    console.print("closed; the journal keeps everything")


async def _listen(rt: AsyncRuntime, network: Network) -> None:
    async for recorded in rt.tail(follow=True):
        network.hear(recorded)
