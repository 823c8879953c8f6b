"""A clip is judged by what was generated of it, each piece by itself."""

import numpy as np
import pytest

from mova_core.geometry import GEOMETRIES
from mova_core.sampling.collapse.judge import judge
from mova_core.sampling.inputs import OVERLAP_FRAMES, ClipInputs
from mova_core.sampling.retake import retaken

GEOMETRY = GEOMETRIES["nano-48"]
FURTHER = GEOMETRY.frames - OVERLAP_FRAMES  # frames of a further piece
FLAT, SILENT = "flat colour", "silent"


def clip_of(frames):
    """A picture in every frame, and a tone."""
    video = np.full((frames, 48, 48, 3), 200, np.uint8)
    video[:, 10:30, 10:30] = 20
    seconds = np.arange(GEOMETRY.samples_of(frames)) / GEOMETRY.audio_rate_hz
    return video, (0.3 * np.sin(2 * np.pi * 300 * seconds)).astype(np.float32)


def faults(clip, video, audio):
    return " ".join(judge(clip, video, audio, GEOMETRY))


def test_a_clip_as_it_should_be():
    assert judge(ClipInputs("a"), *clip_of(GEOMETRY.frames), GEOMETRY) == ()


def test_what_was_given_is_not_judged():
    video, audio = clip_of(GEOMETRY.frames)
    white, silence = np.full_like(video, 255), np.zeros_like(audio)
    assert faults(ClipInputs("a", video=white), white, audio) == ""
    assert SILENT in faults(ClipInputs("a", video=white), white, silence)
    assert faults(ClipInputs("a", audio=silence), video, silence) == ""
    assert FLAT in faults(ClipInputs("a", audio=silence), white, silence)


def test_what_is_absent_is_not_judged():
    video, audio = clip_of(GEOMETRY.frames)
    assert faults(ClipInputs("a", only="video"), video, None) == ""
    assert faults(ClipInputs("a", only="audio"), None, audio) == ""
    assert SILENT in faults(ClipInputs("a", only="audio"), None, audio * 0)


@pytest.mark.parametrize("piece", [0, 1, 2])
def test_one_piece_that_collapsed_is_enough(piece):
    frames = GEOMETRY.frames + 2 * FURTHER
    clip = ClipInputs("a", extend=2)
    start = 0 if piece == 0 else GEOMETRY.frames + (piece - 1) * FURTHER
    end = GEOMETRY.frames + piece * FURTHER
    for bad, fault in ((0, FLAT), (1, SILENT)):
        video, audio = clip_of(frames)
        assert faults(clip, video, audio) == ""
        if bad == 0:
            video[start:end] = 128
        else:
            audio[GEOMETRY.samples_of(start) : GEOMETRY.samples_of(end)] = 0
        assert fault in faults(clip, video, audio)


def test_of_a_given_clip_that_goes_on_only_what_follows_is_judged():
    given, sound = clip_of(20)
    clip = ClipInputs("a", video=given, audio=sound, extend=1)
    video, audio = clip_of(20 + FURTHER)
    video[:20], audio[: len(sound)] = 255, 0
    assert faults(clip, video, audio) == ""
    video[20:] = 255
    assert FLAT in faults(clip, video, audio)


def test_of_a_retake_only_the_interval_s_video_is_judged():
    video, audio = clip_of(GEOMETRY.frames)
    clip = ClipInputs("a", video=video, audio=audio, retake=(0.5, 0.9))
    anew = retaken((0.5, 0.9), GEOMETRY).frames
    for index in range(GEOMETRY.frames):
        if index not in anew:
            video[index] = 255
    assert faults(clip, video, audio) == ""
    video[anew.start : anew.stop] = 255
    assert FLAT in faults(clip, video, audio)
