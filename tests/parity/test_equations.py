"""Towers, Bridge, schedule, guidance and a whole run against `equations.py`: needs no golden folder.

The sizes are others than those of the golden cases; the weights are drawn, the Bridge's outputs too.
"""

import numpy as np
import pytest
import torch

from mova_core.flow_matching import PairSchedule
from mova_core.model import AudioTower, Bridge, DualTower, VideoTower
from mova_core.model.towers.bridge import BridgeScale
from mova_core.model.towers.dual_tower import LatentPair
from mova_core.sampling.conditioning.conditioning import Conditioning
from mova_core.sampling.guidance import Guidance
from mova_core.sampling.sampler import Sampler
from tests.parity import equations

FPS = 16.0
SHARED = {"text_dim": 10, "freq_dim": 16, "eps": 1e-6, "num_heads": 2}
CONFIG = {
    "video_dit": SHARED
    | {"dim": 24, "ffn_dim": 32, "in_dim": 12, "out_dim": 4, "patch_size": [1, 2, 2], "num_layers": 3},
    "audio_dit": SHARED | {"dim": 36, "ffn_dim": 40, "in_dim": 6, "out_dim": 6, "patch_size": [2], "num_layers": 2},
    "dual_tower_bridge": {
        "visual_layers": 3,
        "audio_layers": 2,
        "visual_hidden_dim": 24,
        "audio_hidden_dim": 36,
        "audio_fps": 25.0,
        "head_dim": 12,
    },
}
CONFIG["audio_dit"]["rope_theta"] = 256.0
CONFIG["video_dit_2"] = CONFIG["video_dit"]
SCALES = {"on": (1.0, 1.0), "off": (0.0, 0.0), "half": (0.5, 0.5), "to video": (1.0, 0.0), "to audio": (0.0, 1.0)}


@pytest.fixture(scope="module")
def towers():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        video = [VideoTower(**CONFIG["video_dit"]) for _ in range(2)]
        made = DualTower(*video, AudioTower(**CONFIG["audio_dit"]), Bridge(**CONFIG["dual_tower_bridge"]))
        with torch.no_grad():
            for parameter in made.parameters():  # norms too, which start at one
                parameter.add_(0.1 * torch.randn(parameter.shape))
    return made.eval()


@pytest.fixture(scope="module")
def weights(towers):
    return {name: value.double().numpy() for name, value in towers.state_dict().items()}


@pytest.fixture(scope="module")
def inputs():
    """Noise, and the conditions of one sample."""
    generator = torch.Generator().manual_seed(6)
    shapes = (1, 4, 3, 4, 6), (1, 6, 14), (1, 7, 10), (1, 7, 10), (1, 8, 3, 4, 6)
    video, audio, context, negative, condition = (torch.randn(shape, generator=generator) for shape in shapes)
    return LatentPair(video, audio), Conditioning(context, negative, condition)


def known(weights, latents, conditioning, timesteps, *, text=True, bridge=(1.0, 1.0), expert="video_dit"):
    """Velocities of one sample by the equations."""
    context = conditioning.context if text else conditioning.negative_context
    video = np.concatenate([latents[0], conditioning.condition[0].double().numpy()])
    return equations.dual_velocity(
        weights, CONFIG, expert, video, latents[1], context[0].double().numpy(), timesteps, FPS, bridge
    )


def plain(pair):
    return pair.video[0].double().numpy(), pair.audio[0].double().numpy()


def close(ours, reference, limit=2e-5):
    for found, right in zip(plain(ours), reference, strict=True):
        assert np.abs(found - right).max() <= limit * np.abs(right).max()


@pytest.mark.parametrize("name", SCALES)
def test_towers_and_bridge(towers, weights, inputs, name):
    noise, conditioning = inputs
    with torch.no_grad():
        ours = towers(
            noise,
            torch.tensor([[937.5, 212.25]]),
            conditioning.condition,
            conditioning.context,
            expert="video_dit",
            video_fps=FPS,
            bridge_scale=BridgeScale(*SCALES[name]),
        )
    close(ours, known(weights, plain(noise), conditioning, (937.5, 212.25), bridge=SCALES[name]))


@pytest.mark.parametrize(("video_shift", "audio_shift"), [(5.0, 5.0), (3.0, 3.0), (5.0, 1.0)])
def test_schedule(video_shift, audio_shift):
    steps, table_shift = 7, 5.0
    schedule = PairSchedule(steps, video_shift, audio_shift, table_shift)
    for column, shift in enumerate((video_shift, audio_shift)):
        own = equations.sigmas(steps, shift)
        equal = video_shift == audio_shift
        update = equations.euler_levels(steps, shift, table_shift) if equal else np.append(own, 0)
        np.testing.assert_allclose(schedule.sigmas[:, column].numpy(), own, rtol=2e-6)
        np.testing.assert_allclose(schedule.update_sigmas[:, column].numpy(), update, rtol=2e-6, atol=1e-9)


@pytest.mark.parametrize(("bridge_scale", "text_scale"), [(2.0, 3.0), (1.0, 5.0), (2.0, 2.0)])
def test_a_whole_run_with_guidance(towers, weights, inputs, bridge_scale, text_scale):
    """Three steps, the experts' switch among them: every branch, the guided sum and the update."""
    noise, conditioning = inputs
    steps, shift = 3, 5.0
    ours = Sampler(towers, PairSchedule(steps, shift, shift), Guidance(bridge_scale, text_scale), FPS)
    latents, levels = plain(noise), equations.euler_levels(steps, shift, shift)
    for step, sigma in enumerate(equations.sigmas(steps, shift)):
        at = {"timesteps": (1000 * sigma, 1000 * sigma), "expert": "video_dit" if sigma >= 0.9 else "video_dit_2"}
        null = known(weights, latents, conditioning, text=False, bridge=(0.0, 0.0), **at)
        bridge = known(weights, latents, conditioning, text=False, **at)
        full = known(weights, latents, conditioning, **at)
        velocity = [
            equations.guided(*three, bridge_scale, text_scale) for three in zip(null, bridge, full, strict=True)
        ]
        latents = tuple(x + v * (levels[step + 1] - levels[step]) for x, v in zip(latents, velocity, strict=True))
    close(ours.sample(noise, conditioning), latents, limit=5e-5)


def test_the_equations_themselves_reproduce_the_golden_step(golden):
    """So that what holds ours anywhere is itself held to the public system where the golden tensors are."""
    case = golden("dual_step")
    state = {key: value.double().numpy() for key, value in case.state().items()}
    for name, context, bridge in (("on", "in.context", (1.0, 1.0)), ("neg_off", "in.negative_context", (0.0, 0.0))):
        video = torch.cat([case["in.video_latents"], case["in.condition"]], dim=1)[0].double().numpy()
        audio, text = (case[key][0].double().numpy() for key in ("in.audio_latents", context))
        timesteps = float(case["in.timestep"]), float(case["in.audio_timestep"])
        found = equations.dual_velocity(
            state, case.config, "video_dit", video, audio, text, timesteps, case.config["video_fps"], bridge
        )
        for modality, velocity in zip(("video", "audio"), found, strict=True):
            case.check(f"out.{name}.{modality}", torch.from_numpy(velocity[None]))
