"""Memory of a plan is what torch holds; each mode needs less of it or is slower; too little is told in one sentence."""

from itertools import pairwise

import pytest
import torch

from mova_core.errors import UsageError
from mova_core.geometry import Canvas, ClipGeometry
from mova_core.model import AudioTower, Bridge, DualTower, VideoTower
from mova_core.model.pretrained.index import FolderIndex
from mova_core.model.towers.dual_tower import LatentPair
from mova_core.params import defaults_of, params_from
from mova_core.params.runtime import RuntimeParams
from mova_core.plan.tokens import clip_tokens
from mova_core.sampling.plan.check import available_bytes, check_fits, check_memory
from mova_core.sampling.plan.memory import (
    denoising_bytes,
    memory_by_part,
    memory_total,
    text_bytes,
    video_vae_bytes,
)
from mova_core.sampling.plan.workload import ClipWorkload, Weights, stored_weights
from mova_core.sampling.settings import GenerateSettings
from tests.mova_core.sampling.plan.live_bytes import LiveBytes

GEOMETRY = ClipGeometry("any", 17, 24, (Canvas(256, 256),), 48_000, 960, 1)
SHARED = {"text_dim": 64, "freq_dim": 32, "eps": 1e-6, "num_layers": 2}


def towers(dim, mlp):
    """A video tower that is far wider than the audio tower, as the released one is."""
    video = SHARED | {"dim": dim, "ffn_dim": mlp, "num_heads": dim // 32, "in_dim": 36, "out_dim": 16}
    video |= {"patch_size": (1, 2, 2)}
    audio = SHARED | {"dim": 64, "ffn_dim": 64, "num_heads": 2, "in_dim": 16, "out_dim": 16, "patch_size": (1,)}
    bridge = {"visual_layers": 2, "audio_layers": 2, "visual_hidden_dim": dim, "audio_hidden_dim": 64}
    bridge |= {"audio_fps": 50.0, "head_dim": 32}
    configs = {"video_dit": video, "video_dit_2": video, "audio_dit": audio, "dual_tower_bridge": bridge}
    model = DualTower(VideoTower(**video), VideoTower(**video), AudioTower(**audio), Bridge(**bridge)).eval()
    return model, configs


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize(("dim", "mlp"), [(256, 256), (256, 1536)], ids=["by attention", "by the MLP"])
def test_activations_and_texts_are_what_torch_holds(dim, mlp, dtype):
    model, configs = towers(dim, mlp)
    model.to(dtype)
    tokens = clip_tokens(GEOMETRY, 32)
    work = ClipWorkload("any", GEOMETRY, tokens, configs, {}, dtype.itemsize)
    canvas = work.canvas
    noisy = LatentPair(
        torch.randn(1, 16, GEOMETRY.latent_frames, canvas.latent_height, canvas.latent_width),
        torch.randn(1, 16, tokens.audio),
    )
    condition = torch.randn(1, 20, *noisy.video.shape[2:])
    step = {"expert": "video_dit", "video_fps": 24.0}
    with torch.no_grad(), LiveBytes() as live:
        tables = [model.tables(noisy, torch.randn(1, 32, 64), **step) for _ in range(2)]
        turns = tables[0].video.turns, tables[0].audio.turns, *tables[0].rope.video, *tables[0].rope.audio
        held = live.now - 2 * sum(each.untyped_storage().nbytes() for each in turns)
        assert text_bytes(work) == pytest.approx(held, rel=0.1)
        before, live.peak = live.now, 0
        model(noisy, torch.full((1, 2), 500.0), condition, tables[0], **step)
    assert denoising_bytes(work) == pytest.approx(live.peak - before, rel=0.1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_the_video_vae_is_what_torch_holds(dtype):
    from diffusers import AutoencoderKLWan

    weights = {"video_vae": Weights(1, dtype.itemsize)}
    geometry = ClipGeometry("any", 9, 24, (Canvas(64, 48),), 48_000, 960, 1)
    work = ClipWorkload("any", geometry, clip_tokens(geometry, 1), {}, weights, 2)
    with torch.device("meta"), torch.no_grad():
        vae = AutoencoderKLWan(temperal_downsample=[False, True, True])
        for parameter in vae.parameters():
            parameter.data = parameter.data.to(dtype)
        with LiveBytes() as encoding:
            latents = vae.encode(torch.randn(1, 3, 9, 64, 48, dtype=dtype)).latent_dist.mode()
        with LiveBytes() as decoding:
            vae.decode(latents)
    assert video_vae_bytes(work, "encode", tiles=False) == pytest.approx(encoding.peak, rel=0.1)
    assert video_vae_bytes(work, "decode", tiles=False) == pytest.approx(decoding.peak, rel=0.1)


def test_a_component_on_another_device_has_no_part(tiny_checkpoint):
    index = FolderIndex.read(tiny_checkpoint)
    settings = GenerateSettings.of(index)
    here = ClipWorkload.of_folder(index, settings)
    apart = ClipWorkload.of_folder(index, settings, RuntimeParams(device="cuda,text_encoder=cpu,video_vae=cpu"))
    assert here.weights.keys() - apart.weights.keys() == {"text_encoder", "video_vae"}
    assert here.weights["audio_vae"].width == 4
    assert video_vae_bytes(apart, "decode", tiles=False) == 0 < video_vae_bytes(here, "decode", tiles=True)


def released(preset="mova-720p"):
    return ClipWorkload.of_preset(params_from(defaults_of(preset)), "bfloat16")


def test_released_weights_and_what_each_mode_keeps_of_them():
    work = released()
    whole = 2 * (2 * 14_288_901_184 + 1_419_193_472 + 2_659_737_600)
    frozen = 2 * 5_680_910_336 + 4 * (126_892_531 + 371_539_137)
    assert memory_by_part(work, "resident")["weights"] == whole + frozen
    assert memory_by_part(work, "fp8")["weights"] == pytest.approx(whole / 2 + frozen, rel=0.02)
    modes = [memory_total(work, mode) for mode in ("resident", "fp8", "offload", "group_offload")]
    assert all(more > less for more, less in pairwise(modes))
    assert memory_total(released("mova-360p"), "resident") < modes[0]


@pytest.mark.parametrize(
    ("mode", "device", "free", "told"),
    [
        (
            "resident",
            "cuda:1",
            80e9,
            r"needs 8\d\.\d GB of memory on cuda:1 .* at most 72\.0 .* set memory to offload$",
        ),
        ("offload", "cuda", 24e9, "set memory to group_offload$"),
        ("group_offload", "cuda", 1e9, "ask for fewer frames or a smaller height and width$"),
        ("resident", "cpu", 80e9, "ask for fewer frames or a smaller height and width$"),
    ],
)
def test_too_little_memory_is_told_with_what_helps(mode, device, free, told):
    with pytest.raises(UsageError, match=told):
        check_fits(released("mova-360p"), mode, device, free)


def test_two_processes_on_one_device_need_twice_the_memory():
    work = released("mova-360p")
    free = 1.5 * memory_total(work, "resident") / 0.9
    check_fits(work, "resident", "cpu", free)
    with pytest.raises(UsageError, match=r"in 2 processes for 193 frames"):
        check_fits(work, "resident", "cpu", free, processes=2)


def test_a_folder_is_weighed_by_its_files(nano_folder):
    index = FolderIndex.read(nano_folder)
    weights = stored_weights(nano_folder / "video_dit")
    size = (nano_folder / "video_dit" / "diffusion_pytorch_model.safetensors").stat().st_size
    assert weights.width == 4 and weights.size == pytest.approx(size, rel=0.05)
    settings = GenerateSettings.of(index)
    one, four = (ClipWorkload.of_folder(index, settings, clips=clips) for clips in (1, 4))
    assert memory_by_part(four, "resident")["activations"] == 4 * memory_by_part(one, "resident")["activations"]
    half = ClipWorkload.of_folder(index, settings, RuntimeParams(dtype="bfloat16"))
    assert memory_by_part(half, "resident")["weights"] == memory_by_part(one, "resident")["weights"] / 2
    check_memory(index, settings)  # this machine has room for nano


def test_the_free_memory_is_less_than_the_machine_has():
    assert 1e6 < available_bytes("cpu") < 1e14
