"""Ray: a job whose entry point (`ray_nodes`) starts torchrun once on each of as many machines."""

import json
import time

from mova_core.training.launch.spec import Job, LaunchSpec


def ray_job(spec: LaunchSpec) -> Job:
    """The submission to the cluster at RAY_ADDRESS; the log streams until the job ends."""
    settings = {
        "nodes": spec.nodes,
        "processes_per_node": spec.processes_per_node,
        "gpus": spec.gpus,
        "name": spec.name,
        "folder": spec.folder,
        "command": spec.command,
    }
    entry_point = ("python", "-m", "mova_core.training.launch.ray_nodes", json.dumps(settings))
    job = f"{spec.name}-{time.time():.0f}"  # Ray takes no name twice
    submit = ("ray", "job", "submit", f"--submission-id={job}", "--", *entry_point)
    return Job("", (submit,), ("ray", "job", "stop", job))
