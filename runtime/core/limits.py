"""The router's bounds and periods. Times in microseconds of the router's clock."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one router. The defaults suit a node of a few cores."""

    hosts: int = 1
    """Sharded hosts: partition modulo this number picks one."""
    batch_deliveries: int = 250
    """Deliveries sent to a host at once: few enough that host and router work at the same time."""
    batches_in_flight: int = 4
    """Batches a host may have: one that it works on, the others wait in its socket."""
    pending_max: int = 200_000
    """Unhandled deliveries above which origins are refused."""
    mailbox_bodies_max: int = 2_000
    """Unhandled deliveries of one instance kept whole; of the rest only positions are kept."""
    retries: int = 3
    """Of a failing turn, after the first."""
    backoff_us: int = 100_000
    backoff_max_us: int = 30_000_000
    watermark_every: int = 256
    """Positions that a watermark moves before it is written."""
    spill_after: int = 4096
    """Positions behind the head after which an open delivery gets a row of its own."""
    idle_us: int = 600_000_000
    """Idle time after which an instance is passivated."""
    sweep_us: int = 30_000_000
    verify_us: int = 1_000_000
    """While somebody waits for what has not happened yet: how often a router asks whether it was succeeded."""
    page: int = 500
    """Live instances of a broadcast read at once."""
    dedicated_max: int = 64
    """Dedicated hosts on this node; above it instances share."""

    second_us: int = 1_000_000
    """What the router's clock counts in a second of real time."""

    def at_pace(self, pace: float) -> "Limits":
        """The same periods of real time on a clock that runs `pace` times as fast.

        How long to leave a failing turn, an idle instance or the world outside alone is no matter of the app's time.
        """
        periods = ("backoff_us", "backoff_max_us", "idle_us", "sweep_us", "verify_us", "second_us")
        return replace(self, **{name: max(round(getattr(self, name) * pace), 1) for name in periods})

    def backoff(self, tries: int) -> int:
        """How long to wait after this many failed tries: doubling, bounded."""
        return min(self.backoff_us << min(tries - 1, 20), self.backoff_max_us)
