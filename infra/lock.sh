#!/usr/bin/env bash
# Resolves requirements.lock. CUDA's own packages are left out: torch's public wheel pins them itself, its CPU wheel needs none.
set -euo pipefail
cd "$(dirname "$0")/.."
left_out=()
for package in triton cuda-bindings cuda-pathfinder cuda-toolkit nvidia-{cublas,cuda-cupti,cuda-nvrtc,cuda-runtime,cudnn-cu13,cufft,cufile,curand,cusolver,cusparse,cusparselt-cu13,nccl-cu13,nvjitlink,nvshmem-cu13,nvtx}; do
  left_out+=(--no-emit-package "$package")
done
.venv/bin/uv pip compile pyproject.toml --quiet --all-extras --universal --python-version 3.11 --override overrides.txt \
  --no-annotate --no-header --no-emit-find-links --no-emit-index-url "${left_out[@]}" --output-file requirements.lock
