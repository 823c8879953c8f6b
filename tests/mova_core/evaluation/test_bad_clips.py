"""What cannot be measured in a clip is unavailable there for a reason that names the fault; it is never 0."""

from collections.abc import Callable

import numpy as np
import pytest

from mova_core.evaluation.measure import clip_values
from mova_core.evaluation.measuring.context import Context
from mova_core.evaluation.metrics import video_signal
from mova_core.evaluation.specs.signals import ALIGNMENT, AUDIO, DNSMOS, SIGNALS
from mova_core.measures.clip import Asked, Clip, Unavailable

FPS, RATE_HZ = 24.0, 16_000
OF_VIDEO = {"motion", "flow_speed", "frozen_share", "flicker"}
OF_AUDIO = {spec.name for spec in AUDIO}
OF_BOTH = {spec.name for spec in ALIGNMENT if spec.of_clips}
OF_SPEECH = {spec.name for spec in DNSMOS}
SLOW = OF_SPEECH | {"text_accuracy"}  # by packaged models: asked only where they have nothing to do
CONTEXT = Context([], -50)


def clip(change: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]) -> Clip:
    """Four seconds of a moving texture and of bursts of noise, in which somebody is said to speak, changed."""
    rng = np.random.default_rng(0)
    texture = np.kron(rng.integers(40, 220, (8, 12)), np.ones((8, 8))).astype(np.uint8)
    frames = np.stack([np.roll(texture, 2 * (index // 8), axis=1) for index in range(96)])[..., None].repeat(3, axis=3)
    audio = rng.normal(0, 1e-4, 4 * RATE_HZ)
    for start in range(4000, audio.size - 2000, 9000):
        audio[start : start + 2000] += rng.normal(0, 0.2, 2000)
    return Clip(*change(frames, audio.astype(np.float32)), FPS, RATE_HZ, 1.0, Asked(on_screen_text=("left",)))


NOTHING_OF_AUDIO = OF_AUDIO | OF_BOTH | OF_SPEECH
BAD = {
    "none": (lambda frames, audio: (frames, audio), set(), ""),
    "no audio": (lambda frames, audio: (frames, audio[:0]), NOTHING_OF_AUDIO, "no audio"),
    "silent": (
        lambda frames, audio: (frames, 0 * audio),
        NOTHING_OF_AUDIO - {"silence_ratio", "clipped_share", "clipping_runs_hz"},
        "silent",
    ),
    "no number": (
        lambda frames, audio: (frames, np.where(np.arange(audio.size) == 99, np.float32(np.nan), audio)),
        NOTHING_OF_AUDIO,
        "no numbers",
    ),
    "one frame": (lambda frames, audio: (frames[:1], audio), OF_VIDEO | OF_BOTH, "frames and the clip has 1"),
    "no frame": (
        lambda frames, audio: (frames[:0], audio),
        OF_VIDEO | OF_BOTH | {"text_accuracy"},
        "frames and the clip has 0",
    ),
}


@pytest.mark.parametrize(("change", "lost", "why"), BAD.values(), ids=BAD)
def test_a_bad_clip_says_why_in_each_metric_that_it_spoils_and_keeps_the_others(change, lost, why):
    values = clip_values(
        clip(change),
        [spec for spec in SIGNALS if spec.of_clips and (spec.name in lost or spec.name not in SLOW)],
        CONTEXT,
    )
    missing = {name: value.reason for name, value in values.items() if isinstance(value, Unavailable)}
    assert set(missing) == lost
    assert all(why in reason for reason in missing.values()), missing


def test_silence_and_a_fault_of_the_audio_are_told_apart_from_what_was_not_made():
    def collapsed(name: str) -> float:
        value = video_signal.collapsed(clip(BAD[name][0]))
        assert isinstance(value, float)
        return value

    assert {name: collapsed(name) for name in BAD} == {
        "none": 0,
        "no audio": 0,
        "silent": 1,
        "no number": 1,
        "one frame": 0,
        "no frame": 0,
    }
