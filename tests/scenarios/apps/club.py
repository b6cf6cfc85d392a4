"""Shared instances, several keys, keys of every kind, base events, envelopes, and a handler that fails for good."""

from collections.abc import Iterator
from uuid import UUID

from actors import Aggregate, App, Event, on
from tests.scenarios.story import Story, Wait, say

TEAM = UUID(int=7)


class Joined(Event, origin=True):
    member: str
    team: UUID
    shirt: int


class Introduced(Event, origin=True):
    left: str
    right: str


class Played(Event, origin=True):
    """What is common to all matches."""

    member: str


class Won(Played, origin=True):
    points: int


class Lost(Played, origin=True):
    points: int


class Ranked(Event):
    member: str
    points: int


class Promoted(Event):
    team: UUID
    member: str


class Member(Aggregate, key="member"):
    points: int = 0
    matches: int = 0
    friends: list[str] = []
    lots: list[float] = []
    told: list[str] = []

    @on
    def join(self, event: Joined) -> None:
        self.lots = [*self.lots]

    @on(key=lambda event: (event.left, event.right))
    def introduce(self, event: Introduced) -> None:
        self.friends = [*self.friends, event.right if self.id == event.left else event.left]

    @on
    def won(self, event: Won) -> Ranked:
        if event.points < 0:
            raise ValueError("nobody wins less than nothing")
        self.points += event.points
        self.told = [*self.told, f"{self.event.type} {self.event.source} {self.event.subject} {self.event.hops}"]
        return Ranked(member=self.id, points=self.points)


class Form(Aggregate, shares=Member):
    """How somebody is playing, in the same memory."""

    points: int = 0
    matches: int = 0
    seen: list[int] = []

    @on
    def play(self, event: Played) -> None:
        self.matches += 1

    @on
    def won(self, event: Won) -> None:
        # The other class, which stands before this one in the app, has had its turn.
        self.matches += 1
        self.seen = [*self.seen, self.points]


class Team(Aggregate, key="team"):
    members: list[str] = []
    promoted: list[str] = []

    @on
    def join(self, event: Joined) -> None:
        self.members = [*self.members, event.member]

    @on
    def promote(self, event: Promoted) -> None:
        self.promoted = [*self.promoted, event.member]


class Shirt(Aggregate, key="shirt"):
    worn_by: str = ""

    @on
    def wear(self, event: Joined) -> None:
        self.worn_by = event.member


class Ladder(Aggregate, singleton=True):
    best: dict[str, int] = {}

    @on
    def rank(self, event: Ranked) -> Iterator[Promoted]:
        before = self.best.get(event.member, 0)
        self.best = self.best | {event.member: event.points}
        for _ in range(before // 10, event.points // 10):
            yield Promoted(team=TEAM, member=event.member)
        self.told = [
            *self.told,
            f"{self.event.source} {self.event.subject} {self.event.hops} {self.event.sequence != ''}",
        ]

    told: list[str] = []


MEMBERS = ("ada", "bob", "cyd")

STORY = Story(
    App("club", Member, Form, Team, Shirt, Ladder),
    [
        say(*(Joined(member=member, team=TEAM, shirt=number) for number, member in enumerate(MEMBERS, 1))),
        say(Introduced(left="ada", right="bob")),
        say(Introduced(left="cyd", right="cyd")),
        say(Won(member="ada", points=7)),
        say(Lost(member="ada", points=7), Lost(member="bob", points=1)),
        Wait(10),
        say(Won(member="ada", points=25)),
        # This one can't be handled: it stays at the head of bob's mailbox, and all that follows behind it.
        say(Won(member="bob", points=-1)),
        say(Won(member="bob", points=30)),
        say(Introduced(left="bob", right="cyd")),
    ],
    [
        *((cls, member) for cls in (Member, Form) for member in (*MEMBERS, "nobody")),
        (Team, str(TEAM)),
        *((Shirt, str(number)) for number in range(1, 5)),
        (Ladder, "Ladder"),
    ],
)
