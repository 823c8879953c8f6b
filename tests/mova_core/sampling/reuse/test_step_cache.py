"""Step caches leave out what they say, are exact where velocities lie on a line, and mix no samples."""

from dataclasses import replace

import pytest
import torch

from mova_core.errors import UsageError
from mova_core.model.towers.dual_tower import LatentPair
from mova_core.params.generate import GenerateParams
from mova_core.sampling import sampler as sampler_module
from mova_core.sampling.branch_parallel.processes import BranchParallel
from mova_core.sampling.guidance import BRIDGE, FULL, NULL
from mova_core.sampling.reuse.step_cache import StepCache
from tests.mova_core.sampling.sampler_inputs import conditioning, noise

HIGH, LOW = "video_dit", "video_dit_2"


def pair(video, audio):
    return LatentPair(torch.tensor([video]), torch.tensor([audio]))


def test_velocities_on_a_line_are_continued_exactly_and_each_expert_begins_anew():
    cache, computed, found = StepCache("velocity", 3), [], []
    experts = [HIGH] * 5 + [LOW] * 5
    for number, expert in enumerate(experts):
        sigma_2 = torch.tensor([1 - number / 10, 1 - number / 20])

        def compute(number=number, sigma_2=sigma_2):
            computed.append(number)
            return pair(3 + 4 * float(sigma_2[0]), -2 * float(sigma_2[1]))

        found.append((sigma_2, cache.velocity(sigma_2, expert, compute)))
    assert computed == [0, 1, 4, 5, 6, 9]
    for sigma_2, velocity in found:
        torch.testing.assert_close(velocity, pair(3 + 4 * float(sigma_2[0]), -2 * float(sigma_2[1])))


def test_a_modality_that_is_given_stands_still():
    cache = StepCache("velocity", 2)
    for sigma in (0.9, 0.8, 0.7):
        velocity = cache.velocity(torch.tensor([0.0, sigma]), LOW, lambda sigma=sigma: pair(0.0, sigma))
    torch.testing.assert_close(velocity, pair(0.0, 0.7))


def test_v_00_keeps_its_difference_to_the_negative_texts_other_branch():
    cache, branches = StepCache("null_branch", 3), (NULL, BRIDGE, FULL)
    for number, expert in enumerate([HIGH] * 4):
        run = []

        def compute(number=number, run=run):
            run += cache.branches(branches)
            velocities = {branch: {"video": torch.tensor([10.0 * number])} for branch in run}
            if NULL in run:
                velocities[NULL]["video"] -= 2
            completed = cache.complete(branches, velocities)
            assert completed[NULL]["video"] == 10.0 * number - 2
            return pair(0.0, 0.0)

        cache.velocity(torch.tensor([0.9, 0.9]), expert, compute)
        assert (NULL in run) == (number in (0, 3))


@pytest.mark.parametrize("merged", [True, False])
@pytest.mark.parametrize(
    ("cache", "passes"),
    # Of 12 steps of shift 5 the low-noise expert begins with the fifth: 0, 3, 4, 7, 10 and 0, 1, 4, 5, 8, 11 run all.
    [("none", 36), ("null_branch", 24 + 5), ("velocity", 3 * 6)],
)
def test_passes_of_a_run(make, forwards, monkeypatch, cache, passes, merged):
    monkeypatch.setattr(sampler_module, "MERGE_UP_TO_LATENTS", 10**9 if merged else 0)
    make(steps=12, cache=cache, cache_interval=3).sample(noise(1), conditioning(1))
    assert sum(batch for _, batch, _ in forwards) == passes


@pytest.mark.parametrize("cache", ["null_branch", "velocity"])
@pytest.mark.parametrize("options", [{}, {"sigma_min": 0.3, "sigma_max": 0.9}, {"bridge": False}], ids=str)
def test_a_sample_is_the_same_alone_or_among_others(make, cache, options):
    sampler, start, given = make(steps=6, cache=cache, cache_interval=2, **options), noise(3), conditioning(3)
    together = sampler.sample(start, given)
    parts = {name: getattr(given, name)[1:2] for name in ("context", "negative_context", "condition")}
    alone = sampler.sample(LatentPair(*(each[1:2] for each in start)), replace(given, **parts))
    torch.testing.assert_close(alone.video[0], together.video[1], rtol=0, atol=1e-5)
    torch.testing.assert_close(alone.audio[0], together.audio[1], rtol=0, atol=1e-5)


def test_a_cache_changes_a_clip_a_little(make):
    exact = make(steps=12).sample(noise(1), conditioning(1))
    for cache in ("null_branch", "velocity"):
        found = make(steps=12, cache=cache, cache_interval=2).sample(noise(1), conditioning(1))
        error = float((found.video - exact.video).square().mean().sqrt())
        assert 0 < error < 0.2 * float(exact.video.square().mean().sqrt())


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"cache": "velocity", "solver": "heun"}, "solver heun"),
        ({"cache": "null_branch", "bridge_guidance_scale": 1.0}, "no step has that pass"),
        ({"cache": "first_block"}, "none"),
        ({"cache": "velocity", "cache_interval": 1}, "2"),
        ({"cache_interval": 3}, "nothing is cached"),
    ],
)
def test_what_cannot_be_cached_is_refused(values, told):
    with pytest.raises(ValueError, match=told):
        GenerateParams(**values)


def test_v_00_is_not_left_out_beside_another_process(make):
    with pytest.raises(UsageError, match="cache is null_branch"):
        make(cache="null_branch", parallel=BranchParallel.__new__(BranchParallel))
