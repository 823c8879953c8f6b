"""Classes are recognised in the world as it is made, and nowhere else."""

import numpy as np
import pytest

from mova_core.evaluation.metrics.classes import class_of_audio, class_of_video
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
