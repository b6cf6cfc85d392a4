"""One seed, one history: a storm over an app, then calm until everything has drained, then the checks."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from actors import App
from runtime.journal.memory import MemoryStore
from runtime.simulation.apps import bank, relay
from runtime.simulation.apps.orders import bank_orders, relay_orders
from runtime.simulation.apps.weather import WEATHER
from runtime.simulation.checkers import check
from runtime.simulation.client import Order
from runtime.simulation.profile import Profile, draw
from runtime.simulation.scheduler import START_US, Scheduler
from runtime.simulation.storm import Storm
from runtime.simulation.sums import bank_adds_up, relay_adds_up
from runtime.simulation.violation import Violation
from runtime.simulation.world import World

STORM_US = 1_000_000
CALM_US = 200_000_000
"""Virtual time in which everything must have drained once the storm is over."""
STEPS_MAX = 1_500_000
LOOK_EVERY = 16
"""Steps between two looks at whether a wait is over."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """An app made for checking, and what its users do."""

    app: App
    orders: Callable[[Random, int, int, int], list[Order]]
    adds_up: Callable[[MemoryStore], None]


SCENARIOS = {
    "bank": Scenario(bank.APP, bank_orders, bank_adds_up),
    "relay": Scenario(relay.APP, relay_orders, relay_adds_up),
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """A history that kept every promise."""

    digest: str
    steps: int
    events: int
    acks: int
    virtual_us: int


def play(
    seed: int,
    *,
    scenario: str | None = None,
    run_on: bool | None = None,
    make: type[World] = World,
    tell: Callable[[str], None] | None = None,
) -> Outcome:
    """Run the history of a seed.

    Raises:
        Violation: a promise was broken.
    """
    scheduler = Scheduler(seed, tell=tell)
    random = scheduler.random
    name = scenario or random.choice(sorted(SCENARIOS))
    chosen = SCENARIOS[name]
    profile = draw(random, run_on=run_on)
    scheduler.note(f"seed {seed} {name} {profile}")
    world = make(chosen.app, profile, scheduler)
    number = 1
    for _ in range(random.choice((1, 2, 4))):
        count = random.choice((5, 20, 40))
        world.add_client(_with_repeats(random, chosen.orders(random, number, count, STORM_US)))
        number += 1000
    try:
        storm(world, STORM_US)
        settle(world)
    finally:
        WEATHER.calm()
    check(world.app, world.store, world.history)
    chosen.adds_up(world.store)
    events = sum(len(log) for log in world.store.log.values())
    return Outcome(scheduler.digest(), scheduler.steps, events, len(world.history.acks), scheduler.now - START_US)


def _with_repeats(random: Random, orders: list[Order]) -> list[Order]:
    """Now and then a user sends an order again under the same key: sometimes with another payload."""
    again = []
    for order in orders:
        if order.key is not None and random.random() < 0.1:
            event = order.event
            if random.random() < 0.3:
                event = event.model_copy(update={"number": order.number + 500_000})
            again.append(order._replace(number=order.number + 500, event=event, after_us=STORM_US // 2))
    return orders + again


def storm(world: World, length_us: int) -> None:
    """Let things go wrong for a while."""
    scheduler, profile = world.scheduler, world.profile
    WEATHER.fails = lambda: world.stormy and scheduler.chance(profile.flaky)
    WEATHER.kills = lambda: world.stormy and scheduler.chance(0.3)
    world.stormy = True
    Storm(world, scheduler.awake + length_us)
    run(world, scheduler.awake + length_us)
    world.stormy = world.full = False
    world.end_superseded()
    scheduler.note("calm")


def settle(world: World, timers_us: int | None = None) -> None:
    """Wait until all that was published is handled, and every dead letter decided.

    Nobody wakes those that are stopped, and neither dead nor taken for dead: that is for a supervisor to notice.

    All timers are waited for; with `timers_us` those that are due within so long, and time leaps to each.
    """
    scheduler = world.scheduler
    world.beating = False
    for process in world.processes():
        process.skew_us = max(process.skew_us, 0)
        if process not in world.children:
            process.wake()
    if not any(supervisor.alive for supervisor in world.supervisors):
        world.start_supervisor()
    until = scheduler.awake + CALM_US
    wait(world, until, lambda: world.all_published, "clients are answered")
    last = scheduler.now + (timers_us or 0)
    while True:
        wait(world, until, lambda: not world.operator.waits, "decisions are answered")
        world.drainer.begin(timers=timers_us is None)
        wait(world, until, lambda: not world.drainer.waiting, "drains end")
        if world.operator.parked():
            world.operator.decide()
            continue
        due = min((timer.due for timer in world.store.timers.values()), default=last + 1)
        if timers_us is None or due > last:
            break
        world.sleep(max(due - scheduler.now, 0))
        until = scheduler.awake + CALM_US
        wait(world, until, lambda due=due: all(t.due > due for t in world.store.timers.values()), "timers fire")  # type: ignore[misc]
    wait(world, until, world.in_order, "whoever is needed runs, and is looked after")
    # Ticks count for no drain; one may come until the end.
    wait(world, until, world.owner_is_idle, "ticks are handled")


def wait(world: World, until: int, done: Callable[[], bool], promise: str) -> None:
    """Go on until something is so."""
    scheduler = world.scheduler
    while not done():
        if scheduler.steps > STEPS_MAX or not all(scheduler.step(until) for _ in range(LOOK_EVERY)):
            raise Violation(promise, f"not within {CALM_US / 1e6:.0f} s of calm and {STEPS_MAX} steps")


def run(world: World, until: int) -> None:
    """Go on until a moment."""
    scheduler = world.scheduler
    while scheduler.step(until):
        if scheduler.steps > STEPS_MAX:
            raise Violation("the runtime comes to rest", f"more than {STEPS_MAX} steps")
    scheduler.run(until)


def replay_command(seed: int, scenario: str | None, run_on: bool | None) -> str:
    """What to type to see a history again."""
    options = f" --app {scenario}" if scenario else ""
    if run_on is not None:
        options += " --run-on" if run_on else " --no-run-on"
    return f"python -m runtime.simulation --seed {seed}{options} --trace"


__all__ = ["Outcome", "Profile", "Scenario", "play", "replay_command", "run", "settle", "storm", "wait"]
