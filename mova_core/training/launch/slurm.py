"""Slurm: a batch script whose single step starts torchrun on every node."""

import shlex
from dataclasses import replace

from mova_core.training.launch.spec import ENVIRONMENT, Job, LaunchSpec, met_at, torchrun
from mova_core.training.launch.templates import render


def slurm_job(spec: LaunchSpec) -> Job:
    """The batch script, submitted from stdin; partition, account and time limit are sbatch's own variables."""
    quoted = replace(spec, command=tuple(map(shlex.quote, spec.command)))
    command = torchrun(quoted, *met_at("$host", "$port", "$SLURM_JOB_ID"))
    script = render("slurm.sh", spec=spec, command=command, environment=ENVIRONMENT)
    return Job(script, (("sbatch", "--wait"),), ("scancel", "--me", f"--name={spec.name}"))
