"""The files for `ray up`, as Ray reads them."""

import copy
import re
import shlex
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from ray.autoscaler._private.commands import prepare_config
from ray.autoscaler._private.util import validate_config

ROOT = Path(__file__).resolve().parents[2]
FILES = ["cluster.yaml", "cluster.local.yaml"]


def read(name: str) -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load((ROOT / name).read_text())
    return config


def starts(config: dict[str, Any]) -> tuple[list[str], list[str]]:
    """The words of `ray start` on the head, and on a worker."""
    (head,) = [c for c in config["head_start_ray_commands"] if "ray start" in c]
    (worker,) = [c for c in config["worker_start_ray_commands"] if "ray start" in c]
    return shlex.split(head), shlex.split(worker)


@pytest.mark.parametrize("name", FILES)
def test_ray_takes_it_as_it_is(name: str) -> None:
    filled = prepare_config(read(name))

    # Raises what is wrong, against Ray's own schema.
    validate_config(filled)
    misspelled = copy.deepcopy(filled) | {"setup_comands": []}
    with pytest.raises(jsonschema.ValidationError, match="setup_comands"):
        validate_config(misspelled)


@pytest.mark.parametrize("name", FILES)
def test_nobody_gets_in_without_the_token_and_the_dashboard_is_for_the_head_itself(name: str) -> None:
    config = read(name)

    head, worker = starts(config)

    assert config["file_mounts"]["~/.ray/auth_token"] == "~/.ray/auth_token"
    assert "RAY_AUTH_MODE=token" in head
    assert "RAY_AUTH_MODE=token" in worker
    assert "--dashboard-host=127.0.0.1" in head
    assert any("RAY_AUTH_MODE=token" in command and ".bashrc" in command for command in config["setup_commands"])


@pytest.mark.parametrize("name", FILES)
def test_it_brings_all_that_the_package_is_made_of_to_each_node(name: str) -> None:
    mounts = read(name)["file_mounts"]

    project = {remote: local for remote, local in mounts.items() if remote.startswith("~/trunkline/")}

    pyproject = (ROOT / "pyproject.toml").read_text()
    packages = re.search(r"^packages = \[(.*)\]$", pyproject, re.MULTILINE)
    readme = re.search(r'^readme = "(.*)"$', pyproject, re.MULTILINE)
    assert packages
    assert readme
    assert set(project.values()) == {*re.findall(r'"(\w+)"', packages[1]), readme[1], "pyproject.toml"}
    assert all(remote == f"~/trunkline/{local}" for remote, local in project.items())


def test_the_two_files_do_the_same_on_a_node() -> None:
    cloud, local = map(read, FILES)

    for part in ("file_mounts", "setup_commands", "worker_start_ray_commands"):
        assert cloud[part] == local[part]
    assert set(starts(local)[0]) - set(starts(cloud)[0]) == {"RAY_enable_autoscaler_v2=0"}
    assert set(starts(cloud)[0]) <= set(starts(local)[0])


def test_what_a_machine_in_the_cloud_keeps_is_the_journal() -> None:
    config = read("cluster.yaml")
    disk = config["available_node_types"][config["head_node_type"]]["node_config"]["BlockDeviceMappings"][0]["Ebs"]

    assert config["provider"]["cache_stopped_nodes"] is True
    assert disk["DeleteOnTermination"] is False
    assert disk["Encrypted"] is True


def test_no_port_of_a_machine_in_the_cloud_is_opened_besides_those_that_ray_opens() -> None:
    # Ray opens ssh, and refuses to start if it is asked to open that again.
    assert read("cluster.yaml")["provider"]["security_group"] == {"GroupName": "trunkline"}
