"""`mova evaluate --videos` of every metric that needs no weights, as a command of its own."""

import sys
from pathlib import Path

import yaml

from benchmarks.baselines.separate_tools import ONE_THREAD
from benchmarks.spent import Spent, spent
from mova_core.evaluation.specs.signals import SIGNALS

MOVA = Path(sys.executable).parent / "mova"


def score_files(folder: Path, out: Path) -> Spent:
    """What it costs to score a folder with one worker, nothing of it measured before.

    Args:
        folder: of the clips.
        out: a new folder, where the scores go.
    """
    out.mkdir()
    params = out / "params.yaml"
    params.write_text(yaml.safe_dump({"preset": "nano", "evaluate": {"metrics": [spec.name for spec in SIGNALS]}}))
    command = [MOVA, "evaluate", "--videos", folder.resolve(), "--out", "scores", "--params", params.name]
    return spent([*command, "--workers", "1"], folder=out, env=ONE_THREAD)  # its cache lies in the folder it runs in
