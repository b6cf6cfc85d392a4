"""An app on a cluster of several nodes: it stays together, on the node where its journal is."""

from pathlib import Path

import pytest

from tests.runtime.lifetimes.programs import SHOP, run_python

pytestmark = pytest.mark.slow
FOUR_NODES = """
import ray
from ray.cluster_utils import Cluster
from runtime import Runtime

NODE = {"num_cpus": 1, "object_store_memory": 80_000_000}
nodes = Cluster(initialize_head=True, head_node_args=NODE | {"include_dashboard": False})
for _ in range(3):
    nodes.add_node(**NODE)
ray.init(address=nodes.address, log_to_driver=False)
try:
    with Runtime.start(app, placement="dedicated") as rt:
        rt.publish(AttemptedPurchase(player_id="ada", credits=7))
        rt.drain()
        print("the wallet holds", rt.get(Wallet, "ada").credits)
        actors = ray._private.state.actors().values()
        here = ray.get_runtime_context().get_node_id()
        print("alive:", sorted({actor["ActorClassName"] for actor in actors if actor["State"] == "ALIVE"}))
        print("elsewhere:", sorted(actor["Name"] for actor in actors if actor["Address"]["NodeID"] != here))
finally:
    ray.shutdown()
    nodes.shutdown()
"""


def test_all_of_an_app_runs_on_the_node_of_its_driver_where_its_journal_is(tmp_path: Path) -> None:
    outcome = run_python(["-c", SHOP + FOUR_NODES], tmp_path)

    outcome.must_have_said("the wallet holds 10")
    outcome.must_have_said("alive: ['Gateways', 'Host', 'Router', 'Supervisor']")
    outcome.must_have_said("elsewhere: []")
