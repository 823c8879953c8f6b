"""Cuts and crop of real footage, as stage `segment` finds them, against what a person saw there.

The finders' parameters come from synthetic footage alone (see `curation/segment/shot_boundaries.py`); this footage only
judges them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from mova_core.curation.segment.stage import Source, segment_source
from mova_core.errors import MediaError
from mova_core.params import IngestParams, SegmentParams
from mova_core.storage.hashing import sha256_file

LEAST_F1 = 0.95
CROP_PX = 2
LONG_PX = 6e7  # of all frames; files of one shot and no letterbox that have more are left to `make soak`
LONGEST_PX = 1e9  # and all that have more than this
TIMELINE_S = 1e-3  # the manifest's times are rounded to milliseconds
SIDES = ("top", "bottom", "left", "right")


@dataclass(frozen=True, slots=True)
class CutScore:
    """How found cuts compare with a person's.

    Args:
        hits: cuts that were found.
        missed, false: times in seconds of cuts not found, and of what was found and is none.
    """

    hits: int
    missed: tuple[float, ...]
    false: tuple[float, ...]


def score_cuts(found_s: Sequence[float], truth: dict[str, Any]) -> CutScore:
    """Match each cut with one found within one frame of it.

    An optional cut counts neither way, found or not, and so does what is found inside a gradual transition.
    """
    tolerance_s = 1 / truth["video"]["avg_fps"] + TIMELINE_S
    left = list(found_s)
    hits, missed = 0, []
    for cut_s in truth.get("cuts_s", []):
        nearest = min(left, key=lambda time_s: abs(time_s - cut_s), default=np.inf)
        found = abs(nearest - cut_s) <= tolerance_s
        if found:
            left.remove(nearest)
        if cut_s in truth.get("optional_cuts_s", []):
            continue
        hits += found
        missed += [] if found else [cut_s]
    gradual = truth.get("gradual_transitions_s", [])
    false = [time_s for time_s in left if not any(start <= time_s <= end for start, end, _ in gradual)]
    return CutScore(hits, tuple(missed), tuple(false))


def test_cuts_are_matched_one_to_one_within_a_frame():
    truth = {
        "video": {"avg_fps": 25.0},
        "cuts_s": [1.0, 2.0, 3.0, 8.0],
        "optional_cuts_s": [3.0, 8.0],
        "gradual_transitions_s": [[5.0, 6.0, "fade"]],
    }
    found = [1.04, 1.08, 2.08, 3.0, 5.5]
    assert score_cuts(found, truth) == CutScore(1, missed=(2.0,), false=(1.08, 2.08))


def with_audio(path: Path, folder: Path) -> Path:
    """The same frames at the same times beside a silent track: the stage takes no source without audio."""
    made = folder / f"{path.stem}.mkv"
    with av.open(str(path)) as source, av.open(str(made), "w") as target:
        images = source.streams.video[0]
        copied = target.add_stream_from_template(images)
        audio = target.add_stream("pcm_s16le", rate=16_000, layout="mono")
        for packet in source.demux(images):
            if packet.dts is not None:
                packet.stream = copied
                target.mux(packet)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 16_000), np.int16), "s16", "mono")
        silence.sample_rate = 16_000
        target.mux([*audio.encode(silence), *audio.encode(None)])
    return made


def is_judged(entry: dict[str, Any]) -> bool:
    """More than one frame, whose cuts a person verified, and which ingest would let through."""
    video = entry.get("video") if entry.get("cuts_verified") else None
    return bool(video) and video["frames"] > 1 and video["width"] * video["height"] <= IngestParams().max_pixels


def is_long(entry: dict[str, Any]) -> bool:
    """Large, with nothing in it to be found, or so large that others show as much."""
    video = entry["video"]
    cuts_s = set(entry.get("cuts_s", [])) - set(entry.get("optional_cuts_s", []))
    letterboxed = any(entry.get("borders_tblr_px") or [])
    pixels = video["frames"] * video["width"] * video["height"]
    return pixels > (LONGEST_PX if cuts_s or letterboxed else LONG_PX)


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("long", "least"), [(False, 28), pytest.param(True, 40, marks=pytest.mark.soak)])
def test_cuts_and_crop_are_those_that_a_person_sees(media, manifest, tmp_path, long, least):
    judged = {entry["sha256"]: path for path, entry in sorted(manifest.items()) if is_judged(entry)}
    judged = {sha256: path for sha256, path in judged.items() if long or not is_long(manifest[path])}
    assert len(judged) >= least, "a file under several names counts once"
    hits = missed = false = 0
    off_px: dict[str, int] = {}
    unread = []
    print(
        f"\n{'file':62} {'cuts':>4} {'hits':>4}  {'missed':16} {'false':16} {'crop tblr':>12} {'found':>12} {'off':>4}"
    )
    for path in sorted(judged.values()):
        truth = manifest[path]
        file = media / path if truth.get("audio") else with_audio(media / path, tmp_path)
        try:
            segment = segment_source(Source(sha256_file(file), file, SegmentParams()))["segment"]
        except MediaError as error:
            assert "reject" in truth["accept"], f"{path}: {error}"
            unread.append(f"{path} ({error.code})")
            continue
        score = score_cuts(segment["cuts_s"], truth)
        hits, missed, false = hits + score.hits, missed + len(score.missed), false + len(score.false)
        crop = [segment[f"crop_{side}_px"] for side in SIDES]
        person = truth.get("borders_tblr_px") or [0, 0, 0, 0]  # not stated where all is black: nothing to crop to
        off_px[path] = max(abs(got - wanted) for got, wanted in zip(crop, person, strict=True))
        told = [" ".join(f"{time_s:.2f}" for time_s in times) or "-" for times in (score.missed, score.false)]
        told += ["/".join(map(str, letterbox)) for letterbox in (person, crop)]
        print(
            f"{path[:62]:62} {score.hits + len(score.missed):4} {score.hits:4}  {told[0]:16} {told[1]:16} "
            f"{told[2]:>12} {told[3]:>12} {off_px[path]:4}"
        )
    f1 = 2 * hits / (2 * hits + missed + false)
    print(
        f"cuts: {hits} of {hits + missed} found, {false} false, F1 {f1:.3f}; crop: at most {max(off_px.values())} px "
        f"off in {len(off_px)} files; damaged, so not judged: {', '.join(unread) or 'none'}"
    )
    assert f1 >= LEAST_F1
    assert {path: px for path, px in off_px.items() if px > CROP_PX} == {}
