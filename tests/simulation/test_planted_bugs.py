"""A simulator that finds nothing is worth nothing: each of these bugs, planted into a world, breaks a promise.

`within` is about three times as many seeds as it takes today.
"""

from typing import NamedTuple

import pytest

from runtime.simulation.disk import Wear
from runtime.simulation.play import play
from runtime.simulation.violation import Violation
from runtime.simulation.world import World
from tests.simulation import planted
from tests.simulation.planted import with_disk, with_heart, with_host, with_journal, with_router, with_supervisor


class Bug(NamedTuple):
    """What is wrong, the promise that it breaks, and the number of histories in which that must come out.

    The same bug may break another promise first, in another history: `or_else`.
    """

    what: str
    world: type[World]
    promise: str
    within: int
    scenario: str | None = None
    or_else: str = ""


BUGS = [
    # The three that are asked for by name.
    Bug(
        "a commit is told before it is durable",
        with_disk(planted.HastyDisk),
        "acknowledged events are durable",
        5,
    ),
    Bug("a cursor is saved apart from its state", with_journal(planted.TornJournal), "states equal the replay", 5),
    Bug(
        "an answer is committed without its compare-and-set",
        with_router(planted.TrustingRouter),
        "one committed effect per delivery",
        150,
        "relay",
        or_else="states equal the replay",
    ),
    Bug(
        "an answer is committed as often as it comes",
        with_router(planted.RepeatingRouter),
        "one committed effect per delivery",
        20,
    ),
    # Publishing.
    Bug("a router replies before its commit", with_router(planted.HastyRouter), "acknowledged events are durable", 5),
    Bug("a journal loses an event", with_journal(planted.LosingJournal), "acknowledged events are durable", 5),
    Bug("a key is not looked up", with_router(planted.KeylessRouter), "a key is taken once", 10),
    Bug(
        "what is sent again is taken again",
        with_router(planted.ResendTakingRouter),
        "a client's events keep their order",
        40,
    ),
    Bug(
        "what follows something lost is taken before it",
        with_router(planted.GullibleRouter, wear=Wear(commit_us=10_000, slow=0.1, fail=0.3), batch=1),
        "a client's events keep their order",
        90,
    ),
    Bug(
        "a tick is taken without its fence",
        with_router(planted.UnfencedRouter),
        "ticks come once, rising",
        20,
        "bank",
    ),
    Bug("a copy has an id of its own", with_journal(planted.RenamingJournal), "an event is copied once", 10),
    Bug("an event is copied twice", with_router(planted.DoubleCopies), "an event is copied once", 5),
    # Turns.
    Bug("a host loses a state", with_host(planted.StatelessHost), "states equal the replay", 5),
    Bug("a host swallows an error", with_host(planted.SwallowingHost), "a failing turn leaves no trace", 30, "bank"),
    # Timers.
    Bug("a timer fires early", with_router(planted.EarlyRouter), "a timer never fires early", 10),
    Bug(
        "a due timer does not wait for older events",
        with_router(planted.ImpatientRouter),
        "a due timer waits for older events of its instance",
        30,
    ),
    Bug(
        "a cancel is forgotten",
        with_host(planted.UncancellingHost),
        "a due timer waits for older events of its instance",
        30,
    ),
    Bug("timers are not durable", with_journal(planted.TimerlessJournal), "no timer is forgotten", 50),
    Bug(
        "a fired timer stays in the journal",
        with_journal(planted.ForgetfulJournal),
        "a drain ends when all is done",
        5,
    ),
    # Gateways.
    Bug(
        "a call is made before its start is durable",
        with_router(planted.HastyCalls),
        "an attempt's start is durable before the call",
        20,
    ),
    Bug(
        "a call is made although its outcome was judged",
        with_router(
            planted.BlindCalls,
            wear=Wear(commit_us=10_000, slow=0.1),
            faults=("kill gateways", "cut link"),
            fault_every_us=5_000,
        ),
        "what may have been done is not repeated",
        120,
        "relay",
    ),
    Bug("an answered call is not marked", with_journal(planted.UnmarkedJournal), "a call is answered once", 20),
    Bug(
        "a call is made more often than it may",
        with_router(planted.TirelessRouter),
        "calls are bounded by their retries",
        30,
    ),
    # Supervisors.
    Bug(
        "who is not dead after a kill is not killed again",
        with_supervisor(
            planted.HalfHeartedSupervisor, faults=("stop router", "stop host", "stop gateways"), fault_every_us=20_000
        ),
        "drains end",
        120,
        or_else="clients are answered",
    ),
    Bug(
        "a death before the first word is not heard of",
        with_supervisor(planted.DeafSupervisor),
        "whoever is needed runs, and is looked after",
        45,
        or_else="drains end",
    ),
    Bug(
        "a refused tick is published as it was",
        with_heart(planted.StubbornHeart),
        "ticks come once, rising",
        10,
        "bank",
    ),
    # Waiting.
    Bug("a drain ends at once", with_router(planted.ShortDrains), "a drain ends when all is done", 5),
    Bug("a router forgets to wake", with_router(planted.SleepyRouter), "drains end", 30),
]


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.what.replace(" ", "-"))
def test_the_simulator_catches_that(bug: Bug) -> None:
    wanted = {bug.promise, bug.or_else}
    found: dict[int, str] = {}

    for seed in range(bug.within):
        promise = broken(seed, bug.scenario, bug.world)
        if promise is not None:
            found[seed] = promise
        if promise in wanted:
            break

    guilty = [seed for seed, promise in found.items() if promise in wanted]
    assert guilty, f"in {bug.within} histories it broke {found}"
    assert broken(guilty[0], bug.scenario, World) is None, "it is broken without the bug as well"


def broken(seed: int, scenario: str | None, world: type[World]) -> str | None:
    """The promise that a history breaks, or the error that it ends with; None if it keeps them all."""
    try:
        play(seed, scenario=scenario, make=world)
    except Violation as violation:
        return violation.promise
    except Exception as error:
        return repr(error)
    return None
