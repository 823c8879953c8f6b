"""The launcher that params name, and the job it makes."""

import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mova_core.errors import UsageError
from mova_core.params.model import LaunchParams
from mova_core.storage.hashing import sha256_json
from mova_core.training.launch.kubernetes import kubernetes_job
from mova_core.training.launch.local import local_command, run_here
from mova_core.training.launch.ray import ray_job
from mova_core.training.launch.slurm import slurm_job
from mova_core.training.launch.spec import Job, LaunchSpec
from mova_core.training.launch.submit import run_job

LOCAL = "local"
CLUSTERS: Mapping[str, Callable[[LaunchSpec], Job]] = {
    "slurm": slurm_job,
    "kubernetes": kubernetes_job,
    "ray": ray_job,
}


def with_launcher(params: LaunchParams, launcher: str | None) -> LaunchParams:
    """The params, with another launcher if one is named.

    Raises:
        UsageError: no such launcher.
    """
    known = (LOCAL, *CLUSTERS)
    if launcher is not None and launcher not in known:
        raise UsageError(f"--launcher got {launcher!r}, expected one of {', '.join(known)}")
    return params.model_copy(update={"launcher": launcher or params.launcher})


def spec_of(params: LaunchParams, phase: str, command: tuple[str, ...]) -> LaunchSpec:
    """What is to be started for one phase of the project in this folder."""
    folder = str(Path.cwd())
    name = f"mova-{phase}-{sha256_json(folder)[:6]}"
    return LaunchSpec(name, command, folder, params.nodes, params.processes_per_node, params.gpus, params.image)


def is_here(params: LaunchParams) -> bool:
    """Whether the training is this process itself."""
    return params.launcher == LOCAL and params.nodes == params.processes_per_node == 1


def manifest(params: LaunchParams, spec: LaunchSpec) -> str:
    """What would be submitted, or the command that would be run."""
    if params.launcher == LOCAL:
        return shlex.join(spec.command if is_here(params) else local_command(spec))
    job = CLUSTERS[params.launcher](spec)
    return job.manifest or "\n".join(map(shlex.join, job.run))


def launch(params: LaunchParams, spec: LaunchSpec) -> dict[str, Any]:
    """Start all processes and wait for them; a summary.

    Raises:
        UsageError, MovaError: what the first failing process said, or the launcher's tool is missing.
    """
    return run_here(spec) if params.launcher == LOCAL else run_job(CLUSTERS[params.launcher](spec))
