"""The loop around the towers: experts switched once, samples and modalities kept apart, what is given kept as it is."""

from dataclasses import replace

import pytest
import torch

from mova_core.errors import MovaError
from mova_core.flow_matching import PairSchedule
from mova_core.model.towers.dual_tower import LatentPair
from mova_core.sampling import sampler as sampler_module
from mova_core.sampling.conditioning.known import NOTHING_KNOWN
from mova_core.sampling.guidance import Scales
from mova_core.sampling.sampler import GenerationCancelled, Watcher
from tests.mova_core.sampling.sampler_inputs import conditioning, noise

RUNS = [  # fields of a sampler and of its guidance
    {},
    {"audio_shift": 1.0},
    {"solver": "heun"},
    {"audio_shift": 2.0, "solver": "heun", "rescale": 0.7, "sigma_min": 0.1, "sigma_max": 0.95},
    {"own_scales": {"audio": Scales(1.0, 4.0)}, "rescale": 1.0},
    {"bridge": False},
]


def taken(values, index):
    """These samples of a batch, of everything in it."""
    if values is None or isinstance(values, torch.Tensor):
        return None if values is None else values[index]
    if isinstance(values, LatentPair):
        return LatentPair(*(each[index] for each in values))
    return replace(values, **{name: taken(getattr(values, name), index) for name in values.__slots__})


def test_merged_passes_agree_with_single_ones(make, monkeypatch):
    found = []
    for limit in (0, 10**9):
        monkeypatch.setattr(sampler_module, "MERGE_UP_TO_LATENTS", limit)
        found.append(make().sample(noise(2), conditioning(2)))
    torch.testing.assert_close(found[0].video, found[1].video, rtol=0, atol=1e-5)
    torch.testing.assert_close(found[0].audio, found[1].audio, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("solver", "high", "low"), [("euler", 2, 2), ("heun", 3, 5)])
def test_the_experts_switch_once_and_heun_evaluates_twice_a_step(make, forwards, solver, high, low):
    """At 4 steps of shift 5 the third step is below the boundary: Heun reaches it at the end of the second."""
    make(1.0, 1.0, steps=4, solver=solver).sample(noise(1), conditioning(1))
    assert [expert for expert, _, _ in forwards] == ["video_dit"] * high + ["video_dit_2"] * low


@pytest.mark.parametrize("run", RUNS)
def test_the_same_run_twice_gives_the_same_bytes(make, run):
    """Whatever ran between them, and whatever the global generator has drawn."""
    first = make(**run).sample(noise(2), conditioning(2, torch.tensor([True, False])))
    make().sample(noise(1, seed=8), conditioning(1))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        again = make(**run).sample(noise(2), conditioning(2, torch.tensor([True, False])))
    assert all(map(torch.equal, first, again))


@pytest.mark.parametrize("run", RUNS)
def test_a_sample_is_the_same_alone_or_among_others_in_any_order(make, run):
    start, given, order = (
        noise(4),
        conditioning(4, torch.tensor([True, False, True, False])),
        torch.tensor([2, 0, 3, 1]),
    )
    sampler = make(**run)
    together = sampler.sample(start, given)
    shuffled = sampler.sample(taken(start, order), taken(given, order))
    torch.testing.assert_close(shuffled.video, together.video[order], rtol=0, atol=1e-5)
    torch.testing.assert_close(shuffled.audio, together.audio[order], rtol=0, atol=1e-5)
    for index in (0, 3):
        alone = sampler.sample(taken(start, [index]), taken(given, [index]))
        torch.testing.assert_close(alone.video[0], together.video[index], rtol=0, atol=1e-5)
        torch.testing.assert_close(alone.audio[0], together.audio[index], rtol=0, atol=1e-5)


def test_without_the_bridge_each_tower_is_alone(make):
    """Other noise in one modality does not reach the other; with the Bridge it does."""
    first, second, given = noise(1, seed=0), noise(1, seed=1), conditioning(1)
    mixed = LatentPair(first.video, second.audio)
    for bridge in (False, True):
        sampler = make(bridge=bridge)
        video = [sampler.sample(start, given).video for start in (first, mixed)]
        audio = [sampler.sample(start, given).audio for start in (second, mixed)]
        assert torch.equal(*video) is not bridge
        assert torch.equal(*audio) is not bridge


def test_both_shifts_act(make):
    same, other = (make(audio_shift=shift).sample(noise(1), conditioning(1)) for shift in (5.0, 1.0))
    assert not torch.allclose(same.audio, other.audio, atol=1e-3)


@pytest.mark.parametrize("run", RUNS)
def test_a_known_first_latent_comes_out_exactly_and_only_where_it_is_known(make, run):
    given = conditioning(2, torch.tensor([True, False]))
    kept = make(**run).sample(noise(2), given)
    free = make(**run).sample(noise(2), replace(given, known=NOTHING_KNOWN))
    assert torch.equal(kept.video[0, :, 0], given.condition[0, 4:, 0])
    torch.testing.assert_close(kept.video[1], free.video[1], rtol=0, atol=1e-5)
    assert not torch.allclose(kept.video[0, :, 1:], free.video[0, :, 1:], atol=1e-4)  # the rest of the clip knows of it


def test_cancelled_between_steps(make, forwards):
    done = []
    sampler = make(1.0, 1.0, steps=5, watcher=Watcher(lambda: len(done) == 2, done.append))
    with pytest.raises(GenerationCancelled, match="before step 3 of 5"):
        sampler.sample(noise(1), conditioning(1))
    assert done == [1, 2]
    assert len(forwards) == 2


def test_velocities_that_are_not_finite_are_an_error(make):
    broken = noise(1)._replace(audio=torch.full((1, 16, 32), float("nan")))
    with pytest.raises(MovaError, match="not finite"):
        make().sample(broken, conditioning(1))


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize(("given", "made"), [("video", "audio"), ("audio", "video")])
def test_a_given_modality_comes_out_exactly_and_reaches_the_other_over_the_bridge(make, run, given, made):
    """Its own noise has no part in either."""
    clean, condition = noise(2, seed=4), conditioning(2)
    inputs = replace(condition, **{given: getattr(clean, given)})
    sampler, start = make(**run), noise(2)
    output = sampler.sample(start, inputs)
    assert torch.equal(getattr(output, given), getattr(clean, given))
    elsewhere = sampler.sample(start._replace(**{given: getattr(noise(2, seed=6), given)}), inputs)
    assert all(map(torch.equal, output, elsewhere))
    other = sampler.sample(start, replace(condition, **{given: getattr(noise(2, seed=5), given)}))
    assert torch.equal(getattr(other, made), getattr(output, made)) is not run.get("bridge", True)


def test_a_given_modality_is_at_level_zero_in_every_step(make, nano_towers):
    """A given video goes through the low-noise expert; the audio still goes down its schedule."""
    seen, clean = [], noise(2, seed=4)

    def note(module, arguments, options):
        seen.append((arguments[0], arguments[1], options["expert"]))

    hook = nano_towers.register_forward_pre_hook(note, with_kwargs=True)
    made = make(1.0, 1.0).sample(noise(2), replace(conditioning(2), video=clean.video))
    hook.remove()
    for latents, timestep_B2, expert in seen:
        assert expert == "video_dit_2" and not timestep_B2[:, 0].any()
        assert torch.equal(latents.video, clean.video)
    assert [float(timestep_B2[0, 1]) for _, timestep_B2, _ in seen] == PairSchedule(3, 5.0, 5.0).timesteps[
        :, 1
    ].tolist()
    assert torch.equal(made.video, clean.video)
