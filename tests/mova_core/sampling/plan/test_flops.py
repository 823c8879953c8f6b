"""FLOPs of a plan are those that torch counts on the meta device, at the released sizes."""

from contextlib import nullcontext

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from mova_core.geometry import Canvas, ClipGeometry
from mova_core.model import AudioTower, Bridge, DualTower, VideoTower
from mova_core.model.towers.bridge import BRIDGE_OFF, BRIDGE_ON
from mova_core.model.towers.dual_tower import LatentPair
from mova_core.params import defaults_of, params_from
from mova_core.sampling.plan.flops import pass_flops, text_flops
from mova_core.sampling.plan.vae_flops import decode_flops, encode_flops
from mova_core.sampling.plan.workload import ClipWorkload

CLASSES = {"video_dit": VideoTower, "audio_dit": AudioTower, "dual_tower_bridge": Bridge}


@pytest.mark.parametrize("preset", ["nano", "mova-720p"])
def test_passes_and_texts(preset, monkeypatch):
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())  # there is none on the meta device
    params = params_from(defaults_of(preset))
    work, geometry, sizes = ClipWorkload.of_preset(params, "bfloat16"), params.clip_geometry, params.latent_sizes
    grid = geometry.latent_frames, work.canvas.latent_height, work.canvas.latent_width
    audio = work.tokens.audio * geometry.audio_latents_per_token
    with torch.device("meta"), torch.no_grad():
        parts = {name: CLASSES[name](**work.configs[name]) for name in ("video_dit", "audio_dit", "dual_tower_bridge")}
        towers = DualTower(parts["video_dit"], parts["video_dit"], parts["audio_dit"], parts["dual_tower_bridge"])
        noisy = LatentPair(torch.randn(1, sizes["video"], *grid), torch.randn(1, sizes["audio"], audio))
        condition, text = torch.randn(1, 4 + sizes["video"], *grid), torch.randn(1, work.tokens.text, sizes["text"])
        step = {"expert": "video_dit", "video_fps": float(geometry.fps)}
        with FlopCounterMode(display=False) as of_text:
            tables = towers.tables(noisy, text, **step)
        assert text_flops(work) == pytest.approx(of_text.get_total_flops(), rel=0.02)
        for scale in (BRIDGE_ON, BRIDGE_OFF):
            with FlopCounterMode(display=False) as of_pass:
                towers(noisy, torch.ones(1, 2), condition, tables, bridge_scale=scale, **step)
            assert pass_flops(work, bridge=not scale.off) == pytest.approx(of_pass.get_total_flops(), rel=0.02)


@pytest.mark.parametrize(("frames", "canvas"), [(1, Canvas(64, 64)), (9, Canvas(48, 80))])
def test_video_vae(frames, canvas):
    from diffusers import AutoencoderKLWan

    geometry = ClipGeometry("any", frames, 24, (canvas,), 48_000, 960, 1)
    with torch.device("meta"), torch.no_grad():
        vae = AutoencoderKLWan(temperal_downsample=[False, True, True])  # its other defaults are the released ones
        with FlopCounterMode(display=False) as encoding:
            latents = vae.encode(torch.randn(1, 3, frames, canvas.height_px, canvas.width_px)).latent_dist.mode()
        with FlopCounterMode(display=False) as decoding:
            vae.decode(latents)
    assert encode_flops(geometry) == pytest.approx(encoding.get_total_flops(), rel=0.02)
    assert decode_flops(geometry) == pytest.approx(decoding.get_total_flops(), rel=0.02)
