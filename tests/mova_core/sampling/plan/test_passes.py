"""A plan counts the passes that the sampler makes."""

import pytest

from mova_core.flow_matching import PairSchedule
from mova_core.params import Params
from mova_core.sampling.guidance_settings import guidance_of
from mova_core.sampling.plan.plan import Passes
from mova_core.sampling.sampler import Sampler
from mova_core.sampling.settings import GenerateSettings
from tests.mova_core.sampling.sampler_inputs import conditioning, noise


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"bridge_guidance_scale": 1.0},
        {"bridge_guidance_scale": 2.0, "text_guidance_scale": 2.0, "solver": "heun"},
        {"cache": "null_branch", "cache_interval": 3},
        {"cache": "velocity", "steps": 20},
        {"guidance_sigma_min": 0.3, "guidance_sigma_max": 0.95, "audio_bridge_guidance_scale": 1.0, "audio_shift": 2.0},
    ],
    ids=str,
)
def test_passes(nano_towers, forwards, monkeypatch, changes):
    monkeypatch.setattr("mova_core.sampling.sampler.MERGE_UP_TO_LATENTS", 0)
    values = Params().generate.model_dump(include=set(GenerateSettings.model_fields))
    settings = GenerateSettings.model_validate({**values, "geometry": "nano-48"}).changed(**changes)
    schedule = PairSchedule(settings.steps, settings.video_shift, settings.audio_shift)
    options = {"solver": settings.solver, "cache": settings.cache, "cache_interval": settings.cached_steps}
    Sampler(nano_towers, schedule, guidance_of(settings), 16.0, **options).sample(noise(1), conditioning(1))
    bridge = [on for _, _, on in forwards]
    passes = Passes.of(settings)
    assert (passes.with_bridge, passes.without_bridge) == (bridge.count(True), bridge.count(False))
