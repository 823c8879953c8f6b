"""Writes the examples of infra/, from the code that submits jobs and sets DeepSpeed up.

python -m mova_core.training.launch.write infra
"""

import json
import sys
from pathlib import Path

from mova_core.params.model import OptimizerParams
from mova_core.storage.atomic import write_text
from mova_core.training.launch.accelerate import accelerate_config
from mova_core.training.launch.kubernetes import kubernetes_job
from mova_core.training.launch.slurm import slurm_job
from mova_core.training.launch.spec import LaunchSpec
from mova_core.training.strategy.deepspeed_config import STAGES, deepspeed_config

COMMAND, FOLDER = ("mova", "train", "phase1"), "/project"
EXAMPLES = {
    "one_process": LaunchSpec("mova-phase1", COMMAND, FOLDER),
    "two_cpu_processes": LaunchSpec("mova-phase1", COMMAND, FOLDER, processes_per_node=2),
    "eight_gpus": LaunchSpec("mova-phase1", COMMAND, FOLDER, processes_per_node=8, gpus=True),
    "report_128x8": LaunchSpec("mova-phase1", COMMAND, FOLDER, nodes=128, processes_per_node=8, gpus=True),
}
"""By file name; the last is the size of the MOVA report's own run."""


def examples() -> dict[str, str]:
    """Every example's text, by its path below infra/."""
    texts = {}
    for name, spec in EXAMPLES.items():
        texts[f"slurm/{name}.sh"] = slurm_job(spec).manifest
        texts[f"kubernetes/{name}.yaml"] = kubernetes_job(spec).manifest
        texts[f"accelerate/{name}.yaml"] = accelerate_config(spec)
    for backend, stage in STAGES.items():  # the same on any number of processes
        config = deepspeed_config(stage, OptimizerParams().clip_norm)
        texts[f"deepspeed/{backend}.json"] = json.dumps(config, indent=2) + "\n"
    return texts


if __name__ == "__main__":
    for path, text in examples().items():
        file = Path(sys.argv[1]) / path
        file.parent.mkdir(parents=True, exist_ok=True)
        write_text(file, text)
