#!/usr/bin/env bash
# Makes .venv from requirements.lock: the whole stack in one environment, CPU or CUDA, Python 3.11 or 3.12.
# Run by `make`; a finished environment is left alone until the lock, the overrides or this script change. Where only
# pyproject.toml has changed, the project is installed into it again, so that its commands are those stated there.
set -euo pipefail
cd "$(dirname "$0")/.."

stamp=.venv/.inputs
inputs=$(cat requirements.lock overrides.txt infra/environment.sh | sha256sum)
project=$(sha256sum < pyproject.toml)
export VIRTUAL_ENV=$PWD/.venv
uv() { .venv/bin/uv --quiet "$@"; }
install_project() {
  uv pip install --no-deps --no-build-isolation --editable .
  printf '%s\n%s' "$inputs" "$project" > "$stamp"
}

if [ -f "$stamp" ] && [ "$(head -n 1 "$stamp")" = "$inputs" ]; then
  [ "$(tail -n 1 "$stamp")" = "$project" ] || install_project
  exit 0
fi

PATH=${PATH//"$PWD/.venv/bin:"/}  # `make` puts it first, and the Python in it goes away with it below
python=
for candidate in ${PYTHON:-python3.11 python3.12 python3}; do
  if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' 2>/dev/null; then
    python=$candidate
    break
  fi
done
if [ -z "$python" ]; then
  echo "environment: no Python 3.11 or 3.12 found (looked for ${PYTHON:-python3.11, python3.12, python3}): install one, or name it with PYTHON=..." >&2
  exit 2
fi

seconds=$SECONDS
echo "[environment] $("$python" --version), $(grep -c == requirements.lock) packages from requirements.lock ..."
rm -rf .venv
"$python" -m venv .venv
.venv/bin/python -m pip install --quiet --disable-pip-version-check "$(grep '^uv==' requirements.lock)"

# uv does not read pip's configuration: wheels that pip was told to find in a folder (a CPU build of torch) stay usable.
UV_FIND_LINKS=$(.venv/bin/python -m pip config get global.find-links 2>/dev/null || true)
[ -n "$UV_FIND_LINKS" ] && export UV_FIND_LINKS || unset UV_FIND_LINKS
export UV_OVERRIDE=overrides.txt

grep -v '^deepspeed==' requirements.lock | uv pip install -r -
# DeepSpeed's build wants torch present and no CUDA compiler.
DS_BUILD_OPS=0 uv pip install --no-build-isolation "$(grep '^deepspeed==' requirements.lock)"

# torchaudio's wheel is linked against CUDA: on a CPU-only torch its native part cannot load, and its Python part is enough.
if .venv/bin/python -c 'import sys, torch; sys.exit(torch.version.cuda is not None)'; then
  rm -f .venv/lib/python3.*/site-packages/torchaudio/lib/*.so
fi
install_project
echo "[environment] ready in $((SECONDS - seconds)) s"
