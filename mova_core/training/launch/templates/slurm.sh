#!/bin/bash
# {{ spec.nodes }} x {{ spec.processes_per_node }} processes. Partition, account and time limit: SBATCH_PARTITION, SBATCH_ACCOUNT, SBATCH_TIMELIMIT.
#SBATCH --job-name={{ spec.name }}
#SBATCH --nodes={{ spec.nodes }}
#SBATCH --ntasks-per-node=1
{% if spec.gpus %}
#SBATCH --gpus-per-node={{ spec.processes_per_node }}
#SBATCH --exclusive
{% else %}
#SBATCH --cpus-per-task={{ spec.processes_per_node }}
{% endif %}
#SBATCH --chdir={{ spec.folder }}
#SBATCH --output={{ spec.name }}-%j.log
#SBATCH --open-mode=append
#SBATCH --requeue
set -euo pipefail

mapfile -t hosts < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
host=${hosts[0]}
port=$((20000 + SLURM_JOB_ID % 20000))
{% for name, value in environment.items() %}
export {{ name }}={{ value }}
{% endfor %}
srun --kill-on-bad-exit=1 \
  {{ command | join(" \\\n  ") }}
