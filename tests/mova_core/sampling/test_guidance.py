"""Dual guidance as algebra: limits, linearity, and how many passes each mode costs."""

import itertools

import pytest
import torch

from mova_core.errors import UsageError
from mova_core.model.towers.dual_tower import LatentPair
from mova_core.sampling.guidance import BRIDGE, FULL, NULL, TEXT_ONLY, Guidance, dual_guidance

SCALES = (0.0, 0.5, 1.0, 2.0, 5.0)


@pytest.fixture
def velocities():
    generator = torch.Generator().manual_seed(0)

    def pair():
        shapes = (2, 4, 3, 2, 2), (2, 4, 8)
        return LatentPair(*(torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes))

    return {branch: pair() for branch in (NULL, BRIDGE, FULL, TEXT_ONLY)}


@pytest.mark.parametrize(
    ("bridge_scale", "text_scale", "branches"),
    [
        (3.5, 5.0, {NULL, BRIDGE, FULL}),
        (1.0, 5.0, {BRIDGE, FULL}),
        (3.0, 3.0, {NULL, FULL}),
        (1.0, 1.0, {FULL}),
        (1.0, 0.0, {BRIDGE}),
        (0.0, 0.0, {NULL}),
    ],
)
def test_passes_of_each_mode(bridge_scale, text_scale, branches):
    assert set(Guidance(bridge_scale, text_scale).weights) == branches


def test_passes_without_the_bridge():
    assert Guidance(2.0, 1.0, bridge=False).weights == {TEXT_ONLY: 1.0}
    assert Guidance(2.0, 3.0, bridge=False).weights == {NULL: -2.0, TEXT_ONLY: 3.0}


@pytest.mark.parametrize(("bridge_scale", "text_scale"), list(itertools.product(SCALES, SCALES)))
def test_the_weighted_sum_is_the_reports_formula(velocities, bridge_scale, text_scale):
    guidance = Guidance(bridge_scale, text_scale)
    guided = guidance.combine({branch: velocities[branch] for branch in guidance.weights})
    null, bridge, full = (velocities[branch].video for branch in (NULL, BRIDGE, FULL))
    report = null + bridge_scale * (bridge - null) + text_scale * (full - bridge)
    torch.testing.assert_close(guided.video, report, rtol=0, atol=1e-12)
    ours = dual_guidance(null, bridge, full, bridge_scale=bridge_scale, text_scale=text_scale)
    assert torch.equal(ours, guided.video)


def test_both_scales_one_is_the_full_velocity(velocities):
    guided = Guidance(1.0, 1.0).combine({FULL: velocities[FULL]})
    assert torch.equal(guided.audio, velocities[FULL].audio)


def test_the_control_is_the_text_alone(velocities):
    guided = Guidance(3.0, 1.0, bridge=False).combine({TEXT_ONLY: velocities[TEXT_ONLY]})
    assert torch.equal(guided.video, velocities[TEXT_ONLY].video)


@pytest.mark.parametrize("scale", [-0.1, float("nan"), float("inf")])
def test_impossible_scales_are_refused(scale):
    with pytest.raises(UsageError, match="text_scale"):
        Guidance(1.0, scale)
