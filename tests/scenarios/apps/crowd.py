"""Broadcasts: to those who live, from outside and from an aggregate; some leave, some come back."""

from actors import Aggregate, App, Event, on
from tests.scenarios.story import Story, Wait, say


class Came(Event, origin=True):
    guest: str


class Left(Event, origin=True):
    guest: str


class Called(Event, origin=True, broadcast=True):
    text: str
    leave: str = ""


class Asked(Event, origin=True):
    host: str
    text: str


class Toast(Event, broadcast=True):
    text: str


class Cheered(Event):
    guest: str
    text: str


class Guest(Aggregate, key="guest"):
    visits: int = 0
    heard: list[str] = []

    @on
    def come(self, event: Came) -> None:
        self.visits += 1

    @on
    def leave(self, event: Left) -> None:
        self.retire()

    @on
    def called(self, event: Called) -> None:
        if event.leave == self.id:
            self.retire()
        elif event.text:
            self.heard = [*self.heard, event.text]

    @on
    def toast(self, event: Toast) -> Cheered | None:
        if len(self.id) > 3:
            return None
        self.heard = [*self.heard, event.text]
        return Cheered(guest=self.id, text=event.text)


class Host(Aggregate, key="host"):
    toasts: int = 0

    @on
    def ask(self, event: Asked) -> Toast:
        self.toasts += 1
        return Toast(text=f"{event.text} {self.toasts}")


class Album(Aggregate, singleton=True):
    cheers: list[str] = []

    @on
    def cheer(self, event: Cheered) -> None:
        self.cheers = sorted([*self.cheers, f"{event.guest}: {event.text}"])


GUESTS = ("ada", "bob", "cyd", "silent", "nobody")

STORY = Story(
    App("crowd", Guest, Host, Album),
    [
        say(Called(text="too early")),
        say(Came(guest="ada"), Came(guest="bob"), Came(guest="silent")),
        say(Called(text="welcome")),
        say(Called(text="")),
        say(Asked(host="eve", text="to us")),
        Wait(10),
        say(Left(guest="bob")),
        say(Called(text="bob is gone"), Came(guest="cyd")),
        say(Came(guest="bob")),
        say(Called(text="bob is back")),
        say(Called(text="", leave="ada")),
        say(Asked(host="eve", text="again")),
    ],
    [*((Guest, guest) for guest in GUESTS), (Host, "eve"), (Album, "Album")],
)
