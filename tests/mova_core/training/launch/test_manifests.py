"""Manifests: the examples of infra/ are what the code submits, and are what Slurm, Kubernetes and accelerate take."""

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
import yaml
from accelerate.commands.config.config_args import load_config_from_file

from mova_core.training.launch.kubernetes import kubernetes_job
from mova_core.training.launch.ray import ray_job
from mova_core.training.launch.slurm import slurm_job
from mova_core.training.launch.write import EXAMPLES, examples

INFRA = Path(__file__).parents[4] / "infra"
SCHEMAS = yaml.safe_load(Path(__file__).with_name("kubernetes_schema.yaml").read_text())
SBATCH_OPTIONS = {  # of `man sbatch`
    *("job-name", "nodes", "ntasks-per-node", "gpus-per-node", "cpus-per-task", "exclusive"),
    *("chdir", "output", "open-mode", "requeue"),
}


def test_the_examples_are_what_is_submitted():
    folders = {path.partition("/")[0] for path in examples()}
    found = {
        path.relative_to(INFRA).as_posix(): path.read_text() for each in folders for path in (INFRA / each).iterdir()
    }
    assert found == examples(), "run `python -m mova_core.training.launch.write infra`"


@pytest.mark.parametrize("name", EXAMPLES)
def test_slurm_takes_the_script(name):
    script = slurm_job(EXAMPLES[name]).manifest
    assert subprocess.run(["bash", "-n"], input=script, text=True, check=False).returncode == 0
    options = dict(re.findall(r"^#SBATCH --([a-z-]+)(?:=(\S+))?$", script, re.MULTILINE))
    assert len(options) == script.count("#SBATCH") and options.keys() <= SBATCH_OPTIONS
    assert options["nodes"] == str(EXAMPLES[name].nodes)


def test_the_script_runs_torchrun_on_every_node(tmp_path):
    """With stand-ins for Slurm's own commands, on two nodes, and a path that has a space."""
    spec = replace(
        EXAMPLES["two_cpu_processes"], nodes=2, command=("mova", "train", "phase1", "--params", "my trial.yaml")
    )
    said = subprocess.run(
        ["bash", "-c", 'scontrol() { printf "n1\\nn2\\n"; }; srun() { printf "%s\\n" "$@"; }; eval "$(cat)"'],
        input=slurm_job(spec).manifest,
        env={"SLURM_JOB_NODELIST": "n[1-2]", "SLURM_JOB_ID": "20007", "PATH": "/usr/bin:/bin"},
        text=True,
        capture_output=True,
        check=True,
    ).stdout.splitlines()
    assert said[1] == "torchrun" and said[-1] == "my trial.yaml"
    assert {"--nnodes=2", "--rdzv-endpoint=n1:20007", "--rdzv-id=20007"} <= set(said)


@pytest.mark.parametrize("name", EXAMPLES)
def test_kubernetes_takes_the_manifest(name):
    service, job = yaml.safe_load_all(kubernetes_job(EXAMPLES[name]).manifest)
    for document in (service, job):
        jsonschema.validate(document, SCHEMAS[document["kind"]])
    pods = job["spec"]["template"]["spec"]
    assert job["spec"]["completions"] == job["spec"]["parallelism"] == EXAMPLES[name].nodes
    assert pods["subdomain"] == service["metadata"]["name"]
    volumes = {volume["name"] for volume in pods["volumes"]}
    assert {mount["name"] for mount in pods["containers"][0]["volumeMounts"]} == volumes


@pytest.mark.parametrize("name", EXAMPLES)
def test_accelerate_takes_the_config(name):
    config = load_config_from_file(str(INFRA / f"accelerate/{name}.yaml"))
    assert (config.num_machines, config.num_processes) == (EXAMPLES[name].nodes, EXAMPLES[name].processes)


def test_ray_takes_the_spec_as_one_argument():
    (submit,), stop = ray_job(EXAMPLES["eight_gpus"]).run, ray_job(EXAMPLES["eight_gpus"]).cancel
    assert submit[:3] == ("ray", "job", "submit") and stop[:3] == ("ray", "job", "stop")
    assert '"processes_per_node": 8, "gpus": true' in submit[-1]
