"""Running on: a host handles at once what it has just emitted, as a guess that costs nothing when it is wrong."""

from collections.abc import Iterator
from itertools import count

import pytest

from actors import After, Aggregate, App, Event, on
from runtime.core.host import CHAIN_MAX, CHAIN_US
from runtime.core.messages import Answer
from tests.runtime.core.hosted import Hosted
from tests.runtime.core.stand import Stand


class Attempted(Event, origin=True):
    player: str = "ada"
    credits: int = 10


class Looped(Event, origin=True):
    player: str = "ada"
    left: int


class Shouted(Event, origin=True):
    player: str = "ada"


class Rung(Event, origin=True, broadcast=True): ...


class Completed(Event):
    player: str
    credits: int


class Granted(Event):
    player: str
    credits: int


class Step(Event):
    player: str
    left: int


class Heard(Event, broadcast=True):
    player: str


class Due(Event):
    player: str


class Payments(Aggregate, key="player"):
    attempts: int = 0

    @on
    def charge(self, event: Attempted) -> Completed:
        self.attempts += 1
        return Completed(player=event.player, credits=event.credits)

    @on
    def shout(self, event: Shouted) -> Iterator[Heard | Completed]:
        yield Heard(player=event.player)
        yield Completed(player=event.player, credits=1)


class Wallet(Aggregate, key="player"):
    credits: int = 0
    heard: list[str] = []

    @on
    def grant(self, event: Completed) -> Granted:
        if event.credits < 0:
            raise ValueError("less than nothing")
        if event.credits == 99:
            raise SystemExit(1)
        self.credits += event.credits
        self.heard = [*self.heard, "completed"]
        return Granted(player=self.id, credits=self.credits)

    @on
    def hear(self, event: Heard | Rung) -> None:
        self.heard = [*self.heard, "heard"]


class Receipts(Aggregate, key="player"):
    ids: list[str] = []
    careful: bool = False

    @on
    def note(self, event: Completed) -> None:
        self.ids = [*self.ids, self.event.id]


class Careful(Aggregate, key="player"):
    """Asks for the id, and goes on whatever comes of that."""

    ids: list[str] = []

    @on
    def note(self, event: Completed) -> None:
        try:
            self.ids = [*self.ids, self.event.id]
        except BaseException:
            self.ids = [*self.ids, "none"]


class Totals(Aggregate, key="player"):
    granted: int = 0

    @on
    def note(self, event: Granted) -> After[Due]:
        self.granted += 1
        return After(Due(player=self.id), seconds=1)

    @on
    def due(self, event: Due) -> None: ...


class Looping(Aggregate, key="player"):
    steps: int = 0

    @on
    def begin(self, event: Looped) -> Step:
        return Step(player=self.id, left=event.left)

    @on(max_hops=1000)
    def step(self, event: Step) -> Step | None:
        self.steps += 1
        return Step(player=self.id, left=event.left - 1) if event.left else None


class Growing(Aggregate, key="player"):
    filling: str = ""

    @on
    def begin(self, event: Looped) -> Step:
        self.filling = "x" * 10_000
        return Step(player=self.id, left=event.left)

    @on
    def step(self, event: Step) -> None:
        self.filling += "y"


SHOP = App("shop", Payments, Wallet, Totals)
ALL = ("Payments/ada", "Wallet/ada", "Totals/ada")


def ran(answer: Answer) -> list[tuple[str, tuple[int, int] | None]]:
    return [(turn.address, turn.link) for turn in answer.turns]


def shop(*warm: str, app: App = SHOP, run_on: bool = True) -> Hosted:
    host = Hosted(app, run_on=run_on)
    host.warm(*warm)
    return host


# ------------------------------------------------------------ at the host


def test_a_chain_is_handled_in_one_visit_each_turn_naming_what_it_follows() -> None:
    host = shop(*ALL)

    answer = host.deliver(("Payments/ada", Attempted()), run_on=True)

    assert ran(answer) == [("Payments/ada", None), ("Wallet/ada", (0, 0)), ("Totals/ada", (1, 0))]
    assert [turn.at for turn in answer.turns][1:] == [0, 0]


def test_nothing_is_run_on_if_the_router_does_not_say_so_also_right_after_it_did() -> None:
    host = shop(*ALL)
    host.deliver(("Payments/ada", Attempted()), run_on=True)

    assert len(host.deliver(("Payments/ada", Attempted())).turns) == 1


def test_a_large_state_goes_with_a_turn_also_when_one_that_runs_on_changes_it() -> None:
    """The later one may be thrown away alone."""
    host = shop("Growing/ada", app=App("growing", Growing))

    answer = host.deliver(("Growing/ada", Looped(left=0)), run_on=True)

    assert ran(answer) == [("Growing/ada", None), ("Growing/ada", (0, 0))]
    assert [len(turn.state or b"") > 10_000 for turn in answer.turns] == [True, True]


def test_running_on_can_be_switched_off() -> None:
    host = shop(*ALL, run_on=False)

    assert len(host.deliver(("Payments/ada", Attempted()), run_on=True).turns) == 1


def test_what_goes_to_an_instance_that_is_not_held_is_not_run_on() -> None:
    host = shop("Payments/ada", "Totals/ada")

    assert ran(host.deliver(("Payments/ada", Attempted()), run_on=True)) == [("Payments/ada", None)]


def test_an_instance_with_an_event_left_in_the_batch_is_not_run_on_before_it() -> None:
    host = shop("Payments/ada", "Payments/bob", "Wallet/ada", "Wallet/bob")
    completed = Completed(player="ada", credits=1)

    answer = host.deliver(
        ("Payments/ada", Attempted()), ("Payments/bob", Attempted(player="bob")), ("Wallet/ada", completed), run_on=True
    )

    assert ran(answer) == [("Payments/ada", None), ("Payments/bob", None), ("Wallet/bob", (1, 0)), ("Wallet/ada", None)]


def test_once_something_for_an_instance_was_not_run_on_nothing_behind_it_is() -> None:
    """The first loop's step is left to the router after so many; the second event must not overtake it."""
    host = shop("Looping/ada", app=App("loops", Looping))

    answer = host.deliver(("Looping/ada", Looped(left=1000)), ("Looping/ada", Looped(left=0)), run_on=True)

    assert ran(answer)[0] == ("Looping/ada", None)
    assert [link for _, link in ran(answer)].count(None) == 2
    assert answer.turns[-1].link is None


def test_a_chain_is_run_on_only_so_far_that_it_keeps_no_others_waiting() -> None:
    host = shop("Looping/ada", app=App("loops", Looping))

    answer = host.deliver(("Looping/ada", Looped(left=1000)), run_on=True)

    assert len(answer.turns) == CHAIN_MAX + 1


def test_turns_are_run_on_only_for_so_long_that_a_slow_chain_keeps_no_others_waiting() -> None:
    passed = 0

    class Slow(Aggregate, key="player"):
        @on
        def begin(self, event: Looped) -> Step:
            return Step(player=self.id, left=event.left)

        @on(max_hops=1000)
        def step(self, event: Step) -> Step:
            nonlocal passed
            passed += CHAIN_US // 2
            return Step(player=self.id, left=0)

    host = Hosted(App("slow", Slow), clock=lambda: passed)
    host.warm("Slow/ada", "Slow/bob")

    first = host.deliver(("Slow/ada", Looped(left=1)), run_on=True)
    second = host.deliver(("Slow/bob", Looped(player="bob", left=1)), run_on=True)

    assert [len(answer.turns) for answer in (first, second)] == [1 + 2, 1 + 2]


def test_a_broadcast_is_not_run_on_nor_what_its_listeners_get_behind_it() -> None:
    host = shop(*ALL)

    answer = host.deliver(("Payments/ada", Shouted()), run_on=True)

    assert ran(answer) == [("Payments/ada", None)]


def test_a_listener_in_another_partition_is_not_run_on() -> None:
    class Central(Aggregate, key="player"):
        count: int = 0

        @on(key=lambda event: "elsewhere")
        def note(self, event: Completed) -> None:
            self.count += 1

    host = shop("Payments/ada", "Central/elsewhere", app=App("central", Payments, Central))

    assert len(host.deliver(("Payments/ada", Attempted()), run_on=True).turns) == 1


@pytest.mark.parametrize("credits", [-1, 99])
def test_a_guess_that_raises_is_never_told_and_leaves_no_trace(credits: int) -> None:
    host = shop(*ALL)
    host.deliver(("Payments/ada", Attempted(credits=7)), run_on=True)

    answer = host.deliver(("Payments/ada", Attempted(credits=credits)), run_on=True)
    after = host.deliver(("Payments/ada", Attempted(credits=1)), run_on=True)

    assert (ran(answer), answer.failed) == ([("Payments/ada", None)], ())
    wallet = after.turns[1]
    assert wallet.address == "Wallet/ada"
    assert wallet.state is not None
    assert b'"credits":8' in wallet.state


def test_what_follows_a_guess_that_raised_is_not_run_on_before_it() -> None:
    class Purse(Aggregate, key="player"):
        @on
        def begin(self, event: Looped) -> Iterator[Step]:
            yield Step(player=self.id, left=-1)
            yield Step(player=self.id, left=5)

        @on
        def step(self, event: Step) -> None:
            if event.left < 0:
                raise ValueError("less than nothing")

    host = shop("Purse/ada", app=App("purse", Purse))

    answer = host.deliver(("Purse/ada", Looped(left=0)), run_on=True)

    assert ran(answer) == [("Purse/ada", None)]


def test_a_watchdog_knows_a_turn_that_runs_on_from_the_one_before_it() -> None:
    seen: list[tuple[str, str, int, int] | None] = []

    class Watched(Aggregate, key="player"):
        @on
        def begin(self, event: Looped) -> Step:
            seen.append(host.host.current)
            return Step(player=self.id, left=0)

        @on
        def step(self, event: Step) -> None:
            seen.append(host.host.current)

    host = shop("Watched/ada", app=App("watched", Watched))
    delivery = host.delivery("Watched/ada", Looped(left=0))

    host.deliver(delivery, run_on=True)

    assert seen == [("Watched/ada", "looped", delivery.at, 1), ("Watched/ada", "step", delivery.at, 2)]


def test_what_one_listener_does_to_an_event_that_runs_on_another_does_not_see() -> None:
    seen: list[list[str]] = []

    class Packed(Event):
        player: str
        items: list[str]

    class Packer(Aggregate, key="player"):
        @on
        def begin(self, event: Looped) -> Packed:
            return Packed(player=self.id, items=["pear"])

    class First(Aggregate, key="player"):
        @on
        def unpack(self, event: Packed) -> None:
            seen.append(list(event.items))
            event.items.clear()

    class Second(First, key="player"): ...

    host = shop("Packer/ada", "First/ada", "Second/ada", app=App("packing", Packer, First, Second))

    host.deliver(("Packer/ada", Looped(left=0)), run_on=True)

    assert seen == [["pear"], ["pear"]]


@pytest.mark.parametrize("cls", [Receipts, Careful])
def test_a_turn_that_asks_for_its_events_id_is_left_to_the_router_whatever_it_made_of_that(
    cls: type[Aggregate],
) -> None:
    address = f"{cls.__name__}/ada"
    host = shop("Payments/ada", address, app=App("ids", Payments, cls))

    first = host.deliver(("Payments/ada", Attempted()), run_on=True)
    ordinary = host.deliver((address, Completed(player="ada", credits=10)), run_on=True)

    assert ran(first) == [("Payments/ada", None)]
    assert ordinary.turns[0].turn == 0
    assert ordinary.turns[0].state is not None
    assert b"none" not in ordinary.turns[0].state


# ------------------------------------------------------------ with a router


def told(stand: Stand, *events: Event) -> None:
    for event in events:
        stand.say(event)
        stand.settle()


@pytest.mark.parametrize("run_on", [True, False])
def test_a_chain_that_was_run_on_is_one_visit_and_one_commit(run_on: bool) -> None:
    stand = Stand(SHOP, run_on=run_on)
    told(stand, Attempted(credits=1))
    before, turns = len(stand.answers), stand.core.stats()["turns"]

    told(stand, Attempted(credits=2))

    assert stand.core.stats()["turns"] - turns == 3
    assert len(stand.answers) - before == (1 if run_on else 3)
    assert stand.core.stats()["rejected"] == 0


def test_no_result_depends_on_running_on() -> None:
    script = [
        Attempted(),
        Shouted(),
        Attempted(player="bob"),
        Attempted(credits=3),
        Shouted(player="bob"),
        Looped(left=70),
    ]
    app = App("all", Payments, Wallet, Totals, Receipts, Careful, Looping)
    endings = []
    steps = count(step=CHAIN_US // 3)
    stands = (Stand(app), Stand(app, clock=lambda: next(steps)), Stand(app, run_on=False))
    for stand in stands:
        told(stand, *script)
        log = [(e.at, e.id, e.cause, e.root, e.time, e.type, e.body) for e in stand.log.values()]
        rows = {address: (row.state, row.live, row.cursor) for address, row in stand.instances.items()}
        endings.append((log, rows, sorted(stand.timers)))

    assert endings[0] == endings[1] == endings[2]
    visits = [len(stand.answers) for stand in stands]
    assert visits == sorted(set(visits)), "chains were run on, for some time, and not at all"


def test_under_load_the_router_does_not_ask_for_running_on() -> None:
    stand = Stand(SHOP)
    told(stand, Attempted(), Attempted(player="bob"))
    asked = []
    for _ in range(2):
        stand.say(Attempted())
        stand.commit()
        asked += [batch.run_on for _, batch in stand.core.take_deliveries()]

    assert asked == [True, False]


def test_what_was_run_on_past_an_event_that_came_first_is_thrown_away_and_handled_in_order() -> None:
    stand = Stand(App("shop", Payments, Wallet))
    told(stand, Attempted(credits=1))
    stand.say(Attempted(credits=2))
    stand.commit()
    ((name, batch),) = stand.core.take_deliveries()
    # Meanwhile a broadcast for the wallet enters the log: it stands before what the chain is about to emit.
    stand.say(Rung())
    stand.commit()
    answer = stand.run(name, batch)

    stand.core.answer(name, answer, stand.now)
    rejected = stand.core.stats()["rejected"]
    stand.settle()

    wallet = stand.get(Wallet, "ada")
    assert [turn.address for turn in answer.turns] == ["Payments/ada", "Wallet/ada"]
    assert rejected == 1
    assert wallet is not None
    assert wallet.heard == ["completed", "heard", "completed"]
    assert len(stand.happened("completed")) == len(stand.happened("granted")) == 2


def test_an_answer_whose_first_turn_was_void_takes_nothing_that_rests_on_it() -> None:
    stand = Stand(SHOP)
    told(stand, Attempted())
    stand.say(Attempted())
    stand.commit()
    ((name, batch),) = stand.core.take_deliveries()
    answer = stand.run(name, batch)
    stand.core.host_lost(name, stand.now)
    stand.hosts.clear()
    stand.settle()

    stand.core.answer(name, answer, stand.now)
    stand.settle()

    wallet = stand.get(Wallet, "ada")
    assert wallet is not None
    assert wallet.credits == 20
    assert len(stand.happened("granted")) == 2
