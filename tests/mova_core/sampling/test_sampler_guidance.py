"""Guidance in the loop: passes of every combination counted, intervals, each modality's scales and negative prompt."""

from dataclasses import replace

import pytest
import torch

from mova_core.model.towers.dual_tower import LatentPair
from mova_core.sampling import sampler as sampler_module
from mova_core.sampling.guidance import Scales
from tests.mova_core.sampling.sampler_inputs import conditioning, noise

# Passes a step at scales (s_B, s_T) of video and audio: both generated, audio for a given video, video for a given
# audio; then the same three with the Bridge off.
PASSES = {
    ((3.5, 5.0), (3.5, 5.0)): (3, 3, 3, 2, 2, 2),
    ((1.0, 5.0), (1.0, 5.0)): (2, 2, 2, 2, 2, 2),
    ((3.0, 3.0), (3.0, 3.0)): (2, 2, 2, 2, 2, 2),
    ((1.0, 1.0), (1.0, 1.0)): (1, 1, 1, 1, 1, 1),
    ((3.5, 1.0), (3.5, 1.0)): (3, 3, 3, 1, 1, 1),
    ((1.0, 0.0), (1.0, 0.0)): (1, 1, 1, 1, 1, 1),
    ((3.5, 5.0), (1.0, 5.0)): (3, 2, 3, 2, 2, 2),
    ((3.5, 5.0), (1.0, 1.0)): (3, 1, 3, 2, 1, 2),
    ((1.0, 1.0), (3.5, 5.0)): (3, 3, 1, 2, 2, 1),
    ((1.0, 5.0), (3.0, 3.0)): (3, 2, 2, 2, 2, 2),
    ((1.0, 5.0), (1.0, 1.0)): (2, 1, 2, 2, 1, 2),
    ((3.0, 3.0), (1.0, 1.0)): (2, 1, 2, 2, 1, 2),
    ((1.0, 1.0), (1.0, 0.0)): (2, 1, 1, 2, 1, 1),
    ((0.0, 0.0), (1.0, 1.0)): (2, 1, 1, 2, 1, 1),
}
GIVEN = {"both": (), "audio": ("video",), "video": ("audio",)}  # what is generated: what is given


def given_of(names, batch=3):
    clean = noise(batch, seed=4)
    return replace(conditioning(batch), **{name: getattr(clean, name) for name in names})


@pytest.mark.parametrize("scales", PASSES)
@pytest.mark.parametrize("solver", ["euler", "heun"])
@pytest.mark.parametrize("bridge", [True, False])
@pytest.mark.parametrize("generated", GIVEN)
def test_passes_a_step(make, forwards, scales, solver, bridge, generated):
    """Counted as samples through the towers, whether passes share a batch or not."""
    own = {name: Scales(*each) for name, each in zip(LatentPair._fields, scales, strict=True)}
    sampler = make(bridge=bridge, own_scales=own, steps=1, solver=solver)
    sampler.sample(noise(3), given_of(GIVEN[generated]))
    passes = PASSES[scales][list(GIVEN).index(generated) + (0 if bridge else 3)]
    assert sum(batch for _, batch, _ in forwards) == passes * 3 * {"euler": 1, "heun": 2}[solver]


@pytest.mark.parametrize(("scales", "passes"), [((3.5, 5.0), 3), ((1.0, 5.0), 2), ((3.0, 3.0), 2), ((1.0, 1.0), 1)])
@pytest.mark.parametrize("merged", [True, False])
def test_passes_share_a_batch_where_latents_are_few(make, forwards, monkeypatch, scales, passes, merged):
    monkeypatch.setattr(sampler_module, "MERGE_UP_TO_LATENTS", 10**9 if merged else 0)
    make(*scales, steps=2).sample(noise(3), conditioning(3))
    assert [batch for _, batch, _ in forwards] == ([passes * 3] * 2 if merged else [3] * 2 * passes)


@pytest.mark.parametrize(
    ("interval", "solver", "passes"),
    [
        ((0.0, 1.0), "euler", [3, 3, 3, 3]),
        ((0.0, 1.0), "heun", [3, 3, 3, 3, 3, 3, 3, 3]),
        ((0.5, 0.95), "euler", [1, 3, 3, 1]),
        ((0.5, 0.95), "heun", [1, 3, 3, 3, 3, 1, 1, 1]),  # start and end of each step
        ((0.0, 0.0), "heun", [1, 1, 1, 1, 1, 1, 1, 3]),
        ((0.95, 0.99), "euler", [1, 1, 1, 1]),
    ],
)
def test_outside_the_guidance_interval_a_step_is_one_pass(make, forwards, interval, solver, passes):
    """Noise levels of 4 steps at shift 5: 1, 0.91, 0.72, 0.015."""
    low, high = interval
    make(steps=4, solver=solver, sigma_min=low, sigma_max=high).sample(noise(1), conditioning(1))
    assert [batch for _, batch, _ in forwards] == passes


def test_each_modality_leaves_the_guidance_interval_at_its_own_noise_level(make, forwards):
    """At shift 1 the audio's levels are 1, 0.67, 0.34, 0.003; that of a given video does not count."""
    text_only, dual = Scales(1.0, 5.0), Scales(3.5, 5.0)
    sampler = make(
        steps=4, audio_shift=1.0, own_scales={"video": dual, "audio": text_only}, sigma_min=0.5, sigma_max=0.95
    )
    sampler.sample(noise(1), conditioning(1))
    assert [batch for _, batch, _ in forwards] == [1, 3, 3, 1]
    forwards.clear()
    sampler.sample(noise(1), given_of(["video"], batch=1))
    assert [batch for _, batch, _ in forwards] == [1, 2, 1, 1]


@pytest.mark.parametrize(("generated", "tower"), [("audio", "audio_dit"), ("video", "video_dit")])
def test_a_pass_without_the_bridge_runs_the_towers_that_are_needed(make, forwards, monkeypatch, generated, tower):
    """What a given modality would be without the Bridge is asked by none, and neither is it with equal scales."""
    inputs, merged = given_of(GIVEN[generated]), make(3.5, 5.0, steps=1).sample(noise(3), given_of(GIVEN[generated]))
    monkeypatch.setattr(sampler_module, "MERGE_UP_TO_LATENTS", 0)
    forwards.clear()
    in_turn = make(3.5, 5.0, steps=1).sample(noise(3), inputs)
    expert = "video_dit_2" if generated == "audio" else "video_dit"
    assert forwards == [(tower, 3, False), (expert, 3, True), (expert, 3, True)]
    torch.testing.assert_close(getattr(in_turn, generated), getattr(merged, generated), rtol=0, atol=1e-5)
    forwards.clear()
    own = {generated: Scales(3.0, 3.0)}
    make(1.0, 1.0, steps=1, own_scales=own).sample(noise(3), conditioning(3))
    assert forwards == [(tower, 3, False), ("video_dit", 3, True)]


@pytest.mark.parametrize("generated", ["audio", "video"])
def test_one_tower_alone_gives_the_bits_of_both(make, generated):
    """With the Bridge off every pass is of one tower where the other modality is given."""
    given = make(2.0, 3.0, bridge=False).sample(noise(3), given_of(GIVEN[generated]))
    both = make(2.0, 3.0, bridge=False).sample(noise(3), conditioning(3))
    assert torch.equal(getattr(given, generated), getattr(both, generated))


def test_guidance_of_one_modality_does_not_move_the_others_velocity(make):
    """In a single step nothing has come over the Bridge yet from what the other's guidance did."""
    common, mixed = make(2.0, 3.0, steps=1), make(2.0, 3.0, steps=1, own_scales={"audio": Scales(1.5, 4.0)})
    first, second = (sampler.sample(noise(2), conditioning(2)) for sampler in (common, mixed))
    assert torch.equal(first.video, second.video)
    assert not torch.allclose(first.audio, second.audio, atol=1e-3)
    equal = make(9.0, 9.0, steps=1, own_scales=dict.fromkeys(LatentPair._fields, Scales(2.0, 3.0)))
    assert all(map(torch.equal, first, equal.sample(noise(2), conditioning(2))))


def test_a_rescale_acts_and_leaves_no_guidance_as_it_is(make):
    def sampled(*scales, rescale):
        return make(*scales, rescale=rescale).sample(noise(2), conditioning(2))

    guided, narrowed = sampled(2.0, 3.0, rescale=0.0), sampled(2.0, 3.0, rescale=1.0)
    assert not torch.allclose(guided.video, narrowed.video, atol=1e-3)
    assert not torch.allclose(guided.audio, narrowed.audio, atol=1e-3)
    assert all(map(torch.equal, sampled(1.0, 1.0, rescale=0.0), sampled(1.0, 1.0, rescale=1.0)))


def test_each_tower_has_its_own_negative_context(make):
    """Bridge off, so that what the audio's negative prompt does cannot come over to the video."""
    common, other = conditioning(2), torch.randn(2, 6, 64, generator=torch.Generator().manual_seed(5))
    sampler = make(bridge=False)
    plain, same, apart, both = (
        sampler.sample(noise(2), each)
        for each in (
            common,
            replace(common, audio_negative_context=common.negative_context),
            replace(common, audio_negative_context=other),
            replace(common, negative_context=other),
        )
    )
    assert all(map(torch.equal, plain, same))
    assert torch.equal(apart.video, plain.video)
    assert torch.equal(apart.audio, both.audio)
    assert not torch.allclose(apart.audio, plain.audio, atol=1e-3)
