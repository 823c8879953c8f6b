"""The benchmark of an evaluation in its smallest form: its clips can be scored, and its scripts measure them."""

import shutil
import subprocess
import sys

import pytest

from benchmarks.baselines import metric_scripts
from benchmarks.baselines.separate_tools import FFMPEG
from benchmarks.evaluation.made_clips import FPS, RATE_HZ, ClipSize, make_clips
from mova_core.evaluation.scoring.video_file import read_video
from mova_core.measures.clip import Asked

SIZE = ClipSize(side_px=48, frames=24)


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    return make_clips(tmp_path_factory.mktemp("clips"), 2, SIZE)


def test_clips_are_whole_and_differ(clips):
    first, second = (read_video(path, Asked()) for path in clips)
    assert first.frames.shape == (SIZE.frames, 48, 48, 3)
    assert len(first.audio) >= SIZE.frames * RATE_HZ // FPS
    assert (first.frames != second.frames).any()


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="no ffmpeg")
@pytest.mark.parametrize("name", ["loudness", "clipping", "flicker", "motion"])
def test_a_script_measures_every_clip(name, clips):
    command = [sys.executable, metric_scripts.__file__, name, *clips]
    found = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    assert len(found) == 2 and all(float(each) == float(each) for each in found)


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="no ffmpeg")
@pytest.mark.parametrize("options", metric_scripts.FFMPEG_FILTERS.values(), ids=metric_scripts.FFMPEG_FILTERS)
def test_ffmpeg_has_the_filters(options, clips):
    subprocess.run([*FFMPEG, "-i", clips[0], *options, "-f", "null", "-"], check=True)
