"""A relay made for checking: chains that go round, branch and are stopped, shared memory, broadcasts of aggregates."""

from collections.abc import Iterator

from actors import After, Aggregate, App, Cancel, ChainHalted, Event, Gateway, on
from runtime.simulation.apps.weather import WEATHER


class Started(Event, origin=True):
    """A baton for a runner; it is handed on `legs` times, over `field` runners."""

    runner: str
    number: int
    legs: int
    field: int


class Pulled(Event, origin=True):
    """A chain of short steps at one runner, which may be run on."""

    runner: str
    number: int


class Rung(Event, origin=True):
    """A bell that rings by timers, `left` times."""

    runner: str
    number: int
    left: int
    seconds: float


class Hushed(Event, origin=True):
    runner: str
    number: int


class Looked(Event, origin=True):
    """Something to ask outside, not idempotent."""

    runner: str
    number: int


class Knocked(Event, origin=True):
    """Like `Looked`, with nobody to ask about it."""

    runner: str
    number: int


class Left(Event, origin=True):
    runner: str
    number: int


class Handed(Event):
    runner: str
    number: int
    legs: int
    field: int


class Branched(Event):
    """Doubles with each step, until its budget ends it."""

    runner: str
    number: int
    depth: int


class Finished(Event):
    runner: str
    number: int


class StepOne(Event):
    runner: str
    number: int


class StepTwo(Event):
    runner: str
    number: int


class StepThree(Event):
    runner: str
    number: int


class Rings(Event):
    runner: str
    number: int
    left: int
    seconds: float


class Shouted(Event, broadcast=True):
    """Made by an aggregate, heard by all."""

    number: int


class Seen(Event):
    runner: str
    number: int


class Opened(Event):
    runner: str
    number: int


class Unseen(Event):
    runner: str
    number: int


class Scouts(Gateway, concurrency=3, per_second=200):
    """Asked once; when nobody knows whether the question got through, the other side is asked about that."""

    @on(retries=1, timeout=1)
    async def look(self, event: Looked) -> Seen:
        return Seen(runner=event.runner, number=event.number)

    @look.reconcile
    async def ask(self, event: Looked) -> Seen:
        return Seen(runner=event.runner, number=event.number)

    @look.failed
    async def gave_up(self, event: Looked, error: Exception) -> Unseen:
        return Unseen(runner=event.runner, number=event.number)

    @on(retries=0)
    async def knock(self, event: Knocked) -> Opened:
        """What becomes of it when it fails, or nobody knows, is for a person to say."""
        return Opened(runner=event.runner, number=event.number)


class Runner(Aggregate, key="runner"):
    """Hands batons on."""

    batons: int = 0
    finished: int = 0
    shouts: int = 0
    order: list[int] = []
    bells: int = 0
    seen: int = 0

    def _mark(self, number: int) -> None:
        self.order = [*self.order[-40:], number]

    @on
    def start(self, event: Started) -> Handed:
        self._mark(event.number)
        return Handed(runner=event.runner, number=event.number, legs=event.legs, field=event.field)

    @on(max_hops=40)
    def hand(self, event: Handed) -> Iterator[Handed | Branched | Finished]:
        WEATHER.flaky()
        self.batons += 1
        self._mark(event.number)
        if event.legs == 0:
            yield Finished(runner=self.id, number=event.number)
            return
        following = f"r{(int(self.id[1:]) + event.number) % event.field}"
        if event.number % 11 == 0:
            yield Branched(runner=following, number=event.number, depth=1)
        yield Handed(runner=following, number=event.number, legs=event.legs - 1, field=event.field)

    @on(max_hops=50)
    def branch(self, event: Branched) -> Iterator[Branched]:
        self._mark(event.depth)
        if event.depth < 6:
            yield Branched(runner=self.id, number=event.number, depth=event.depth + 1)
            yield Branched(runner=self.id, number=-event.number, depth=event.depth + 1)

    @on
    def finish(self, event: Finished) -> Shouted | None:
        self.finished += 1
        return Shouted(number=event.number) if event.number % 4 == 0 else None

    @on
    def shouted(self, event: Shouted) -> None:
        if event.number % 8 == 0 or self.batons % 2 == 0:
            self.shouts += 1
            self._mark(event.number)

    @on
    def pull(self, event: Pulled) -> StepOne:
        self._mark(event.number)
        return StepOne(runner=self.id, number=event.number)

    @on
    def ring(self, event: Rung) -> After[Rings]:
        return After(
            Rings(runner=self.id, number=event.number, left=event.left, seconds=event.seconds), seconds=event.seconds
        )

    @on
    def rings(self, event: Rings) -> After[Rings] | None:
        self.bells += 1
        self._mark(event.number)
        if event.left == 0:
            return None
        return After(
            Rings(runner=self.id, number=event.number, left=event.left - 1, seconds=event.seconds),
            seconds=event.seconds,
        )

    @on
    def hush(self, event: Hushed) -> Cancel[Rings]:
        self._mark(event.number)
        return Cancel(Rings)

    @on
    def saw(self, event: Seen | Unseen | Opened) -> None:
        self.seen += 1
        self._mark(event.number)

    @on
    def leave(self, event: Left) -> None:
        self.retire()


class Coach(Aggregate, shares=Runner):
    """Lives in the runner's memory."""

    batons: int = 0
    steps: int = 0

    @on
    def step(self, event: StepOne) -> StepTwo:
        WEATHER.flaky()
        self.steps += 1
        return StepTwo(runner=event.runner, number=event.number)


class Referee(Aggregate, key="runner", placement="dedicated"):
    """Another instance of the same key, with a host of its own."""

    steps: int = 0
    halted: int = 0
    batons: int = 0

    @on
    def step(self, event: StepTwo) -> StepThree:
        self.steps += 1
        return StepThree(runner=event.runner, number=event.number)

    @on
    def done(self, event: StepThree) -> None:
        WEATHER.deadly()
        self.steps += 1000


class Board(Aggregate, singleton=True):
    """Counts what was stopped."""

    halted: int = 0

    @on
    def stopped(self, event: ChainHalted) -> None:
        self.halted += 1


APP = App("relay", Scouts, Runner, Coach, Referee, Board)
