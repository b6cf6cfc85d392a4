"""What Twilio reports comes in over HTTP, and becomes origin events.

A report is believed if it is signed with the account's token. It may come late, again, or before an earlier one: its
key is made of what it says, its time is its own, and a call concludes from the facts alone.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from logging import getLogger
from typing import Any, Literal, Protocol, TypeVar, cast
from urllib.parse import parse_qsl

from fastapi import FastAPI, Request, Response
from starlette.datastructures import ImmutableMultiDict
from twilio.request_validator import RequestValidator

from actors import Event, TrunklineError
from actors.errors import BadKey, EventRejected
from apps.prankcall.call import Call
from apps.prankcall.events import AnsweredCall, CompletedCall, RingingCall, UnansweredCall
from apps.prankcall.telephony.twilio import OVERRIDES, STATUS_PATH, TwilioTelephony, auth_token
from runtime import AsyncRuntime, KeyReused, NotRunning, Runtime

A = TypeVar("A")
log = getLogger(__name__)
BODY_MAX = 64 * 1024
"""Bytes. Twilio's reports have about one thousand."""
TAKEN, FORBIDDEN, TOO_LARGE, LATER = 204, 403, 413, 503
UNANSWERED = ("busy", "no-answer", "failed", "canceled")
UNTOLD = ("queued", "initiated")
"""Statuses of which the game makes nothing."""


class Publish(Protocol):
    """`AsyncRuntime.publish`, as far as reports need it."""

    def __call__(self, event: Event, *, idempotency_key: str, time: datetime) -> Awaitable[object]: ...


class BadReport(Exception):
    """A report that is Twilio's, and says nothing that the game understands."""


def callbacks(
    telephony: TwilioTelephony,
    publish: Publish,
    knows: Callable[[str], Awaitable[bool]],
    lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]] | None = None,
) -> FastAPI:
    """The web app that Twilio calls back.

    Answers 204 to what is taken, was taken before, or is of no use; 403 to what Twilio has not signed; 503 where the
    game can't take it now, so that Twilio says it again.

    Args:
        knows: is there such a call?

    Raises:
        TrunklineError: this process does not have Twilio's token.
    """
    web = FastAPI(title="prankcall", lifespan=lifespan, openapi_url=None)
    validator = RequestValidator(auth_token())

    @web.post(STATUS_PATH, status_code=TAKEN)
    async def status(request: Request) -> Response:
        body = await _body(request)
        if body is None:
            return Response(status_code=TOO_LARGE)
        query = request.scope["query_string"].decode("latin-1")
        fields = _signed(validator, f"{telephony.callback_url}{STATUS_PATH}?{query}", body, request)
        if fields is None:
            log.warning("a report that Twilio has not signed was turned away")
            return Response(status_code=FORBIDDEN)
        call_id = request.query_params.get("call_id", "")
        try:
            report = event_of(call_id, fields)
            if report is None:
                return Response(status_code=TAKEN)
            if not call_id or not await knows(call_id):
                raise BadReport(f"there is no call {call_id!r}")
            await publish(report, idempotency_key=key_of(fields), time=time_of(fields))
        except (BadReport, BadKey, EventRejected, KeyReused) as error:
            log.warning("a report on call %r was of no use: %s", call_id, error)
        except TrunklineError as error:
            log.error("a report on call %r can't be taken now: %s", call_id, error)
            return Response(status_code=LATER)
        return Response(status_code=TAKEN)

    return web


def event_of(call_id: str, fields: dict[str, str]) -> Event | None:
    """What a report says has happened; None where that is nothing to the game.

    Raises:
        BadReport: it can't be understood.
    """
    provider_id, status = fields.get("CallSid", ""), fields.get("CallStatus", "")
    if not provider_id:
        raise BadReport("it names no call of Twilio's")
    if status in UNTOLD:
        return None
    if status == "ringing":
        return RingingCall(call_id=call_id, provider_id=provider_id)
    if status == "in-progress":
        return AnsweredCall(call_id=call_id, provider_id=provider_id)
    if status == "completed":
        lasted = fields.get("CallDuration", "")
        seconds = int(lasted) if lasted.isdecimal() else None
        return CompletedCall(call_id=call_id, provider_id=provider_id, seconds=seconds)
    if status in UNANSWERED:
        reason = cast(Literal["busy", "no-answer", "failed", "canceled"], status)
        return UnansweredCall(call_id=call_id, provider_id=provider_id, reason=reason)
    raise BadReport(f"nothing is known of status {status!r}")


def key_of(fields: dict[str, str]) -> str:
    """The same for the same report, however often it comes."""
    return "-".join(fields.get(name, "") for name in ("CallSid", "CallStatus", "SequenceNumber"))


def time_of(fields: dict[str, str]) -> datetime:
    """When it happened, as Twilio says. Points are counted by it.

    Raises:
        BadReport: it does not say.
    """
    said = fields.get("Timestamp", "")
    try:
        at = parsedate_to_datetime(said)
    except ValueError:
        raise BadReport(f"its Timestamp is {said!r}") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


async def _body(request: Request) -> bytes | None:
    """None if it is too large to be a report."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_MAX:
            return None
    return body


def _signed(validator: RequestValidator, url: str, body: bytes, request: Request) -> dict[str, str] | None:
    """The fields of a report that Twilio has signed; None if it has not.

    The URL is the one that Twilio was given: what it is by the time it comes here depends on who stands in between.
    """
    try:
        fields = parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=200)
        signature = request.headers["X-Twilio-Signature"]
        # Twilio does not say whether the overrides, which it does not send, are signed.
        if any(validator.validate(signed, ImmutableMultiDict(fields), signature) for signed in (url, url + OVERRIDES)):
            return dict(fields)
    except Exception as error:
        # Whatever makes the validator raise is not Twilio's.
        log.info("the signature of a report can't be checked: %s", type(error).__name__)
    return None


# ---------------------------------------------------------------- on Ray Serve


class Attached:
    """A running app, as the web app sees it: joined again where it has ended and was started anew."""

    def __init__(self, app_name: str) -> None:
        self._app_name = app_name
        self._rt: AsyncRuntime | None = None
        self._joining = asyncio.Lock()

    async def knows(self, call_id: str) -> bool:
        return await self._ask(lambda rt: rt.get(Call, call_id)) is not None

    async def publish(self, event: Event, *, idempotency_key: str, time: datetime) -> object:
        return await self._ask(lambda rt: rt.publish(event, idempotency_key=idempotency_key, time=time, timeout=10))

    async def join(self) -> AsyncRuntime:
        """Raises NotRunning: there is no such app at the moment."""
        async with self._joining:
            if self._rt is None:
                self._rt = await AsyncRuntime.attach(self._app_name)
            return self._rt

    async def leave(self) -> None:
        async with self._joining:
            if self._rt is not None:
                await self._rt.close()
                self._rt = None

    async def _ask(self, ask: Callable[[AsyncRuntime], Awaitable[A]]) -> A:
        rt = await self.join()
        try:
            return await ask(rt)
        except NotRunning:
            if rt is self._rt:
                await self.leave()
            return await ask(await self.join())


def attached(app_name: str, telephony: TwilioTelephony) -> FastAPI:
    """The web app in front of a running app."""
    running = Attached(app_name)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await running.join()
        yield
        await running.leave()

    return callbacks(telephony, running.publish, running.knows, lifespan)


@contextmanager
def served(app_name: str, telephony: TwilioTelephony, host: str = "127.0.0.1", port: int = 8000) -> Iterator[str]:
    """Take Twilio's callbacks for a running app, on Ray Serve; its URL. Ends what it has started.

    Raises:
        NotRunning: there is no such app.
    """
    import ray
    from ray import serve as ray_serve

    # Says at once that the app does not run; Ray Serve would try again for minutes.
    Runtime.attach(app_name).close()
    try:
        ray.get_actor("SERVE_CONTROLLER_ACTOR", namespace="serve")
        first = False
    except ValueError:
        first = True
    name = f"{app_name}-callbacks"

    def build() -> FastAPI:
        return attached(app_name, telephony)

    ingress: Any = ray_serve.ingress(build)()
    deployment = ray_serve.deployment(name="Callbacks", ray_actor_options={"num_cpus": 0})(ingress)
    try:
        ray_serve.start(proxy_location="HeadOnly", http_options={"host": host, "port": port})
        ray_serve.run(deployment.bind(), name=name, route_prefix="/")
        yield f"http://{host}:{port}"
    finally:
        if first:
            ray_serve.shutdown()  # type: ignore[no-untyped-call]
        else:
            ray_serve.delete(name)
