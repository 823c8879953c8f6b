"""Classes are recognised in the world as it is made, and nowhere else."""

import numpy as np
import pytest

from mova_core.evaluation.measuring.context import Context
from mova_core.evaluation.metrics.classes import audio_class, class_of_audio, class_of_video, video_class
from mova_core.measures.clip import Asked, Clip, Unavailable
from mova_core.synthetic.world import KINDS, draw_take, render_audio, render_frames


@pytest.mark.parametrize("kind", KINDS)
def test_every_clip_of_the_world_is_of_its_class_by_video_and_by_audio(kind: str) -> None:
    rng = np.random.default_rng(5)
    for _ in range(4):
        take = draw_take(rng, kind, 33 / 16)
        assert class_of_video(np.stack(list(render_frames(take, 16, 33, 48)))) == kind
        assert class_of_audio(render_audio(take, 16_000, 33_000), 16_000) == kind


def test_noise_grey_and_silence_are_no_class() -> None:
    rng = np.random.default_rng(6)
    grey = rng.integers(256, size=(5, 48, 48, 1), dtype=np.uint8).repeat(3, axis=3)
    assert class_of_video(grey) is None
    assert class_of_video(np.zeros((5, 48, 48, 3), np.uint8)) is None
    assert class_of_audio((0.1 * rng.standard_normal(16_000)).astype(np.float32), 16_000) is None
    assert class_of_audio(np.zeros(16_000, np.float32), 16_000) is None


def test_a_text_may_ask_for_another_class_of_audio_than_of_video() -> None:
    context = Context([], -50.0)
    drum = draw_take(np.random.default_rng(7), "blue-diamond", 33 / 16)
    ball = np.stack(list(render_frames(draw_take(np.random.default_rng(8), "red-ball", 33 / 16), 16, 33, 48)))

    def found(asked: Asked):
        clip = Clip(ball, render_audio(drum, 16_000, 33_000), 16.0, 16_000, asked=asked)
        return video_class(clip, clip, context), audio_class(clip, clip, context)

    assert found(Asked(label="red-ball", audio_label="blue-diamond")) == ((1.0, 1.0), (1.0, 1.0))
    assert found(Asked(label="red-ball")) == ((1.0, 1.0), (0.0, 1.0))
    assert all(isinstance(value, Unavailable) for value in found(Asked()))
