"""Dead letters on the rig, and what the log says of them."""

from runtime.core.limits import Limits
from runtime.core.messages import Delivery
from runtime.core.rows import Entry

from .rig import Rig, plan

AT_ONCE = Limits(retries=0)


def parked_rig(**fields: str) -> tuple[Rig, Delivery]:
    """A wallet with a dead letter, held."""
    rig = Rig(plan(**fields), AT_ONCE)
    return rig, rig.park("Wallet/ada")


def notes(rig: Rig) -> list[Entry]:
    return [e for e in rig.log.values() if e.type.startswith("trunkline.")]
