#!/bin/bash
# 1 x 1 processes. Partition, account and time limit: SBATCH_PARTITION, SBATCH_ACCOUNT, SBATCH_TIMELIMIT.
#SBATCH --job-name=mova-phase1
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=1
#SBATCH --chdir=/project
#SBATCH --output=mova-phase1-%j.log
#SBATCH --open-mode=append
#SBATCH --requeue
set -euo pipefail

mapfile -t hosts < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
host=${hosts[0]}
port=$((20000 + SLURM_JOB_ID % 20000))
export TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1
srun --kill-on-bad-exit=1 \
  torchrun \
  --nnodes=1 \
  --nproc-per-node=1 \
  --max-restarts=3 \
  --rdzv-backend=c10d \
  --rdzv-endpoint=$host:$port \
  --rdzv-id=$SLURM_JOB_ID \
  --local-ranks-filter=0 \
  --no-python \
  mova \
  train \
  phase1
