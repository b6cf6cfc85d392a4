"""Twilio, through its own SDK. Used only where the environment configures it.

TWILIO_ACCOUNT_SID      AC and 32 hexadecimal digits
TWILIO_AUTH_TOKEN       the account's; its callbacks are signed with it as well. Each process that uses it reads it for
                        itself: it does not travel with the app
TWILIO_FROM_NUMBER      the number that calls, as +15550100
PRANKCALL_CALLBACK_URL  where Twilio reaches `prankcall serve`, as https://example.org/prankcall
"""

import asyncio
import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, NoReturn
from urllib.parse import parse_qs, urlencode, urlsplit

from pydantic import AfterValidator, ConfigDict, Field, PrivateAttr, ValidationError
from twilio.base.exceptions import TwilioRestException, TwilioServiceException
from twilio.rest import Client
from twilio.rest.api.v2010.account.call import CallInstance
from twilio.twiml.voice_response import VoiceResponse

from actors import NotDone, TrunklineError, Unknown
from apps.prankcall.events import HangupDue, PlacedCall
from apps.prankcall.pranks import PRANKS, Prank
from apps.prankcall.telephony.port import Refused, Telephony
from apps.prankcall.telephony.twilio_http import AnswerLost, TwilioHttp

TOKEN = "TWILIO_AUTH_TOKEN"
STATUS_PATH = "/twilio/status"
"""Under the callback URL: where Twilio reports how a call goes on."""
OVERRIDES = "#rc=5&rp=ct,rt,5xx"
"""Twilio repeats a callback up to five times if it can't connect, hears nothing, or hears of an error."""
LOOKS = 3
"""Times that a call is looked for before it counts as not placed: what was just taken may not be listed yet."""
SKEW = timedelta(seconds=60)
"""By which Twilio's clock may be behind ours."""
LISTED_MAX = 200
NOT_FOUND = 404
TOO_MANY = 429
CALL_IS_OVER = 21220
"""Twilio's code for a call that can't be changed any longer."""


def _web_url(url: str) -> str:
    parts = urlsplit(url)
    _ = parts.port  # Raises if it is no number.
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("must be http(s)://host/path, without ? and #")
    return url.rstrip("/")


class TwilioError(TrunklineError):
    """Twilio answered with an error. `status` is HTTP's, `code` Twilio's own."""

    def __init__(self, message: str, status: int, code: int) -> None:
        self.status, self.code = status, code
        super().__init__(message, hint=f"see https://www.twilio.com/docs/api/errors/{code}")


class CannotTell(TrunklineError):
    """Several calls might be the one that is looked for."""


class TwilioTelephony(Telephony, concurrency=64, name="Telephony"):
    """The adapter."""

    model_config = ConfigDict(hide_input_in_errors=True)

    account_sid: Annotated[str, Field(pattern=r"^AC[0-9a-fA-F]{32}$")]
    from_number: Annotated[str, Field(pattern=r"^\+[1-9][0-9]{1,14}$")]
    callback_url: Annotated[str, AfterValidator(_web_url)]
    """Where Twilio reaches us from outside, whatever stands in between."""
    api_url: Annotated[str, AfterValidator(_web_url)] = "https://api.twilio.com"
    answer_within: float = 10.0
    """Seconds after which an answer counts as lost."""
    ring_seconds: int = 30
    settle: float = 2.0
    """Seconds between two looks for a call."""
    _http: TwilioHttp | None = PrivateAttr(None)
    _client: Client | None = PrivateAttr(None)

    async def open(self) -> None:
        token = auth_token()
        self._http = TwilioHttp(self.api_url, self.answer_within)
        self._client = Client(self.account_sid, token, http_client=self._http)

    async def close(self) -> None:
        if self._http is not None:
            await self._http.close()
            self._http = self._client = None

    async def place(self, call: PlacedCall, attempt_id: str) -> tuple[str, datetime]:
        prank = PRANKS.get(call.prank)
        if prank is None:
            raise Refused("no such prank")
        try:
            placed = await self._api.calls.create_async(
                to=call.friend,
                from_=self.from_number,
                twiml=twiml(prank),
                time_limit=call.limit_seconds,
                timeout=self.ring_seconds,
                status_callback=self.status_url(call.call_id, attempt_id) + OVERRIDES,
                status_callback_event=["initiated", "ringing", "answered", "completed"],
                status_callback_method="POST",
            )
        except AnswerLost as lost:
            raise Unknown(str(lost)) from lost
        except (TwilioRestException, TwilioServiceException) as error:
            _not_placed(_told(error))
        if not placed.sid:
            raise Unknown("Twilio's answer names no call")
        # Of a call that is queued Twilio does not say yet when it was made.
        return placed.sid, placed.date_created or datetime.now(UTC)

    async def find(self, call: PlacedCall, attempt_id: str) -> tuple[str, datetime]:
        for look in range(LOOKS):
            if look:
                await asyncio.sleep(self.settle)
            found = await self._listed(call, attempt_id)
            if found is not None:
                return str(found.sid), found.date_created or datetime.now(UTC)
        raise NotDone

    async def end(self, hangup: HangupDue) -> datetime:
        try:
            await self._api.calls(hangup.provider_id).update_async(status="completed")
        except AnswerLost as lost:
            raise Unknown(str(lost)) from lost
        except (TwilioRestException, TwilioServiceException) as error:
            told = _told(error)
            if told.status != NOT_FOUND and told.code != CALL_IS_OVER:
                raise told from None
        return datetime.now(UTC)

    def status_url(self, call_id: str, attempt_id: str) -> str:
        """Where Twilio reports on this attempt at this call."""
        return f"{self.callback_url}{STATUS_PATH}?{urlencode({'call_id': call_id, 'attempt': attempt_id})}"

    @property
    def _api(self) -> Client:
        assert self._client is not None, "a gateway is opened before its first call"
        return self._client

    async def _listed(self, call: PlacedCall, attempt_id: str) -> CallInstance | None:
        """The call of this attempt, among those from our number to the friend; None if there is none.

        A call as Twilio lists it says nothing of its callback URL. The requests that Twilio has made for it do; but
        they are listed for certain only some time after its end. A call without any may be ours: if it is the only one,
        it is.
        """
        silent = []
        since = self.event.time - SKEW
        for listed in await self._api.calls.list_async(
            to=call.friend, from_=self.from_number, limit=LISTED_MAX, page_size=50
        ):
            if listed.date_created is not None and listed.date_created < since:
                continue
            attempts = await self._attempts(listed)
            if attempt_id in attempts:
                return listed
            if not attempts:
                silent.append(listed)
        if len(silent) > 1:
            raise CannotTell(
                f"{len(silent)} calls were placed to the friend of call {call.call_id}, and Twilio does not say yet "
                "which of them this is",
                hint="none: it is asked again; at last the call counts as not placed, and its credits are released.",
            )
        return silent[0] if silent else None

    async def _attempts(self, call: CallInstance) -> set[str]:
        """The attempt ids in the callback URLs that Twilio has asked for a call."""
        events = await self._api.calls(str(call.sid)).events.list_async(limit=LISTED_MAX)
        urls = [str((event.request or {}).get("url", "")) for event in events]
        return {attempt for url in urls for attempt in parse_qs(urlsplit(url).query).get("attempt", [])}


def twiml(prank: Prank) -> str:
    """What Twilio is to say, in its markup."""
    response = VoiceResponse()
    for line in prank.lines[:-1]:
        response.say(line)
        response.pause(length=1)
    # Said for ever: the friend hangs up, or the limit does.
    response.say(prank.lines[-1], loop=0)
    return str(response)


def auth_token(environment: Mapping[str, str] = os.environ) -> str:
    """The account's token, in the process that uses it.

    Raises:
        TrunklineError: this process's environment does not have it.
    """
    token = environment.get(TOKEN)
    if not token:
        raise TrunklineError(
            f"{TOKEN} is not in the environment of process {os.getpid()}, which needs it to talk to Twilio",
            hint="it does not travel with the app: set it where Ray is started on this node, before `ray start`.",
        )
    return token


def telephony_from_environment(environment: Mapping[str, str] = os.environ) -> TwilioTelephony | None:
    """Twilio as the environment configures it, without the token; None if nothing of it is set.

    Raises:
        TrunklineError: something is missing, or can't be right. It names variables, never what is in them.
    """
    names = {
        "account_sid": "TWILIO_ACCOUNT_SID",
        "from_number": "TWILIO_FROM_NUMBER",
        "callback_url": "PRANKCALL_CALLBACK_URL",
    }
    found: dict[str, Any] = {field: environment[name] for field, name in names.items() if environment.get(name)}
    given = [*(names[field] for field in found), *([TOKEN] if environment.get(TOKEN) else [])]
    if not given:
        return None
    missing = [name for name in (*names.values(), TOKEN) if name not in given]
    if missing:
        raise TrunklineError(
            f"Twilio is configured in part: {', '.join(missing)} missing",
            hint=f"set what is missing; or unset {', '.join(given)}, to use the simulator.",
        )
    try:
        return TwilioTelephony(**found)
    except ValidationError as error:
        wrong = "; ".join(f"{names[str(each['loc'][0])]}: {each['msg']}" for each in error.errors(include_input=False))
        raise TrunklineError(
            f"Twilio's configuration can't be right: {wrong}", hint="set it as Twilio's console shows it."
        ) from None


def _told(error: TwilioRestException | TwilioServiceException) -> TwilioError:
    """The SDK's error in our words: it names the account in its URI, and is coloured on a terminal."""
    said = error.msg if isinstance(error, TwilioRestException) else error.title
    code = int(error.code or 0)
    return TwilioError(f"Twilio answered {error.status}, error {code}: {said}", int(error.status), code)


def _not_placed(error: TwilioError) -> NoReturn:
    """Was the call refused, was it not taken, or is that not known?"""
    if error.status == TOO_MANY:
        raise error
    if 400 <= error.status < 500:
        raise Refused(f"refused by Twilio: error {error.code}") from error
    # Whoever sent this does not know what those behind it have done: look, before a friend is called twice.
    raise Unknown(error.message) from error
