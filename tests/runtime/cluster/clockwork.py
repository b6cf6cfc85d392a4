"""An app of what happens by itself: a heartbeat, schedules, timers, loops; and of handlers that do it wrong."""

from actors import After, Aggregate, App, ChainHalted, Event, Heartbeat, cron, on
from actors.errors import TrunklineError


class Wound(Event, origin=True):
    name: str


class Stopped(Event, origin=True):
    name: str


class Hourly(Event, origin=True):
    missed: int = 0


class Asked(Event, origin=True):
    name: str
    hours: int
    text: str = ""


class Rung(Event):
    name: str
    text: str


class Started(Event, origin=True):
    name: str


class Bounced(Event):
    name: str
    times: int


class Tried(Event, origin=True):
    """`how` says what the handler does wrong."""

    name: str
    how: str


class Done(Event):
    name: str
    text: str = ""


class Clock(Aggregate, key="name"):
    ticks: list[int] = []
    missed: int = 0
    rings: list[str] = []

    @on
    def wind(self, event: Wound) -> None:
        """From now on it hears the heartbeat."""

    @on
    def stop(self, event: Stopped) -> None:
        self.retire()

    @on
    def tick(self, event: Heartbeat) -> None:
        self.ticks.append(event.tick)
        self.missed += event.missed

    @on
    def ask(self, event: Asked) -> After[Rung]:
        return After(Rung(name=self.id, text=event.text), hours=event.hours)

    @on
    def ring(self, event: Rung) -> None:
        self.rings.append(f"{event.text} {self.now:%H:%M}")


class Tower(Aggregate, singleton=True):
    struck: list[str] = []

    @on
    def strike(self, event: Hourly) -> None:
        self.struck.append(f"{self.now:%H:%M} {event.missed}")


class Ball(Aggregate, key="name"):
    bounces: int = 0

    @on
    def start(self, event: Started) -> Bounced:
        return Bounced(name=self.id, times=0)

    @on(max_hops=8)
    def bounce(self, event: Bounced) -> Bounced:
        self.bounces += 1
        return Bounced(name=self.id, times=event.times + 1)


class Referee(Aggregate, singleton=True):
    halted: list[str] = []

    @on
    def see(self, event: ChainHalted) -> None:
        self.halted.append(f"{event.event_type} {event.payload}")


def do_wrong(how: str, name: str) -> object:
    """What a handler returns, or raises."""
    if how == "raises":
        raise ValueError("no")
    if how == "one of ours":
        raise TrunklineError("it is not so", hint="do it otherwise.")
    if how == "ends its thread":
        raise SystemExit(1)
    if how == "another event":
        return Rung(name=name, text="")
    if how == "no event":
        return "done"
    if how == "a large event":
        return Done(name=name, text="x" * (1 << 20))
    if how == "a poison":
        return Done(name=name, text="poison")
    if how == "an event without a key":
        return Done(name="")
    return None


class Careful(Aggregate, key="name"):
    """Holds what comes after a failure."""

    done: list[str] = []

    @on
    def try_it(self, event: Tried) -> Done | None:
        self.done.append(event.how)
        if event.how == "a wrong state":
            self.done.append(7)  # type: ignore[arg-type]
        if event.how == "a large state":
            self.done.append("x" * (1 << 20))
        return do_wrong(event.how, self.id)  # type: ignore[return-value]


class Careless(Aggregate, key="name", failures="skip"):
    """Goes on after a failure."""

    done: list[str] = []

    @on
    def try_it(self, event: Tried) -> None:
        self.done.append(event.how)
        do_wrong(event.how, self.id)


class Heard(Aggregate, key="name"):
    texts: list[str] = []

    @on
    def hear(self, event: Done) -> None:
        if event.text == "poison":
            raise ValueError("it is poison")
        self.texts.append(event.text)


app = App(
    "clockwork",
    *(Clock, Tower, Ball, Referee, Careful, Careless, Heard),
    heartbeat=600,
    schedules=[cron("0 * * * *", Hourly, tz="Europe/Berlin")],
)
