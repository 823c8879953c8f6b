"""Entry point of a Ray job: torchrun once on each machine, all at once; the first that fails ends the others.

python -m mova_core.training.launch.ray_nodes '{"nodes": 2, …}'    fields of `LaunchSpec`
"""

import json
import os
import subprocess
import sys
from typing import Any

import ray
from ray.util.placement_group import placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from mova_core.child_process import end_with_parent
from mova_core.ports import free_port
from mova_core.training.launch.spec import ENVIRONMENT, LaunchSpec, met_at, torchrun


@ray.remote
def meeting_point() -> tuple[str, int]:
    """Address and free port of the machine that this runs on."""
    return ray.util.get_node_ip_address(), free_port()


@ray.remote(max_retries=0)
def run_node(spec: LaunchSpec, host: str, port: int, first: bool) -> int:
    """Run torchrun on the machine that this runs on, the first or another; its exit code."""
    here = f"--rdzv-conf=is_host={int(first)}", f"--local-addr={ray.util.get_node_ip_address()}"
    command = torchrun(spec, *met_at(host, port, spec.name), *here)
    environment = {**os.environ, **ENVIRONMENT}
    return subprocess.run(command, cwd=spec.folder, env=environment, preexec_fn=end_with_parent, check=False).returncode


def run(spec: LaunchSpec) -> int:
    """Run every node; the exit code of the first that fails, or 0."""
    ray.init(address="auto", log_to_driver=True)
    resources = {"CPU": 1.0, "GPU": float(spec.processes_per_node)} if spec.gpus else {"CPU": 1.0}
    group = placement_group([resources] * spec.nodes, strategy="STRICT_SPREAD")
    ray.get(group.ready())

    def on(node: int) -> dict[str, Any]:
        place = PlacementGroupSchedulingStrategy(group, placement_group_bundle_index=node)
        return {"num_cpus": resources["CPU"], "num_gpus": resources.get("GPU", 0.0), "scheduling_strategy": place}

    host, port = ray.get(meeting_point.options(**on(0)).remote())
    running = [run_node.options(**on(node)).remote(spec, host, port, node == 0) for node in range(spec.nodes)]
    while running:
        (ended, *_), running = ray.wait(running)
        if code := ray.get(ended):
            for other in running:
                ray.cancel(other, force=True)
            return int(code)
    return 0


if __name__ == "__main__":
    settings = json.loads(sys.argv[1])
    sys.exit(run(LaunchSpec(**{**settings, "command": tuple(settings["command"])})))
