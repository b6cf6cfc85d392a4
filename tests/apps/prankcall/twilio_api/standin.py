"""A small stand-in for Twilio: an HTTP server on loopback that takes calls, and reports on them by signed callbacks."""

import json
import threading
from base64 import b64encode
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.error import HTTPError
from urllib.parse import parse_qs, urldefrag, urlencode, urlsplit
from urllib.request import Request, urlopen

from twilio.request_validator import RequestValidator

from tests.apps.prankcall.twilio_api.contract import Broken, check_answer, check_request

SID = "AC" + "0" * 31 + "1"
TOKEN = "a-token-that-nobody-may-see"
OVER = {"completed", "busy", "failed", "no-answer", "canceled"}


@dataclass
class Taken:
    """A call as Twilio holds it."""

    sid: str
    form: dict[str, list[str]]
    created: datetime
    status: str = "queued"
    asked: list[str] = field(default_factory=list)
    """The callback URLs that Twilio has asked for, as far as it lists them."""

    @property
    def callback(self) -> str:
        return urldefrag(self.form["StatusCallback"][0]).url

    def says(self) -> dict[str, Any]:
        made = self.status != "queued"
        return {
            "sid": self.sid,
            "account_sid": SID,
            "to": self.form["To"][0],
            "from": self.form["From"][0],
            "status": self.status,
            "direction": "outbound-api",
            "date_created": format_datetime(self.created) if made else None,
            "uri": f"/2010-04-01/Accounts/{SID}/Calls/{self.sid}.json",
        }


class StandIn:
    """Twilio, as far as the game uses it. `broken` lists what was sent, or answered, against the description."""

    def __init__(self) -> None:
        self.calls: list[Taken] = []
        self.requests: list[str] = []
        self.broken: list[str] = []
        self.answers: list[int] = []
        """What its hasty reports were answered with."""
        self.now = datetime(2026, 1, 1, 12, tzinfo=UTC)
        self.fails: deque[tuple[int, dict[str, Any]]] = deque()
        """What the next requests are answered with, instead of being done."""
        self.loses: deque[str] = deque()
        """How the answers of the next requests, which are done, are lost: "broken", "late" or "garbled"."""
        self.unlisted = 0
        """Times that calls are not listed yet."""
        self.lists_requests = False
        """It tells at once which callback URLs it has asked for a call."""
        self.hasty = False
        """It reports that a call rings before it has answered that it takes it."""
        self._ended = threading.Event()
        standin = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                standin._handle(self, "GET")

            def do_POST(self) -> None:
                standin._handle(self, "POST")

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()

    # ------------------------------------------------------------ the API

    def _handle(self, request: BaseHTTPRequestHandler, method: str) -> None:
        asked = urlsplit(request.path)
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0)).decode()
        query, form = parse_qs(asked.query, keep_blank_values=True), parse_qs(body, keep_blank_values=True)
        self.requests.append(f"{method} {asked.path}")
        try:
            found = check_request(method, asked.path, query, request.headers.get("Content-Type", ""), form)
        except Broken as broken:
            self.broken.append(str(broken))
            return _answer(request, 400, {"code": 20001, "message": str(broken), "status": 400})
        expected = "Basic " + b64encode(f"{SID}:{TOKEN}".encode()).decode()
        if request.headers.get("Authorization") != expected:
            return _answer(request, 401, {"code": 20003, "message": "Authenticate", "status": 401})
        if self.fails:
            return _answer(request, *self.fails.popleft())
        status, answer = self._do(method, asked.path, found, query, form)
        if status < 400:
            try:
                check_answer(method, found, status, answer)
            except Broken as broken:
                self.broken.append(str(broken))
        lost = self.loses.popleft() if self.loses else ""
        if lost == "broken":
            request.close_connection = True
            return None
        if lost == "late":
            self._ended.wait()
            return None
        return _answer(request, status, answer, garbled=lost == "garbled")

    def _do(
        self, method: str, path: str, found: str, query: dict[str, list[str]], form: dict[str, list[str]]
    ) -> tuple[int, dict[str, Any]]:
        if found.endswith("/Calls.json") and method == "POST":
            taken = Taken(f"CA{len(self.calls) + 1:032x}", form, self.now)
            taken.asked = [taken.callback] if self.lists_requests else []
            self.calls.append(taken)
            if self.hasty:
                self.answers.append(send(self.callback(taken, "ringing", 1, self.now)))
            return 201, taken.says()
        if found.endswith("/Calls.json"):
            hidden, self.unlisted = self.unlisted > 0, max(self.unlisted - 1, 0)
            listed = [
                call.says()
                for call in reversed(self.calls)
                if not hidden and call.form["To"] == query["To"] and call.form["From"] == query["From"]
            ]
            return 200, _page("calls", listed)
        sid = path.removesuffix(".json").removesuffix("/Events").split("/")[-1]
        call = next((call for call in self.calls if call.sid == sid), None)
        if call is None:
            return 404, {"code": 20404, "message": f"The requested resource {path} was not found", "status": 404}
        if found.endswith("/Events.json"):
            return 200, _page("events", [{"request": {"method": "POST", "url": url}} for url in call.asked])
        if call.status in OVER:
            return 400, {"code": 21220, "message": "Invalid call state. Call is not in-progress.", "status": 400}
        call.status = form["Status"][0]
        return 200, call.says()

    # ------------------------------------------------------------ its callbacks

    def callback(self, call: Taken, status: str, sequence: int, at: datetime, **changed: str) -> Request:
        """A signed report that a call's status is this since `at`."""
        fields = {
            "CallSid": call.sid,
            "AccountSid": SID,
            "From": call.form["From"][0],
            "To": call.form["To"][0],
            "CallStatus": status,
            "ApiVersion": "2010-04-01",
            "Direction": "outbound-api",
            "CallbackSource": "call-progress-events",
            "SequenceNumber": str(sequence),
            "Timestamp": format_datetime(at),
            "Called": "",
        } | changed
        return signed(call.callback, fields)


def signed(url: str, fields: dict[str, str], token: str = TOKEN) -> Request:
    """A POST of these fields, signed as Twilio signs."""
    headers = {
        "X-Twilio-Signature": RequestValidator(token).compute_signature(url, fields),
        "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
    }
    return Request(url, urlencode(fields).encode(), headers, method="POST")


def send(request: Request) -> int:
    """Send it; the status that it was answered with."""
    try:
        with urlopen(request, timeout=30) as answer:
            return int(answer.status)
    except HTTPError as error:
        with error:
            return error.code


def _page(name: str, items: list[dict[str, Any]]) -> dict[str, Any]:
    return {name: items, "page": 0, "page_size": 50, "next_page_uri": None}


def _answer(request: BaseHTTPRequestHandler, status: int, body: dict[str, Any], garbled: bool = False) -> None:
    text = b"<html>" if garbled else json.dumps(body).encode()
    request.send_response(status)
    request.send_header("Content-Type", "application/json")
    request.send_header("Content-Length", str(len(text)))
    request.end_headers()
    request.wfile.write(text)
