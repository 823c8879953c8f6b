"""FLOPs and parameters are those of the modules: known numbers at full size, torch's counter at small ones."""

from contextlib import nullcontext

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from mova_core.geometry import GEOMETRIES
from mova_core.model import AudioTower, Bridge, DualTower, VideoTower
from mova_core.model.towers.dual_tower import LatentPair
from mova_core.params import params_from
from mova_core.training.plan.workload import workload_of
from mova_core.training.recipe import PHASES

SMALL = {"video": {"width": 48, "heads": 2, "layers": 3, "mlp_width": 80}}
UNEVEN = {**SMALL, "audio": {"width": 24, "heads": 1, "layers": 2, "mlp_width": 40}}


def test_the_released_size(workload):
    full = workload("mova-360p", "phase1")
    sizes = [14_288_901_184, 14_288_901_184, 1_419_193_472, 2_659_737_600]
    assert [cost.parameters for cost in full.costs.values()] == sizes
    assert full.step.forward == pytest.approx(2.77e15, rel=2e-3)
    assert full.step.forward + full.step.backward == pytest.approx(8.30e15, rel=2e-3)


@pytest.mark.parametrize("phase", ["audio", "phase1", "phase3"])
@pytest.mark.parametrize("size", [{}, UNEVEN], ids=["nano", "uneven"])
def test_torch_counts_the_same(size, phase, monkeypatch):
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())  # there is none on the meta device
    params = params_from({"train": {"model": size}})
    planned, geometry = workload_of(PHASES[phase], params), PHASES[phase].geometry(params)
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        model = DualTower(
            VideoTower(**planned.configs["video_dit"]),
            VideoTower(**planned.configs["video_dit_2"]),
            AudioTower(**planned.configs["audio_dit"]),
            Bridge(**planned.configs["dual_tower_bridge"]),
        )
        output = forward(model, planned, geometry)
        forward_flops = counter.get_total_flops()
        output.sum().backward()
    parameters = {name: sum(p.numel() for p in part.parameters()) for name, part in model.named_children()}
    assert {name: cost.parameters for name, cost in planned.costs.items()} == parameters
    assert planned.step.forward == pytest.approx(forward_flops, rel=0.02)
    assert planned.step.forward + planned.step.backward == pytest.approx(counter.get_total_flops(), rel=0.02)


def forward(model, planned, geometry):
    canvas = GEOMETRIES[geometry.name].canvases[0]
    grid = geometry.latent_frames, canvas.latent_height, canvas.latent_width
    audio = torch.randn(1, 16, planned.tokens.audio * geometry.audio_latents_per_token)
    context, timestep_B2 = torch.randn(1, planned.tokens.text, 64), torch.ones(1, 2)
    if planned.phase == "audio":
        return model.audio_dit(audio, timestep_B2[:, 1], context)
    noisy = LatentPair(torch.randn(1, 16, *grid), audio)
    condition = torch.randn(1, 20, *grid)
    velocity = model(noisy, timestep_B2, condition, context, expert="video_dit", video_fps=float(geometry.fps))
    return velocity.video.sum() + velocity.audio.sum()
