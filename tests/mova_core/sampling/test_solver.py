"""The solver on equations whose answer is known."""

import pytest
import torch

from mova_core.flow_matching import PairSchedule
from mova_core.model.dual_tower import LatentPair
from mova_core.sampling.solver import integrate

SHAPES = (1, 2, 2, 2, 2), (1, 2, 5)


def pair(seed):
    generator = torch.Generator().manual_seed(seed)
    return LatentPair(*(torch.randn(shape, generator=generator) for shape in SHAPES))


@pytest.mark.parametrize(("video_shift", "audio_shift"), [(5.0, 5.0), (5.0, 1.0)])
@pytest.mark.parametrize("steps", [1, 4])
def test_a_straight_path_is_followed_exactly(steps, video_shift, audio_shift):
    """velocity = noise - clean leads from noise to clean in any number of steps."""
    clean, noise = pair(0), pair(1)
    straight = LatentPair(noise.video - clean.video, noise.audio - clean.audio)
    found = integrate(noise, lambda latents, step: straight, PairSchedule(steps, video_shift, audio_shift))
    torch.testing.assert_close(found.video, clean.video, rtol=0, atol=1e-5)
    torch.testing.assert_close(found.audio, clean.audio, rtol=0, atol=1e-5)


def test_each_modality_follows_its_own_shift():
    """d x / d sigma = x: Euler gives the product of (1 + step), which the shift decides."""
    schedule, noise = PairSchedule(6, 5.0, 1.0), pair(1)
    found = integrate(noise, lambda latents, step: latents, schedule)
    factors = (1 + schedule.update_sigmas.diff(dim=0)).prod(dim=0)
    torch.testing.assert_close(found.video, noise.video * factors[0])
    torch.testing.assert_close(found.audio, noise.audio * factors[1])
    assert abs(factors[0] - factors[1]) > 0.01
