"""The second executor: the simulator in calm weather, which runs the runtime's cores in one thread."""

from dataclasses import replace

from actors import Aggregate, App, NotDone, Unknown
from actors.turn import Instance
from runtime.core.failure import failure_of
from runtime.core.messages import Call, CallDone, CallKind, Outcome
from runtime.core.plan import Placement, cell_plan
from runtime.core.rows import Status
from runtime.simulation.client import Order
from runtime.simulation.play import run, wait
from runtime.simulation.profile import Profile
from runtime.simulation.scheduler import START_US, Scheduler
from runtime.simulation.world import World
from runtime.wire import decode_body
from tests.scenarios.story import BEGINS, NOTES, SECOND, Ending, Fact, Say, Story

PATIENCE = 1000 * SECOND
SETTLED_AFTER = SECOND // 20
"""What is due at once has been fired by then, and what is said at one moment takes less than ten seconds."""


class CalmWorld(World):
    """Nothing goes wrong but what the story's gateways raise, and they alone know what they did."""

    def __init__(self, app: App, profile: Profile, scheduler: Scheduler) -> None:
        super().__init__(app, profile, scheduler)
        self.knows_effects = False

    def run_gateway(self, call: Call, now: int) -> CallDone:
        try:
            return super().run_gateway(call, now)
        except Exception as error:
            outcome = Outcome.UNKNOWN if isinstance(error, Unknown) else Outcome.FAILED
            if isinstance(error, NotDone) and call.kind == CallKind.RECONCILE:
                outcome = Outcome.NOT_DONE
            return CallDone(call.gateway, call.kind, call.attempt, call.at, outcome, (), failure_of(error))


def simulated(story: Story, seed: int, *, run_on: bool = True, placement: Placement | None = None) -> Ending:
    scheduler = Scheduler(seed)
    world = CalmWorld(story.app, replace(Profile(), partitions=8, run_on=run_on), scheduler)
    world.plan = cell_plan(story.app, world.partitions, placement)
    moment = BEGINS
    run(world, moment - START_US)
    number = 0
    for step in story.steps:
        if isinstance(step, Say):
            number += len(step.events)
            first = number - len(step.events)
            orders = [Order(first + n, event, time=moment) for n, event in enumerate(step.events)]
            world.add_client(orders)
            client = world.clients[-1]
            wait(world, scheduler.awake + PATIENCE, lambda client=client: client.done, "clients are answered")  # type: ignore[misc]
        else:
            moment += step.seconds * SECOND
            run(world, moment - START_US)
        for _ in range(3):
            world.drainer.begin(timers=False)
            wait(world, scheduler.awake + PATIENCE, lambda: not world.drainer.waiting, "drains end")
            run(world, scheduler.awake + SETTLED_AFTER)
        assert scheduler.now < moment + 10 * SECOND, "what is said at one moment took so long that it meets the next"
    store = world.store
    facts = []
    for entry in (entry for log in store.log.values() for entry in log):
        body = decode_body(entry.body)
        if entry.at == entry.id and entry.type not in NOTES:
            facts.append(Fact(entry.time - BEGINS, entry.type, body.subject, body.source, body.data.decode()))
    dead = []
    for row in store.deliveries.values():
        if row.status == Status.PARKED:
            entry = store.entry(row.at)
            assert entry is not None
            dead.append((row.address, entry.type))
    return Ending.of(story, [_state(world, cls, id) for cls, id in story.look_at], facts, dead)


def _state(world: World, cls: type[Aggregate], id: str) -> Aggregate | None:
    group = world.app.catalogue.group_of[cls]
    row = world.store.instances.get(f"{group.name}/{id}")
    if row is None or not row.live:
        return None
    return Instance(group, id, row.state).objects()[group.classes.index(cls)]
