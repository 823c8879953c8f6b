"""The released sizes on the meta device: as many parameters and keys as the released files hold."""

import warnings

import pytest
import torch

from mova_core.model import AudioTower, Bridge, VideoTower
from mova_core.model.codecs.dac_vae import DacVae

WAN = {"in_dim": 36, "ffn_dim": 13824, "out_dim": 16, "patch_size": [1, 2, 2], "num_heads": 40, "num_layers": 40}
AUDIO = {"in_dim": 128, "ffn_dim": 8960, "out_dim": 128, "patch_size": [1], "num_heads": 12, "num_layers": 30}
TEXT = {"text_dim": 4096, "freq_dim": 256, "eps": 1e-6}
DAC = {
    "encoder_dim": 128,
    "encoder_rates": [2, 3, 4, 5, 8],
    "latent_dim": 128,
    "decoder_dim": 2048,
    "decoder_rates": [8, 5, 4, 3, 2],
    "sample_rate": 48000,
}
BRIDGE = {
    "visual_layers": 40,
    "audio_layers": 30,
    "visual_hidden_dim": 5120,
    "audio_hidden_dim": 1536,
    "audio_fps": 50.0,
    "head_dim": 128,
}


def video_vae():
    from diffusers import AutoencoderKLWan

    return AutoencoderKLWan()


def text_encoder():
    from transformers import UMT5Config, UMT5EncoderModel

    config = UMT5Config(
        vocab_size=256384,
        d_model=4096,
        d_kv=64,
        d_ff=10240,
        num_layers=24,
        num_heads=64,
        feed_forward_proj="gated-gelu",
    )
    return UMT5EncoderModel(config)


@pytest.mark.parametrize(
    ("build", "parameters", "keys"),
    [
        (lambda: VideoTower(dim=5120, **WAN, **TEXT), 14_288_901_184, 1095),
        (lambda: AudioTower(dim=1536, **AUDIO, **TEXT), 1_419_193_472, 825),
        (lambda: Bridge(**BRIDGE), 2_659_737_600, 720),
        (lambda: DacVae(**DAC), 371_539_137, 224),
        (lambda: DacVae(**DAC, use_weight_norm=True), 371_589_058, 298),
        (video_vae, 126_892_531, 194),
        (text_encoder, 5_680_910_336, None),
    ],
    ids=[
        "video_dit",
        "audio_dit",
        "dual_tower_bridge",
        "audio_vae",
        "audio_vae_weight_norm",
        "video_vae",
        "text_encoder",
    ],
)
def test_parameters_and_keys(build, parameters, keys):
    with torch.device("meta"), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # torch's old weight norm is what the keys were written by
        model = build()
    assert sum(parameter.numel() for parameter in model.parameters()) == parameters
    assert keys is None or len(model.state_dict()) == keys
