"""A Ray cluster of two nodes: the bytes of one machine, a lost node costs nothing, and no store fills up."""

import os
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from mova_core.curation.engine import ray as ray_engine
from mova_core.curation.engine.base import Engine
from mova_core.curation.engine.run import run
from mova_core.curation.engine.worker import ANSWER_MB
from mova_core.curation.segment import stage
from mova_core.curation.segment.stage import Source, segment_source
from mova_core.errors import MovaError, UsageError
from mova_core.params import Limits, Resources

STORE_MB = 80
ON_RAY = Engine("ray", 2)
FAST = {"health_check_period_ms": 1000, "health_check_failure_threshold": 3}


@dataclass
class Nodes:
    """A cluster, and its nodes by name; a worker reads the name of its own in NODE_NAME."""

    cluster: Any
    nodes: dict[str, Any] = field(default_factory=dict)

    def add(self, name: str, processors: int = 1, **options: Any) -> None:
        options |= {"num_cpus": processors, "object_store_memory": STORE_MB * 2**20, "env_vars": {"NODE_NAME": name}}
        self.nodes[name] = self.cluster.add_node(**options)

    def lose(self, name: str) -> None:
        """As when the machine goes off."""
        self.cluster.remove_node(self.nodes.pop(name), allow_graceful=False)


@pytest.fixture(scope="module")
def started():
    import ray
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        nodes = Nodes(Cluster())
        try:
            nodes.add("head", _system_config=FAST, include_dashboard=False, include_log_monitor=False)
            patch.setenv("RAY_ADDRESS", nodes.cluster.address)
            yield nodes
        finally:
            ray.shutdown()
            nodes.cluster.shutdown()


@pytest.fixture
def nodes(started):
    """Two nodes of one processor, whatever the test before lost."""
    if "other" not in started.nodes:
        started.add("other")
    started.cluster.wait_for_nodes()  # and for the lost one to be known as lost
    return started


def meet(folder: Path) -> str:
    """Name of this node, once both nodes are at work: a FIFO opens when it is opened from both ends."""
    name = os.environ["NODE_NAME"]
    if not (folder / name).exists():
        (folder / "meeting").open("r" if name == "head" else "w").close()
        (folder / name).touch()
    return name


def segment_on_both(source: Source) -> dict[str, Any]:
    meet(source.path.parents[1] / "nodes")
    return segment_source(source)


def segment_until_lost(source: Source) -> dict[str, Any]:
    """Does the work on the head alone: on the other node it says that it has begun, and never ends."""
    folder = source.path.parents[1] / "nodes"
    if meet(folder) == "other":
        wait_to_be_lost(folder)
    return segment_source(source)


def wait_to_be_lost(folder: Path) -> None:
    (folder / "begun").open("w").close()
    signal.pause()


def answer_at_length(item: int) -> str:
    return str(item % 10) * ((ANSWER_MB - 1) * 2**20)


@pytest.fixture
def footage(small_footage, tmp_path):
    """The small footage beside an empty folder with the FIFOs by which nodes meet."""
    shutil.copytree(small_footage, tmp_path / "footage")
    (tmp_path / "nodes").mkdir()
    os.mkfifo(tmp_path / "nodes/meeting")
    os.mkfifo(tmp_path / "nodes/begun")
    return tmp_path / "footage"


@contextmanager
def losing(nodes, name, folder):
    """Lose a node as soon as a worker on it waits for that."""

    def lose():
        (folder / "begun").open().close()
        nodes.lose(name)

    with ThreadPoolExecutor(1) as pool:
        lost = pool.submit(lose)
        yield
        lost.result()


@pytest.fixture(scope="module")
def locally(small_footage, segment_small, tmp_path_factory):
    """Tables of one worker on this machine, after seeing that two write the same."""
    root = tmp_path_factory.mktemp("locally")
    one, two = (segment_small(small_footage, root / str(count), Engine("local", count)) for count in (1, 2))
    assert one == two and len(one) == 4
    return one


def test_two_nodes_write_the_bytes_of_one_machine(nodes, footage, segment_small, locally, tmp_path, monkeypatch):
    monkeypatch.setattr(stage, "segment_source", segment_on_both)
    assert segment_small(footage, tmp_path / "ray", ON_RAY) == locally
    assert (tmp_path / "nodes/head").exists() and (tmp_path / "nodes/other").exists()


def test_a_node_lost_at_work_changes_no_byte(nodes, footage, segment_small, locally, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(stage, "segment_source", segment_until_lost)
    with losing(nodes, "other", tmp_path / "nodes"):
        assert segment_small(footage, tmp_path / "ray", ON_RAY) == locally
    assert "Ray lost its task" in caplog.text and "tried again" not in caplog.text


def test_what_no_node_holds_is_refused_at_once(nodes):
    def refused(resources: Resources) -> str:
        with pytest.raises(UsageError) as error:
            list(run(answer_at_length, [1], engine=ON_RAY.with_resources(resources), limits=Limits()))
        return str(error.value)

    assert refused(Resources(gpu=1)) == (
        "no node of the Ray cluster holds a worker of 1 processors, 1 GPUs and 0 MiB (params, section engine): "
        f"the largest of its 2 nodes have 1 processors, 0 GPUs, {memory_mb():g} MiB"
    )
    assert "holds a worker of 2 processors" in refused(Resources(cpu=2))
    assert "GPUs and 100000000 MiB (params" in refused(Resources(memory_mb=10**8))


def memory_mb() -> float:
    import ray

    return max(node["Resources"]["memory"] for node in ray.nodes() if node["Alive"]) / 2**20


def test_when_the_last_node_that_holds_a_worker_is_lost_the_run_stops(nodes, tmp_path, monkeypatch):
    monkeypatch.setattr(ray_engine, "LOOK_S", 0.2)
    os.mkfifo(tmp_path / "begun")
    nodes.add("large", processors=2)
    two = ON_RAY.with_resources(Resources(cpu=2))
    with losing(nodes, "large", tmp_path), pytest.raises(MovaError, match=r"2 processors.*finished parts are kept"):
        list(run(wait_to_be_lost, [tmp_path], engine=two, limits=Limits()))


def test_answers_do_not_pile_up_in_the_stores(nodes):
    """Answers of more than both stores hold, taken slower than they come, and nothing is spilled to disk."""
    items = range(24)
    assert len(items) * (ANSWER_MB - 1) > 2 * STORE_MB
    most_mb = 0.0
    for item, result in zip(items, run(answer_at_length, items, engine=ON_RAY, limits=Limits()), strict=True):
        assert result.value is not None and result.value[:2] == str(item % 10) * 2
        used_mb, spilled_mb = stores()
        assert spilled_mb == 0
        most_mb = max(most_mb, used_mb)
    assert most_mb > 0  # they did go through the stores


def stores() -> tuple[float, float]:
    """MiB in the object stores of all nodes, and MiB that they ever spilled."""
    from ray._private.internal_api import get_memory_info_reply, get_state_from_address

    stats = get_memory_info_reply(get_state_from_address()).store_stats
    return stats.object_store_bytes_used / 2**20, stats.spilled_bytes_total / 2**20


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://localhost:1", "head"])
def test_a_cluster_that_is_not_there_is_one_sentence(monkeypatch, address):
    import ray

    ray.shutdown()
    monkeypatch.setenv("RAY_ADDRESS", address)
    with pytest.raises(UsageError, match=f"no Ray cluster answers at RAY_ADDRESS '{address}'"):
        list(run(answer_at_length, [1], engine=ON_RAY, limits=Limits()))


def test_a_token_that_is_missing_is_one_sentence(started, tmp_path):
    program = "from mova_core.curation.engine.ray import _connect; _connect(1)"
    variables = {"RAY_AUTH_MODE": "token", "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, **variables}, capture_output=True, text=True
    )
    last = done.stderr.splitlines()[-1]
    assert "UsageError: Ray cannot be used (" in last and "of its RAY_AUTH_MODE and ~/.ray/auth_token" in last
