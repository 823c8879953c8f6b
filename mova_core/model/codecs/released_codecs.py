"""The frozen parts of a released folder in memory: both VAEs and the text path, each in evaluation mode.

Imported only where such a folder is read: diffusers and transformers take seconds.
"""

from pathlib import Path

import torch
from diffusers import AutoencoderKLWan
from transformers import AutoTokenizer, UMT5EncoderModel

from mova_core.model.codecs.dac_vae import DacAudioVae, DacVae
from mova_core.model.codecs.wan_vae import WanVideoVae
from mova_core.model.pretrained.component import read_component
from mova_core.model.text.umt5 import Umt5Text


def read_video_vae(folder: Path, device: str | torch.device = "cpu") -> WanVideoVae:
    """The video codec of a model folder, in the dtype of its file; UsageError or StaleError as `read_component`."""
    return WanVideoVae(read_component(AutoencoderKLWan.from_pretrained, folder / "video_vae").to(device))


def read_audio_vae(folder: Path, device: str | torch.device = "cpu") -> DacAudioVae:
    """The audio codec of a model folder, float32; UsageError or StaleError as `read_component`."""
    return DacAudioVae(DacVae.from_pretrained(folder / "audio_vae", torch_dtype=torch.float32).to(device))


def read_text(folder: Path, device: str | torch.device = "cpu") -> Umt5Text:
    """Tokenizer and text encoder of a model folder, in the dtype of its file."""
    encoder = UMT5EncoderModel.from_pretrained(
        folder / "text_encoder", use_safetensors=True, local_files_only=True, dtype="auto"
    )
    tokenizer = AutoTokenizer.from_pretrained(folder / "tokenizer", local_files_only=True)
    return Umt5Text(tokenizer, encoder.eval().to(device))
