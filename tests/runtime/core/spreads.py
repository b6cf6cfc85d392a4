"""Broadcasts on the rig, to instances that are at rest."""

from runtime.core.limits import Limits
from runtime.core.messages import Delivery
from runtime.core.partition import partition_of

from .rig import PARTITIONS, Rig

ADA = partition_of("ada", PARTITIONS)


def here(count: int) -> list[str]:
    """Keys of ada's partition, in the order of their addresses."""
    found = [key for n in range(1000) if partition_of(key := f"k{n:03}", PARTITIONS) == ADA]
    return found[:count]


def living(*keys: str, **limits: int) -> Rig:
    """Wallets that have handled a keyed event each, at rest: nothing of them is in memory."""
    rig = Rig(limits=Limits(**limits))
    for key in keys:
        rig.publish(f"Wallet/{key}")
    rig.work()
    rig.start()
    return rig


def announce(rig: Rig, **fields: object) -> int:
    """Publish a broadcast to all wallets; give its number of entries so far."""
    rig.publish("Wallet/*", type="announced", partition=ADA, **fields)
    return len(rig.log)


def heard(deliveries: list[Delivery], type: str = "announced") -> list[str]:
    return [d.address for d in deliveries if d.type == type]
