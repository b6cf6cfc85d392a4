"""A gateway in trouble: retries, failures, unknown outcomes found out or not, and calls that are given up."""

from datetime import timedelta

from actors import Aggregate, App, At, Event, Gateway, NotDone, Unknown, on
from tests.scenarios.story import Story, Wait, say


class Sent(Event, origin=True):
    """A parcel, and the trouble that it meets: its calls, one letter each, then those that ask what became of it."""

    parcel: str
    calls: str
    asks: str = ""


class Posted(Event, origin=True):
    """As `Sent`, by post: it may be posted twice."""

    parcel: str
    calls: str


class Dropped(Event, origin=True):
    """Nobody turns its failure into an event."""

    parcel: str
    calls: str


class Delivered(Event):
    parcel: str
    calls: int
    asks: int


class Returned(Event):
    parcel: str
    why: str


class Courier(Gateway, concurrency=4):
    """Each call takes the next letter: `f`ails, `u`nknown, `n`ot done (only when asked), else it goes well."""

    counts: dict[str, int] = {}

    def _next(self, what: str, letters: str) -> str:
        number = self.counts[what] = self.counts.get(what, 0) + 1
        letter = letters[number - 1] if number <= len(letters) else "."
        if letter == "u":
            raise Unknown("nobody answers the door")
        if letter == "n":
            raise NotDone("it is still in the car")
        if letter == "f":
            raise ConnectionError("the road is closed")
        return letter

    def _delivered(self, parcel: str) -> At[Delivered]:
        made = Delivered(
            parcel=parcel, calls=self.counts.get(f"call {parcel}", 0), asks=self.counts.get(f"ask {parcel}", 0)
        )
        return At(made, self.event.time + timedelta(seconds=3))

    @on(retries=2)
    async def send(self, event: Sent) -> At[Delivered]:
        self._next(f"call {event.parcel}", event.calls)
        return self._delivered(event.parcel)

    @send.reconcile
    async def ask(self, event: Sent) -> At[Delivered]:
        self._next(f"ask {event.parcel}", event.asks)
        return self._delivered(event.parcel)

    @send.failed
    async def give_back(self, event: Sent, error: Exception) -> At[Returned]:
        return At(Returned(parcel=event.parcel, why="given up"), self.event.time + timedelta(seconds=5))

    @on(retries=2, idempotent=True)
    async def post(self, event: Posted) -> At[Delivered]:
        self._next(f"call {event.parcel}", event.calls)
        return self._delivered(event.parcel)

    @on(retries=1)
    async def drop(self, event: Dropped) -> At[Delivered] | None:
        self._next(f"call {event.parcel}", event.calls)
        return None


class Parcel(Aggregate, key="parcel"):
    status: str = ""
    calls: int = 0
    asks: int = 0
    at: str = ""

    @on
    def deliver(self, event: Delivered) -> None:
        self.status, self.calls, self.asks = "delivered", event.calls, event.asks
        self.at = self.now.strftime("%M:%S.%f")

    @on
    def give_back(self, event: Returned) -> None:
        self.status = event.why


SENT = {
    "smooth": ("", ""),
    "retried": ("ff", ""),
    "given up": ("fff", ""),
    "found": ("u", ""),
    "not done": ("u", "n"),
    "not done, then lost": ("ufu", "nn"),
    "asked again": ("u", "uf"),
    "never found": ("u", "ufu"),
}
POSTED = {"posted": "uu", "posted in vain": "ufu"}
DROPPED = {"dropped": "f", "dropped for good": "ff", "dropped, unknown": "u"}


def story() -> Story:
    """A courier keeps count: each telling has one of its own."""
    return Story(
        App("courier", Courier(), Parcel),
        [
            say(Sent(parcel="first", calls="")),
            Wait(30),
            say(*(Sent(parcel=parcel, calls=calls, asks=asks) for parcel, (calls, asks) in SENT.items())),
            Wait(30),
            say(*(Posted(parcel=parcel, calls=calls) for parcel, calls in POSTED.items())),
            say(*(Dropped(parcel=parcel, calls=calls) for parcel, calls in DROPPED.items())),
        ],
        [(Parcel, parcel) for parcel in ("first", *SENT, *POSTED, *DROPPED)],
    )
