"""How requests of Twilio's SDK go out: without blocking the event loop, and saying when an answer was lost.

The SDK's own asynchronous client has no time limit, logs the numbers it calls, and can talk to one host only.
"""

import json
from base64 import b64encode
from logging import getLogger
from urllib.parse import urlencode, urlsplit

import aiohttp
from twilio.http import AsyncHttpClient
from twilio.http.response import Response
from yarl import URL

CONNECT_WITHIN = 5.0
"""Seconds."""


class AnswerLost(Exception):
    """The request was sent, and no answer came that could be read."""


class TwilioHttp(AsyncHttpClient):
    """To be given to `Client(http_client=...)`. Belongs to the event loop that it was made in.

    Args:
        api_url: scheme and host that requests go to, instead of those that the SDK says.
        answer_within: seconds after which an answer counts as lost.

    Raises, besides what the SDK makes of answers:
        AnswerLost: see there.
        aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError: there was no connection, so nothing was sent.
    """

    def __init__(self, api_url: str, answer_within: float) -> None:
        super().__init__(getLogger(__name__), True, answer_within)
        self._to = urlsplit(api_url)
        self._session = aiohttp.ClientSession(
            # A connection that was kept, and that Twilio has just closed, would make the next call's outcome unknown.
            connector=aiohttp.TCPConnector(force_close=True),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_WITHIN, sock_read=answer_within),
        )

    async def request(  # type: ignore[override]  # So it is in the SDK, between its own classes.
        self,
        method: str,
        url: str,
        params: dict[str, object] | None = None,
        data: dict[str, object] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        allow_redirects: bool = False,
    ) -> Response:
        asked = urlsplit(url)
        query = "&".join(part for part in (asked.query, urlencode(_said(params), doseq=True)) if part)
        url = asked._replace(scheme=self._to.scheme, netloc=self._to.netloc, query=query).geturl()
        try:
            async with self._session.request(
                method,
                URL(url, encoded=True),
                data=urlencode(_said(data), doseq=True).encode() if data is not None else None,
                headers=_authorized(headers or {}, auth),
                allow_redirects=allow_redirects,
            ) as answer:
                status, text = answer.status, await answer.text()
                fields = dict(answer.headers)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
            raise
        except (aiohttp.ClientError, TimeoutError) as error:
            raise AnswerLost(f"{type(error).__name__} after {method} {asked.path} was sent") from error
        if 200 <= status < 300:
            _must_be_json(text, f"{method} {asked.path}")
        return Response(status, text, fields)

    async def close(self) -> None:
        await self._session.close()


def _said(fields: dict[str, object] | None) -> dict[str, object]:
    return {name: value for name, value in (fields or {}).items() if value is not None}


def _authorized(headers: dict[str, str], auth: tuple[str, str] | None) -> dict[str, str]:
    if auth is None:
        return headers
    return headers | {"Authorization": "Basic " + b64encode(":".join(auth).encode()).decode()}


def _must_be_json(text: str, what: str) -> None:
    """What was done, and can't be read, must not look like a failure."""
    try:
        json.loads(text)
    except ValueError as error:
        raise AnswerLost(f"the answer to {what} is no JSON") from error
