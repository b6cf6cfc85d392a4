"""What a client of another node relies on, whatever Ray does with its calls."""

import asyncio
from collections.abc import Awaitable

import pytest
import ray.exceptions

from runtime import KeyReused
from runtime.shells.link import LinkLost, RayLink


class Router:
    """A router's actor as a client of another node has it: each call is answered when the test says so."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, bytes]] = []
        self.answers: list[asyncio.Future[bytes]] = []
        self.ask = self

    def remote(self, op: str, payload: bytes) -> Awaitable[bytes]:
        self.calls.append((op, payload))
        self.answers.append(asyncio.get_running_loop().create_future())
        return self.answers[-1]


def test_the_next_batch_goes_when_the_one_before_is_answered_and_questions_pass_it() -> None:
    async def main() -> None:
        router = Router()
        link = RayLink(router)
        asked = [asyncio.create_task(link.ask("publish", payload)) for payload in (b"1", b"2")]
        asked.append(asyncio.create_task(link.ask("status")))
        await asyncio.sleep(0)
        first = list(router.calls)

        router.answers[0].set_result(b"one")
        await asked[0]
        await asyncio.sleep(0)

        assert first == [("publish", b"1"), ("status", b"")]
        assert router.calls[2:] == [("publish", b"2")]
        for task in asked[1:]:
            task.cancel()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("cause", "raised"),
    [
        (KeyReused("used", hint="another."), KeyReused),
        (ConnectionResetError("the router starts again"), LinkLost),
    ],
)
def test_what_the_router_raised_is_raised_here_as_it_was(cause: Exception, raised: type[Exception]) -> None:
    async def main() -> None:
        router = Router()
        asked = asyncio.create_task(RayLink(router).ask("publish"))
        await asyncio.sleep(0)
        failed = ray.exceptions.RayTaskError("ask", "Traceback of another process", cause)
        router.answers[0].set_exception(failed.as_instanceof_cause())

        with pytest.raises(raised) as caught:
            await asked

        assert type(caught.value) is raised
        if raised is KeyReused:
            assert str(caught.value) == str(cause)

    asyncio.run(main())
