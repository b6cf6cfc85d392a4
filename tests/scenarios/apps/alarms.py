"""Timers: set, replaced, named, cancelled, chained, without delay, and gone with their instance."""

from actors import After, Aggregate, App, Cancel, Event, on
from tests.scenarios.story import Story, Wait, say


class SetAlarm(Event, origin=True):
    owner: str
    seconds: float
    name: str | None = None
    text: str = ""


class Silenced(Event, origin=True):
    owner: str
    name: str | None = None


class Began(Event, origin=True):
    owner: str
    rounds: int


class Moved(Event, origin=True):
    owner: str


class Rang(Event):
    owner: str
    text: str


class Round(Event):
    owner: str
    left: int


class Answered(Event):
    owner: str
    text: str


class Clock(Aggregate, key="owner"):
    rung: list[str] = []
    moments: list[str] = []
    rounds: int = 0

    @on
    def set(self, event: SetAlarm) -> After[Rang]:
        return After(Rang(owner=self.id, text=event.text), seconds=event.seconds, name=event.name)

    @on
    def silence(self, event: Silenced) -> Cancel[Rang]:
        return Cancel(Rang, name=event.name)

    @on
    def ring(self, event: Rang) -> Answered:
        self.rung = [*self.rung, event.text]
        self.moments = [*self.moments, self.now.strftime("%M:%S.%f")]
        return Answered(owner=self.id, text=event.text)

    @on
    def begin(self, event: Began) -> After[Round]:
        return After(Round(owner=self.id, left=event.rounds), seconds=20)

    @on
    def round(self, event: Round) -> After[Round] | None:
        self.rounds += 1
        return After(Round(owner=self.id, left=event.left - 1), seconds=20) if event.left else None

    @on
    def move(self, event: Moved) -> None:
        self.retire()


class Diary(Aggregate, key="owner"):
    """Hears of alarms as anybody may."""

    lines: list[str] = []

    @on
    def note(self, event: Answered | Rang) -> None:
        self.lines = [*self.lines, f"{type(event).__name__} {event.text}"]


STORY = Story(
    App("alarms", Clock, Diary),
    [
        say(SetAlarm(owner="ada", seconds=30, text="replaced")),
        Wait(10),
        say(SetAlarm(owner="ada", seconds=40.5, text="set again")),
        say(SetAlarm(owner="ada", seconds=20, name="egg", text="egg")),
        say(SetAlarm(owner="bob", seconds=60, text="silenced"), SetAlarm(owner="bob", seconds=60, name="b", text="b")),
        say(SetAlarm(owner="cyd", seconds=0, text="at once")),
        say(SetAlarm(owner="dan", seconds=30, text="gone"), Began(owner="eve", rounds=3)),
        Wait(10),
        say(Silenced(owner="bob"), Silenced(owner="bob", name="never set"), Moved(owner="dan")),
        Wait(35),
        say(SetAlarm(owner="dan", seconds=15, text="back")),
        Wait(120),
        say(SetAlarm(owner="eve", seconds=3600, text="pending at the end")),
    ],
    [(cls, owner) for cls in (Clock, Diary) for owner in ("ada", "bob", "cyd", "dan", "eve")],
)
