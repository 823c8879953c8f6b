"""Memory of an evaluation of 600 files, beside one of 60: what is decoded must not stay."""

import tempfile
from pathlib import Path

from benchmarks.evaluation.made_clips import SMALL, make_clips
from benchmarks.evaluation.ours import score_files
from benchmarks.measure import Row, row

FEW, MANY = 60, 600
TARGET = 1.1


def rows() -> list[Row]:
    """The largest process of each, and how it grows."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_clips(folder / "many", MANY, SMALL)
        (folder / "few").mkdir()
        for path in sorted((folder / "many").iterdir())[:FEW]:
            (folder / "few" / path.name).hardlink_to(path)
        few, many = (score_files(folder / side, folder / f"{side}-scores").peak_mib for side in ("few", "many"))
    against = f"{FEW} of the same clips ({few:.0f} MiB); 2 s, 96 x 96, every metric without weights, largest process"
    return [
        row("evaluation.memory", [many], against=against, better="lower", unit=f"MiB for {MANY} clips"),
        row("evaluation.memory_growth", [many / few], against=against, better="lower", target=TARGET),
    ]
