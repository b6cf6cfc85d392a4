"""An app's processes as Ray and `ps` show them."""

import os

from tests.conftest import Start
from tests.processes import descendants
from tests.runtime.cluster.actors_of import actors_of
from tests.runtime.cluster.shop import shop


def test_its_processes_stand_under_names_that_say_what_they_are(start: Start, app_name: str) -> None:
    app = shop(app_name)
    rt = start(app)

    found = [actor for actor in actors_of(app) if actor.name != f"{app_name}:spare"]

    assert [(actor.name.removeprefix(app_name), actor.cls) for actor in found] == [
        (":Gateways", "Gateways"),
        (":Router", "Router"),
        (":Supervisor", "Supervisor"),
        (":host-0", "Host"),
    ]
    assert {actor.name: actor.pid for actor in found}.items() <= rt.processes().items()
    titles = descendants(os.getpid())
    for actor in found:
        assert titles[actor.pid].startswith(f"ray::{actor.cls}")


def test_they_are_detached_reserve_nothing_and_only_the_supervisor_is_restarted_by_ray(
    start: Start, app_name: str
) -> None:
    app = shop(app_name)
    start(app)

    found = actors_of(app)

    assert {actor.name for actor in found if not actor.detached} == set()
    assert {actor.name for actor in found if actor.resources} == set()
    assert {actor.cls for actor in found if actor.max_restarts == -1} == {"Supervisor"}
    assert {actor.max_restarts for actor in found if actor.cls != "Supervisor"} == {0}
