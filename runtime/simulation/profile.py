"""How rough a history is: drawn from its seed, each fault present in some histories and absent from others.

A history in which everything goes wrong finds less than many in which some things go wrong often: a fault that is
absent lets others run deep (the swarm testing of Groce and others).
"""

from dataclasses import dataclass, field
from random import Random

from runtime.core.limits import Limits
from runtime.core.plan import Placement
from runtime.simulation.disk import Wear
from runtime.simulation.network import Weather

FAULTS = (
    "kill router",
    "stop router",
    "second router",
    "kill host",
    "stop host",
    "kill gateways",
    "stop gateways",
    "kill supervisor",
    "stop supervisor",
    "second supervisor",
    "kill client",
    "cut link",
    "clock jump",
    "operator",
    "close router",
    "full disk",
    "sleep",
)


@dataclass(frozen=True, slots=True)
class Profile:
    """All that chance decides about a history before it begins."""

    partitions: int = 4
    placement: Placement | None = None
    """Overrides what the classes say."""
    run_on: bool = True
    slow_reads: bool = False
    """Reads of the journal take time, in which other things happen."""
    pause_us: int = 200
    """The longest rest of a process between two steps."""
    think_us: int = 5_000
    """The longest rest of a client between two batches."""
    batch: int = 4
    """The largest batch of a client."""
    restart_us: int = 20_000
    """How long it takes to miss a process and to start another."""
    second_us: int = 20_000
    """What supervisors count as a second: they take for stopped who is silent for ten."""
    turn_us: int = 200
    """How long a host works on a delivery, at most."""
    call_us: int = 20_000
    """How long a gateway's call takes, at most."""
    weather: Weather = field(default_factory=Weather)
    wear: Wear = field(default_factory=Wear)
    limits: Limits = field(default_factory=Limits)
    faults: tuple[str, ...] = ()
    """Those that occur."""
    fault_every_us: int = 50_000
    sleep_us: int = 400_000
    """How long the whole machine sleeps, at most."""
    budget: int = 0
    """Events that an origin may cause; 0: the usual number."""
    flaky: float = 0.0
    """Turns of flaky handlers that raise."""
    gateway_trouble: float = 0.0
    """Calls that do not simply answer."""


def draw(random: Random, *, run_on: bool | None = None) -> Profile:
    """The profile of a seed."""
    rough = [fault for fault in FAULTS if random.random() < 0.4]
    return Profile(
        partitions=random.choice((1, 2, 4, 8)),
        placement=random.choice((None, None, None, "sharded", "dedicated")),
        run_on=random.random() < 0.6 if run_on is None else run_on,
        slow_reads=random.random() < 0.3,
        pause_us=random.choice((20, 200, 1_000)),
        think_us=random.choice((500, 5_000, 20_000)),
        batch=random.choice((1, 4, 20)),
        restart_us=random.choice((2_000, 20_000)),
        second_us=random.choice((5_000, 15_000)),
        turn_us=random.choice((10, 200, 2_000)),
        call_us=random.choice((500, 20_000)),
        weather=Weather(
            delay_us=random.choice((20, 300, 2_000)),
            slow=random.choice((0.0, 0.02, 0.1)),
            repeat=random.choice((0.0, 0.05)),
        ),
        wear=Wear(
            commit_us=random.choice((100, 2_000, 10_000)),
            slow=random.choice((0.0, 0.05)),
            fail=random.choice((0.0, 0.0, 0.02)),
        ),
        limits=Limits(
            hosts=random.choice((1, 1, 2)),
            batch_deliveries=random.choice((1, 5, 1000)),
            batches_in_flight=random.choice((1, 2, 3)),
            pending_max=random.choice((10, 200_000)),
            mailbox_bodies_max=random.choice((2, 2_000)),
            retries=random.choice((0, 2)),
            backoff_us=1_000,
            backoff_max_us=20_000,
            watermark_every=random.choice((1, 10, 256)),
            spill_after=random.choice((8, 40, 4096)),
            idle_us=random.choice((10_000, 600_000_000)),
            sweep_us=random.choice((10_000, 30_000_000)),
            page=random.choice((1, 2, 500)),
            dedicated_max=random.choice((1, 64)),
        ),
        faults=tuple(rough),
        fault_every_us=random.choice((20_000, 60_000, 200_000)),
        budget=random.choice((0, 20, 200)),
        flaky=random.choice((0.0, 0.05, 0.2)),
        gateway_trouble=random.choice((0.0, 0.2, 0.5)),
    )
