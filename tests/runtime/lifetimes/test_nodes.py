"""An app and the nodes of its cluster: it stays together where its journal is, and ends with a node that it began."""

from pathlib import Path

import pytest

from tests.runtime.lifetimes.programs import SHOP, run_python, said_processes, wait_for_the_end_of

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
        while rt.status()["where"].get("Wallet/ada") != ["Wallet/ada"]:
            pass  # It shares a host until its own is up.
        actors = [actor for actor in ray._private.state.actors().values() if actor["State"] == "ALIVE"]
        here = ray.get_runtime_context().get_node_id()
        print("alive:", sorted({actor["ActorClassName"] for actor in actors }))
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


LOST = """
import os, signal
import ray
from runtime import NodeLost, Runtime

rt = Runtime.start(app)
rt.publish(AttemptedPurchase(player_id="ada", credits=7))
rt.drain()
print("processes", *rt.processes().values(), flush=True)
((raylet,),) = [ps for name, ps in ray._private.worker._global_node.all_processes.items() if name == "raylet"]
rt.publish(AttemptedPurchase(player_id="ada", credits=0))
os.kill(raylet.process.pid, signal.SIGKILL)


def said(ask):
    try:
        while True:
            ask()
    except NodeLost as error:
        return "NodeLost" if "start it again on the same journal" in error.hint else "no hint"


print("drain:", said(rt.drain))
print("publish:", said(lambda: rt.publish(AttemptedPurchase(player_id="bob", credits=1))))
rt.close()
with Runtime.start(app) as rt:
    rt.drain()
    print("the wallet holds", rt.get(Wallet, "ada").credits)
"""


def test_an_app_ends_with_the_node_that_it_began_and_goes_on_with_the_next_start(tmp_path: Path) -> None:
    outcome = run_python(["-c", SHOP + LOST], tmp_path)

    outcome.must_have_said("drain: NodeLost")
    outcome.must_have_said("publish: NodeLost")
    # Of two purchases, with a bonus of three each.
    outcome.must_have_said("the wallet holds 13")
    wait_for_the_end_of(said_processes(outcome.text))
