"""Classes are recognised in the world as it is made, and nowhere else."""

import numpy as np
import pytest

from mova_core.evaluation.classes import audio_class, video_class
from mova_core.synthetic.world import KINDS, draw_take, render_frames, render_sound


@pytest.mark.parametrize("kind", KINDS)
def test_every_clip_of_the_world_shows_and_sounds_its_class(kind: str) -> None:
    rng = np.random.default_rng(5)
    for _ in range(4):
        take = draw_take(rng, kind, 33 / 16)
        assert video_class(np.stack(list(render_frames(take, 16, 33, 48)))) == kind
        assert audio_class(render_sound(take, 16_000, 33_000), 16_000) == kind


def test_noise_grey_and_silence_are_no_class() -> None:
    rng = np.random.default_rng(6)
    grey = rng.integers(256, size=(5, 48, 48, 1), dtype=np.uint8).repeat(3, axis=3)
    assert video_class(grey) is None
    assert video_class(np.zeros((5, 48, 48, 3), np.uint8)) is None
    assert audio_class((0.1 * rng.standard_normal(16_000)).astype(np.float32), 16_000) is None
    assert audio_class(np.zeros(16_000, np.float32), 16_000) is None
