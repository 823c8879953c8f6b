"""What a run has changed that belongs into Git, so that `dvc checkout` brings back the data and models of a commit."""

import shlex
import subprocess
from pathlib import Path

from mova_core.places import DATA, DIST, MODELS, PARAMS, REPORTS, RUNS

KEPT_IN_GIT = ("dvc.lock", *map(str, (PARAMS, DATA, MODELS, RUNS, REPORTS, DIST)))
"""Files and folders that a run writes; of the folders' content, Git sees what .gitignore leaves (`*.dvc` and such)."""


def uncommitted() -> list[Path]:
    """Files to commit after a run; empty where nothing has changed, or where there is no Git."""
    command = ["git", "status", "--porcelain", "-z", "--untracked-files=all", "--no-renames", "--", *KEPT_IN_GIT]
    try:
        asked = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return []
    return [Path(entry[3:]) for entry in asked.stdout.split("\0") if entry] if asked.returncode == 0 else []


def advice() -> str:
    """The command that commits them, in a line; "" where there is nothing to commit."""
    if not (paths := uncommitted()):
        return ""
    return f"git add {shlex.join(path.as_posix() for path in paths)} && git commit"
