"""Every metric without weights by one decode a clip, against each metric's usual script by itself.

Seconds of processor of whole commands, on the same files: `mova evaluate --videos` with one worker, and one process a
script or, where ffmpeg has a filter, one a clip. What our command measures beyond what the scripts do is not counted
for it. Most of theirs is the optical flow of AV-Align, which the published script takes from whole frames and we from
reduced ones; the second row leaves AV-Align out on their side, while ours still measures it.
"""

import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks.baselines import metric_scripts
from benchmarks.baselines.separate_tools import FFMPEG, ONE_THREAD
from benchmarks.evaluation.made_clips import WHOLE, make_clips
from benchmarks.evaluation.ours import score_files
from benchmarks.measure import Row, row
from benchmarks.spent import Spent, spent_by_all

CLIPS, REPEATS = 24, 3
TARGET = 3.0
SCENE = f"{CLIPS} clips of 8 s, 480 x 480, 24 fps; whole commands, one thread each"


def rows() -> list[Row]:
    """Both in turn; no row where ffmpeg is not here."""
    if shutil.which("ffmpeg") is None:
        print("ffmpeg not found, so metrics are not measured against their scripts: apt install ffmpeg")
        return []
    with tempfile.TemporaryDirectory() as folder:
        clips = make_clips(Path(folder) / "clips", CLIPS, WHOLE)
        scripts(clips[:1])  # librosa compiles itself when first used
        pairs = [
            (score_files(clips[0].parent, Path(folder) / f"scores-{number}"), scripts(clips))
            for number in range(REPEATS)
        ]
    whole = [sum(each.cpu_s for each in theirs.values()) / ours.cpu_s for ours, theirs in pairs]
    rest = [
        sum(each.cpu_s for name, each in theirs.items() if name != "av_align") / ours.cpu_s for ours, theirs in pairs
    ]
    print({name: round(each.cpu_s, 1) for name, each in pairs[-1][1].items()}, "ours", round(pairs[-1][0].cpu_s, 1))
    without = f"the same scripts but AV-Align's, whose flow is of whole frames; {SCENE}"
    pace = [60 * CLIPS / ours.cpu_s for ours, _ in pairs]
    return [
        row("evaluation.over_scripts", whole, against=f"each script alone; {SCENE}", better="higher", target=TARGET),
        row("evaluation.over_other_scripts", rest, against=without, better="higher"),
        row("evaluation.pace", pace, against=f"nothing; {SCENE}", better="higher", unit="clips a minute of processor"),
    ]


def scripts(clips: list[Path]) -> dict[str, Spent]:
    """What each script costs."""
    python = {name: [[sys.executable, metric_scripts.__file__, name, *clips]] for name in metric_scripts.SCRIPTS}
    filters = {
        name: [[*FFMPEG, "-i", clip, *options, "-f", "null", "-"] for clip in clips]
        for name, options in metric_scripts.FFMPEG_FILTERS.items()
    }
    return {name: spent_by_all(commands, ONE_THREAD) for name, commands in {**python, **filters}.items()}
