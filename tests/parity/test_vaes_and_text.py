"""Both VAEs, the first-frame condition and the text path against the golden tensors."""

import warnings

import pytest
import torch

from mova_core.model.codecs.dac_vae import DacVae
from mova_core.model.codecs.wan_vae import WanVideoVae
from mova_core.model.condition import condition_from, fit_image, known_frames
from mova_core.model.pixels import to_bytes
from mova_core.model.text.umt5 import Umt5Text, clean_prompt


@pytest.fixture(autouse=True)
def no_grad():
    with torch.no_grad():
        yield


@pytest.mark.parametrize(("weight_norm", "prefix"), [(True, "state."), (False, "fused.")])
def test_audio_vae_in_both_weight_forms(golden, weight_norm, prefix):
    case = golden("dac_vae")
    config = {key: value for key, value in case.config.items() if key not in ("class_name", "hop_length")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # torch's old weight norm is what the keys were written by
        vae = case.build(DacVae, {**config, "use_weight_norm": weight_norm}, case.state(prefix))
    assert vae.hop == case.config["hop_length"]
    assert torch.equal(vae.pad(case["in.wav"]), case["mid.wav_padded"])
    case.check("mid.encoder", vae.encoder(case["mid.wav_padded"]))
    latents = vae.encode(case["in.wav"])
    case.check("out.mode", latents)
    case.check("mid.decoder_pre_tanh", vae.decoder(vae.post_quant_conv(case["in.z"])))
    case.check("out.decode", vae.decode(case["in.z"]))
    case.check("out.roundtrip", vae.decode(latents))


def test_video_vae(golden):
    from diffusers import AutoencoderKLWan

    case = golden("video_vae")
    vae = WanVideoVae(case.build(AutoencoderKLWan, case.config["effective"], case.state()))
    posterior = vae.vae.encode(case["in.video"]).latent_dist
    case.check("out.encode_mean", posterior.mean)
    case.check("out.encode_logvar", posterior.logvar)
    case.check("out.encode_mode_normalised", vae.encode(case["in.video"]))
    case.check("out.denormalised", vae.denormalise(case["in.noise"]))
    decoded = vae.decode(case["in.noise"])
    case.check("out.decode", decoded)
    pixels = to_bytes(decoded)[0]
    difference = (pixels.int() - case["out.decode_u8"].int()).abs()
    assert difference.max() <= 1
    assert (difference > 0).float().mean() <= 0.005


def test_conditions_on_known_frames(golden):
    from diffusers import AutoencoderKLWan

    case = golden("video_vae")
    vae = WanVideoVae(case.build(AutoencoderKLWan, case.config["effective"], case.state()))
    cropped = torch.from_numpy(
        fit_image(case["in.image_u8"].numpy(), case.config["height"], case.config["width"]).copy()
    )
    case.check("mid.cropped_u8", cropped)
    image = cropped.permute(2, 0, 1)[None].float() / 255 * 2 - 1
    case.check("mid.image", image)
    frames = case.config["num_frames"]
    first = vae.encode(known_frames(image, frames))
    case.check("out.condition_first", condition_from(first))
    both = vae.encode(known_frames(image, frames, case["in.last_image"]))
    case.check("out.condition_first_last", condition_from(both, torch.tensor([True])))
    assert torch.equal(both[:, :, :-1], first[:, :, :-1])  # so a shard stores the last latent frame alone


def test_text(golden, tiny_checkpoint):
    from transformers import AutoTokenizer, UMT5EncoderModel

    case = golden("text")
    assert [clean_prompt(prompt) for prompt in case.config["prompts"]] == case.config["cleaned"]
    encoder = UMT5EncoderModel.from_pretrained(tiny_checkpoint / "text_encoder").eval()
    text = Umt5Text(AutoTokenizer.from_pretrained(tiny_checkpoint / "tokenizer"), encoder)
    tokens = text.tokenize(case.config["prompts"])
    assert torch.equal(tokens.input_ids.int(), case["in.input_ids"])
    assert torch.equal(tokens.attention_mask.int(), case["in.attention_mask"])
    context = text.encode(case.config["prompts"])
    case.check("out.embeds_first_40", context[:, :40])
    case.check("out.embeds_last_8", context[:, -8:])
    case.check("out.embeds_sum", context.sum(dim=1))
