"""Draws are functions of (seed, phase, step): rates, shares and independence are counted."""

import pytest
import torch

from mova_core.flow_matching import boundary_index, unshift_sigma
from mova_core.flow_matching.schedule import TRAINING_STEPS, shifted_levels
from mova_core.model.dual_tower import EXPERTS
from mova_core.params.model import JointPhaseParams
from mova_core.training.draws import (
    JointDraws,
    Stream,
    draw_joint,
    expert_levels,
    expert_of,
    generator_of,
    rows_of,
    share_of,
)

DRAWS = 2000
SHAPES = torch.Size([2, 4]), torch.Size([2, 1, 2, 2])


def drawn(params: JointPhaseParams, count: int = DRAWS, step: int = 0, expert: str = EXPERTS[0]) -> JointDraws:
    levels = expert_levels(expert, params.video_shift, 0.9)
    return draw_joint(params, count, *SHAPES, levels, generator_of(0, 1, Stream.STEP, step))


def test_rates_of_dropout():
    draws = drawn(JointPhaseParams(text_dropout=0.2, bridge_dropout=0.15, image_conditioning_prob=0.5))
    rates = {"text_kept_B": 0.8, "bridge_on_B": 0.85, "first_given_B": 0.5}
    for name, rate in rates.items():
        kept = getattr(draws, name).float().mean().item()
        assert abs(kept - rate) < 4 * (rate * (1 - rate) / DRAWS) ** 0.5, name  # four standard errors


def test_text_and_bridge_are_dropped_apart():
    draws = drawn(JointPhaseParams(text_dropout=0.5, bridge_dropout=0.5))
    both = (draws.text_kept_B & draws.bridge_on_B).float().mean().item()
    assert abs(both - 0.25) < 4 * (0.25 * 0.75 / DRAWS) ** 0.5


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_extreme_rates_are_exact(rate):
    draws = drawn(JointPhaseParams(text_dropout=rate, bridge_dropout=rate, image_conditioning_prob=rate))
    assert draws.text_kept_B.all() == (rate == 0)
    assert draws.bridge_on_B.all() == (rate == 0)
    assert draws.first_given_B.any() == (rate == 1)


def test_modalities_and_samples_draw_their_own_levels():
    draws = drawn(JointPhaseParams())
    assert len(draws.video_sigma_B.unique()) > 0.99 * DRAWS
    assert len(draws.audio_sigma_B.unique()) > 0.99 * DRAWS
    together = torch.corrcoef(torch.stack([draws.video_sigma_B, draws.audio_sigma_B]))[0, 1]
    assert abs(together) < 4 / DRAWS**0.5


@pytest.mark.parametrize(("shift", "mean"), [(1.0, 0.5), (5.0, 0.7471)])
def test_audio_levels_follow_their_own_shift(shift, mean):
    """Mean of s u / (1 + (s - 1) u) over u in [0, 1]: s / (s - 1) - s ln(s) / (s - 1)^2."""
    draws = drawn(JointPhaseParams(audio_shift=shift))
    assert abs(draws.audio_sigma_B.mean().item() - mean) < 4 * 0.29 / DRAWS**0.5


def test_experts_take_turns_from_high_noise_and_share_the_levels():
    assert [expert_of(step) for step in range(4)] == ["video_dit", "video_dit_2"] * 2
    params = JointPhaseParams()
    assert drawn(params, expert="video_dit").video_sigma_B.min() >= 0.9 - 1e-6
    assert drawn(params, expert="video_dit_2").video_sigma_B.max() <= 0.9


def test_the_boundary_is_that_of_the_thousand_entry_table():
    low, high = expert_levels("video_dit", 5.0, 0.9)
    assert (low, high) == (pytest.approx(0.642857, abs=1e-6), 1.0)
    assert expert_levels("video_dit_2", 5.0, 0.9) == (0.0, low)
    levels = unshift_sigma(shifted_levels(TRAINING_STEPS, 5.0), 5.0)
    assert int((levels >= low).sum()) == boundary_index(5.0, 0.9) == 358


def test_a_step_draws_the_same_again_and_another_step_does_not():
    first, again, other = (drawn(JointPhaseParams(), 4, step) for step in (3, 3, 4))
    for name in ("video_noise", "audio_noise", "video_sigma_B", "audio_sigma_B"):
        assert torch.equal(getattr(first, name), getattr(again, name))
        assert not torch.equal(getattr(first, name), getattr(other, name))


def test_shares_are_the_whole_batch():
    whole = drawn(JointPhaseParams(), 6)
    parts = [share_of(whole, index, 2) for index in range(2)]
    assert torch.equal(torch.stack([part.video_noise for part in parts], dim=1).flatten(0, 1), whole.video_noise)
    assert [len(part.bridge_on_B) for part in parts] == [3, 3]


def test_every_clip_is_seen_once_an_epoch():
    rows = torch.cat([rows_of(0, 1, step, batch=4, clips=10) for step in range(5)])
    assert sorted(rows[:10].tolist()) == sorted(rows[10:].tolist()) == list(range(10))
    assert rows[:10].tolist() != rows[10:].tolist()
    longer_than_two_epochs = rows_of(0, 1, 0, batch=25, clips=10).bincount()
    assert (longer_than_two_epochs.min(), longer_than_two_epochs.sum()) == (2, 25)
