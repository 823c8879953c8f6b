"""Dual guidance as algebra: limits, linearity, and how many passes each mode costs."""

import itertools

import pytest
import torch

from mova_core.errors import UsageError
from mova_core.model.dual_tower import LatentPair
from mova_core.sampling.guidance import BRIDGE, FULL, NULL, TEXT_ALONE, Guidance, dual_guidance

SCALES = (0.0, 0.5, 1.0, 2.0, 5.0)


@pytest.fixture
def velocities():
    generator = torch.Generator().manual_seed(0)

    def pair():
        shapes = (2, 4, 3, 2, 2), (2, 4, 8)
        return LatentPair(*(torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes))

    return {forward: pair() for forward in (NULL, BRIDGE, FULL, TEXT_ALONE)}


@pytest.mark.parametrize(
    ("bridge_scale", "text_scale", "forwards"),
    [
        (3.5, 5.0, {NULL, BRIDGE, FULL}),
        (0.0, 5.0, {NULL, BRIDGE, FULL}),
        (1.0, 5.0, {BRIDGE, FULL}),
        (3.0, 3.0, {NULL, FULL}),
        (1.0, 1.0, {FULL}),
        (1.0, 0.0, {BRIDGE}),
        (0.0, 0.0, {NULL}),
    ],
)
def test_passes_of_each_mode(bridge_scale, text_scale, forwards):
    assert set(Guidance(bridge_scale, text_scale).forwards) == forwards


def test_passes_without_the_bridge():
    assert Guidance(2.0, 1.0, bridge=False).forwards == (TEXT_ALONE,)
    assert set(Guidance(2.0, 3.0, bridge=False).forwards) == {NULL, TEXT_ALONE}


@pytest.mark.parametrize(("bridge_scale", "text_scale"), list(itertools.product(SCALES, SCALES)))
def test_leaving_out_passes_changes_nothing(velocities, bridge_scale, text_scale):
    guidance = Guidance(bridge_scale, text_scale)
    guided = guidance.combine({forward: velocities[forward] for forward in guidance.forwards})
    three = (velocities[forward].video for forward in (NULL, BRIDGE, FULL))
    torch.testing.assert_close(
        guided.video, dual_guidance(*three, bridge_scale=bridge_scale, text_scale=text_scale), rtol=0, atol=1e-12
    )


def test_both_scales_one_is_the_full_velocity(velocities):
    guided = Guidance(1.0, 1.0).combine({FULL: velocities[FULL]})
    assert torch.equal(guided.audio, velocities[FULL].audio)


def test_the_control_is_the_text_alone(velocities):
    guided = Guidance(3.0, 1.0, bridge=False).combine({TEXT_ALONE: velocities[TEXT_ALONE]})
    assert torch.equal(guided.video, velocities[TEXT_ALONE].video)


@pytest.mark.parametrize("varied", ["bridge_scale", "text_scale"])
def test_linear_in_each_scale(velocities, varied):
    def at(scale):
        scales = {"bridge_scale": 2.0, "text_scale": 3.0} | {varied: scale}
        return dual_guidance(*(velocities[forward].video for forward in (NULL, BRIDGE, FULL)), **scales)

    torch.testing.assert_close(at(1.5), (at(0.0) + at(3.0)) / 2)
    torch.testing.assert_close(at(4.0) - at(3.0), at(1.0) - at(0.0))


@pytest.mark.parametrize("scale", [-0.1, float("nan"), float("inf")])
def test_impossible_scales_are_refused(scale):
    with pytest.raises(UsageError, match="text_scale"):
        Guidance(1.0, scale)
