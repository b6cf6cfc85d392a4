"""Turns on the rig, each with an effect that can be counted."""

from runtime.core.messages import Delivery

from .rig import Rig, emission, saves


def delivered(rig: Rig, *addresses: str) -> tuple[int, list[Delivery]]:
    """Publish an event for each, in one batch with its host."""
    for address in addresses:
        rig.publish(address)
    rig.commit()
    return rig.deliveries_to("host-0")


def effect(d: Delivery) -> dict[str, object]:
    return saves(d) | {"emitted": (emission(),)}


def effects(rig: Rig) -> int:
    return rig.types.count("completed")
