"""Links between processes, as sockets behave: frames in order, until the link breaks and a suffix is lost.

Both ends hear of a break, each in its own time, so for a while one end talks to nobody. What crosses is encoded
and decoded, as on a real wire. Now and then a frame comes twice: nothing may need a sender that never repeats itself.
"""

from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import msgspec

from runtime.core.messages import encode
from runtime.simulation.process import Process
from runtime.simulation.scheduler import Scheduler


@dataclass(frozen=True, slots=True)
class Weather:
    """How bad a network is."""

    delay_us: int = 300
    slow: float = 0.02
    """Frames that take a hundred times as long."""
    repeat: float = 0.0
    """Frames that come twice."""


CALM = Weather()


class Link:
    """One connection between two processes, good for one life."""

    def __init__(self, scheduler: Scheduler, left: Process, right: Process, weather: Weather) -> None:
        self._scheduler = scheduler
        self._weather = weather
        self.ends = (left, right)
        self.up = True
        self._arrival = {left: 0, right: 0}
        """When the last frame for an end comes in: the next one comes after it."""
        left.links.append(self)
        right.links.append(self)

    def other(self, end: Process) -> Process:
        """Who is on the other side."""
        return self.ends[1] if end is self.ends[0] else self.ends[0]

    def send(self, sender: Process, frame: Any) -> None:
        """Hand a frame to the network. On a broken link it is lost in silence."""
        if not self.up or not sender.alive:
            return
        target = self.other(sender)
        data = encode(frame)
        kind = type(frame)
        self._deliver(target, kind, data)
        if self._scheduler.chance(self._weather.repeat):
            self._deliver(target, kind, data)

    def _deliver(self, target: Process, kind: type, data: bytes) -> None:
        scheduler, weather = self._scheduler, self._weather
        delay = scheduler.between(weather.delay_us // 4, weather.delay_us * 2)
        if scheduler.chance(weather.slow):
            delay *= 100
        arrival = max(self._arrival[target] + 1, scheduler.awake + delay)
        self._arrival[target] = arrival
        target.later(arrival - scheduler.awake, partial(self._arrive, target, kind, data))

    def _arrive(self, target: Process, kind: type, data: bytes) -> None:
        if self in target.links:
            target.received(self, _decoder(kind).decode(data))

    def cut(self) -> None:
        """Break it. Each end still gets what comes in before it hears of the break, and nothing after."""
        if not self.up:
            return
        self.up = False
        for end in self.ends:
            if end.alive:
                end.later(self._scheduler.between(1, self._weather.delay_us * 4), partial(self._gone, end))

    def _gone(self, end: Process) -> None:
        if self in end.links:
            end.links.remove(self)
            end.lost(self)


@cache
def _decoder(kind: type) -> msgspec.msgpack.Decoder[Any]:
    return msgspec.msgpack.Decoder(kind)
