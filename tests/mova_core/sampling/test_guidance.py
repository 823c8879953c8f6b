"""Guidance as algebra, on tensors alone: limits, linearity, one modality beside another, interval and rescale."""

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mova_core.errors import UsageError
from mova_core.sampling.guidance import (
    BRANCHES,
    BRIDGE,
    FULL,
    NULL,
    TEXT_ONLY,
    Guidance,
    Scales,
    dual_guidance,
    rescale_velocity,
)

SCALES = (0.0, 0.5, 1.0, 2.0, 5.0)
SHAPES = {"video": (2, 4, 3, 2, 2), "audio": (2, 4, 8)}
SIGMA = {"video": 0.75, "audio": 0.25}
# What one modality needs at scales (s_B, s_T): with the Bridge, and with the Bridge off.
NEEDS = {
    (3.5, 5.0): ({NULL, BRIDGE, FULL}, {NULL, TEXT_ONLY}),
    (1.0, 5.0): ({BRIDGE, FULL}, {NULL, TEXT_ONLY}),
    (3.0, 3.0): ({NULL, FULL}, {NULL, TEXT_ONLY}),
    (2.0, 1.0): ({NULL, BRIDGE, FULL}, {TEXT_ONLY}),
    (1.0, 1.0): ({FULL}, {TEXT_ONLY}),
    (2.0, 0.0): ({NULL, BRIDGE}, {NULL}),
    (1.0, 0.0): ({BRIDGE}, {NULL}),
    (0.0, 0.0): ({NULL}, {NULL}),
}
scales = st.floats(0, 20)


@pytest.fixture
def pairs():
    """Velocities of every branch, and noisy latents, float64."""
    generator = torch.Generator().manual_seed(0)

    def pair():
        return {name: torch.randn(shape, generator=generator, dtype=torch.float64) for name, shape in SHAPES.items()}

    return {branch: pair() for branch in BRANCHES}, pair()


def combined(guidance, pairs, sigma=SIGMA):
    """The guided velocities from the branches that a step runs, and no others."""
    velocities, noisy = pairs
    return guidance.combine({branch: velocities[branch] for branch in guidance.branches(sigma)}, noisy, sigma)


def with_own(video, audio, bridge=True, **options):
    """Guidance whose common scales have no part: each modality has its own."""
    return Guidance(9.0, 7.0, bridge, {"video": Scales(*video), "audio": Scales(*audio)}, **options)


@pytest.mark.parametrize(("video", "audio"), list(itertools.product(NEEDS, NEEDS)))
@pytest.mark.parametrize("off", [False, True], ids=["bridge", "bridge off"])
def test_a_branch_runs_where_a_modality_needs_it(video, audio, off):
    guidance = with_own(video, audio, bridge=not off)
    assert set(guidance.branches(SIGMA)) == NEEDS[video][off] | NEEDS[audio][off]
    assert set(guidance.branches({"audio": 0.5})) == NEEDS[audio][off]  # of a given video
    assert set(guidance.branches({"video": 0.5})) == NEEDS[video][off]


@pytest.mark.parametrize("common", NEEDS)
@pytest.mark.parametrize("off", [False, True], ids=["bridge", "bridge off"])
def test_one_pair_of_scales_is_for_every_modality(common, off):
    guidance = Guidance(*common, bridge=not off)
    for modalities in (("video", "audio"), ("video",), ("audio",), ("depth",)):
        assert set(guidance.branches(dict.fromkeys(modalities, 0.5))) == NEEDS[common][off]


@pytest.mark.parametrize("common", NEEDS)
@pytest.mark.parametrize("off", [False, True], ids=["bridge", "bridge off"])
def test_a_rescale_needs_the_conditional_velocity_too(common, off):
    needed, conditional = NEEDS[common][off], {TEXT_ONLY if off else FULL}
    assert set(Guidance(*common, bridge=not off, rescale=0.7).branches(SIGMA)) == needed | conditional


def test_branches_without_the_bridge_come_first():
    every = with_own((3.5, 5.0), (2.0, 0.0)).branches(SIGMA)
    assert [branch.bridge for branch in every] == sorted(branch.bridge for branch in every)


@pytest.mark.parametrize(
    ("sigma", "branches"),
    [
        ({"video": 0.95, "audio": 0.95}, {FULL}),
        ({"video": 0.9, "audio": 0.95}, {NULL, BRIDGE, FULL}),
        ({"video": 0.95, "audio": 0.9}, {BRIDGE, FULL}),
        ({"video": 0.2, "audio": 0.1}, {NULL, BRIDGE, FULL}),
        ({"video": 0.1, "audio": 0.2}, {BRIDGE, FULL}),
        ({"audio": 0.1}, {FULL}),
    ],
)
def test_guidance_acts_on_a_modality_whose_own_noise_level_is_in_the_interval(pairs, sigma, branches):
    guidance = with_own((3.5, 5.0), (1.0, 5.0), sigma_min=0.2, sigma_max=0.9)
    assert set(guidance.branches(sigma)) == branches
    guided, velocities = combined(guidance, pairs, sigma), pairs[0]
    for modality, level in sigma.items():
        outside = not 0.2 <= level <= 0.9
        assert torch.equal(guided[modality], velocities[FULL][modality]) is outside


@pytest.mark.parametrize("sigma", [0.0, 0.003, 0.5, 0.9, 1.0])
def test_the_interval_that_covers_everything_is_none(pairs, sigma):
    plain, covering = Guidance(2.0, 3.0), Guidance(2.0, 3.0, sigma_min=0.0, sigma_max=1.0)
    levels = dict.fromkeys(SHAPES, sigma)
    for modality, velocity in combined(plain, pairs, levels).items():
        assert torch.equal(combined(covering, pairs, levels)[modality], velocity)


@pytest.mark.parametrize("level", [0.9, 0.1, 0.7, 0.3])
def test_an_end_of_the_interval_that_a_person_types_is_the_float32_level(level):
    typed = float(torch.tensor(level))
    assert Guidance(2.0, 3.0, sigma_min=level, sigma_max=level).branches({"video": typed}) == (NULL, BRIDGE, FULL)


@pytest.mark.parametrize(("bridge_scale", "text_scale"), list(itertools.product(SCALES, SCALES)))
def test_the_weighted_sum_is_the_reports_formula(pairs, bridge_scale, text_scale):
    guided = combined(Guidance(bridge_scale, text_scale), pairs)
    null, bridge, full = (pairs[0][branch]["video"] for branch in (NULL, BRIDGE, FULL))
    report = null + bridge_scale * (bridge - null) + text_scale * (full - bridge)
    torch.testing.assert_close(guided["video"], report, rtol=0, atol=1e-12)
    ours = dual_guidance(null, bridge, full, bridge_scale=bridge_scale, text_scale=text_scale)
    assert torch.equal(ours, guided["video"])


@given(bridge=scales, text=scales, off=st.booleans())
def test_weights_sum_to_one(bridge, text, off):
    weights = Guidance(bridge, text, bridge=not off).weights("video", 0.5)
    assert sum(weights.values()) == pytest.approx(1)
    assert 0 not in weights.values()


@given(video=st.tuples(scales, scales), audio=st.tuples(scales, scales), off=st.booleans(), rescale=st.floats(0, 1))
def test_each_modality_is_guided_as_if_it_were_alone(video, audio, off, rescale):
    generator = torch.Generator().manual_seed(1)
    velocities = {
        branch: {name: torch.randn(shape, generator=generator) for name, shape in SHAPES.items()} for branch in BRANCHES
    }
    pairs = velocities, velocities[NULL]
    both = combined(with_own(video, audio, not off, rescale=rescale), pairs)
    for modality, own in (("video", video), ("audio", audio)):
        common = combined(Guidance(*own, bridge=not off, rescale=rescale), pairs)
        assert torch.equal(both[modality], common[modality])


@pytest.mark.parametrize("factor", [-2.0, 0.0, 3.0])
def test_guidance_is_linear_in_the_velocities(pairs, factor):
    velocities, noisy = pairs
    other = {branch: velocities[BRANCHES[index - 1]] for index, branch in enumerate(BRANCHES)}
    summed = {
        branch: {name: velocities[branch][name] + factor * other[branch][name] for name in SHAPES}
        for branch in BRANCHES
    }
    guidance = with_own((3.5, 5.0), (2.0, 1.5))
    first, second, both = (combined(guidance, (each, noisy)) for each in (velocities, other, summed))
    for name in SHAPES:
        torch.testing.assert_close(both[name], first[name] + factor * second[name], rtol=0, atol=1e-12)


@pytest.mark.parametrize(("off", "branch"), [(False, FULL), (True, TEXT_ONLY)])
@pytest.mark.parametrize("rescale", [0.0, 1.0])
def test_scales_of_one_are_the_conditional_velocity(pairs, off, branch, rescale):
    guided = combined(Guidance(1.0, 1.0, bridge=not off, rescale=rescale), pairs)
    for modality, velocity in guided.items():
        assert torch.equal(velocity, pairs[0][branch][modality])


def test_the_bridges_scale_has_no_part_without_the_bridge(pairs):
    low, high = (combined(Guidance(scale, 3.0, bridge=False), pairs) for scale in (0.0, 3.5))
    assert torch.equal(low["audio"], high["audio"])


def test_no_rescale_is_none(pairs):
    velocities, noisy = pairs
    guided, conditional = velocities[NULL]["video"], velocities[FULL]["video"]
    assert torch.equal(rescale_velocity(guided, conditional, noisy["video"], 0.5, share=0.0), guided)


@pytest.mark.parametrize("sigma", [0.003, 0.25, 0.9, 1.0])
@pytest.mark.parametrize("share", [0.3, 1.0])
def test_a_rescale_brings_the_clean_latent_to_the_conditional_ones_spread(pairs, sigma, share):
    """Sample by sample and modality by modality; the shape of the clean latent stays."""
    levels = dict.fromkeys(SHAPES, sigma)
    plain, rescaled = (combined(Guidance(3.5, 5.0, rescale=each), pairs, levels) for each in (0.0, share))
    for modality in SHAPES:
        noisy, conditional = pairs[1][modality], pairs[0][FULL][modality]
        clean, narrowed, reference = (
            (noisy - sigma * velocity).flatten(1) for velocity in (plain[modality], rescaled[modality], conditional)
        )
        wanted = share * reference.std(dim=1) + (1 - share) * clean.std(dim=1)
        torch.testing.assert_close(narrowed.std(dim=1), wanted, rtol=1e-9, atol=0)
        factor = narrowed / clean
        torch.testing.assert_close(factor, factor[:, :1].expand_as(factor), rtol=1e-6, atol=0)


def test_a_clean_latent_that_guidance_only_made_wider_is_the_conditional_one_again():
    """The known answer: no noise is left in it, which scaling the whole velocity would leave."""
    generator = torch.Generator().manual_seed(2)
    clean, noise = torch.randn(2, 3, 4, 5, 5, generator=generator, dtype=torch.float64)
    for sigma in (0.1, 0.6, 1.0):
        noisy = (1 - sigma) * clean + sigma * noise
        conditional, wider = ((noisy - each) / sigma for each in (clean, 4 * clean))
        rescaled = rescale_velocity(wider, conditional, noisy, sigma, share=1.0)
        torch.testing.assert_close(noisy - sigma * rescaled, clean, rtol=0, atol=1e-12)


def test_a_rescale_leaves_what_has_no_spread_or_no_noise(pairs):
    zeros = torch.zeros(1, 4, 8)
    assert torch.equal(rescale_velocity(zeros, zeros + 1, zeros, 1.0, share=1.0), zeros)
    velocities, noisy = pairs
    guided, conditional = velocities[NULL]["audio"], velocities[FULL]["audio"]
    assert torch.equal(rescale_velocity(guided, conditional, noisy["audio"], 0.0, share=1.0), guided)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"text_scale": -0.1}, "text_scale is -0.1"),
        ({"text_scale": float("nan")}, "text_scale is nan"),
        ({"bridge_scale": float("inf")}, "bridge_scale is inf"),
        ({"sigma_min": 0.6, "sigma_max": 0.5}, "0.6 to 0.5"),
        ({"sigma_min": -0.1}, "-0.1 to 1.0"),
        ({"sigma_max": 1.1}, "0.0 to 1.1"),
        ({"sigma_max": float("nan")}, "nan"),
        ({"rescale": -0.1}, "rescale is -0.1"),
        ({"rescale": 1.1}, "rescale is 1.1"),
    ],
)
def test_impossible_guidance_is_refused(options, sentence):
    with pytest.raises(UsageError, match=sentence):
        Guidance(**{"bridge_scale": 1.0, "text_scale": 1.0} | options)


def test_impossible_scales_of_one_modality_are_refused():
    with pytest.raises(UsageError, match="bridge_scale is -1"):
        Scales(-1.0, 1.0)
