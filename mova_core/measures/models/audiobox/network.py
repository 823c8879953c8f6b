"""The network of Audiobox-aesthetics: WavLM, and one small head an axis over a weighted sum of its layers.

WavLM is transformers' WavLMModel, whose tensors are the published ones under other names (`names.py`); the package
audiobox_aesthetics is not taken: it downloads its weights, and reads them by pickle where they are local.
Names and shapes of the state dict are those of the published model.safetensors.
Sources: A. Tjandra and others, "Meta Audiobox Aesthetics" (arXiv:2502.05139); S. Chen and others, "WavLM"
(arXiv:2110.13900); facebookresearch/audiobox-aesthetics, src/audiobox_aesthetics/model.
"""

import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import WavLMConfig, WavLMModel

from mova_core.measures.models.audiobox.names import published_names
from mova_core.measures.models.audiobox.published import AXES, AudioboxConfig
from mova_core.measures.models.weights_file import Shape

STRIDES = (5, 2, 2, 2, 2, 2, 2)  # of the convolutions, 320 samples in all
MAX_DISTANCE = 800  # frames, over which relative positions share a bucket
WAVLM = "wavlm_model."


@dataclass(frozen=True, slots=True)
class WavLMSizes:
    """What differs between networks of this kind; the defaults are the published ones (WavLM base).

    Args:
        channels: of the convolutions.
        kernels: of the convolutions, in samples of their input.
        width: of the transformer.
        feed_forward: width between its two linear layers.
        layers: of the transformer.
        heads: of attention.
        buckets: of relative positions.
        position_kernel: frames of the convolution that adds positions.
        position_groups: of its channels.
    """

    channels: tuple[int, ...] = (512,) * 7
    kernels: tuple[int, ...] = (10, 3, 3, 3, 3, 2, 2)
    width: int = 768
    feed_forward: int = 3072
    layers: int = 12
    heads: int = 12
    buckets: int = 320
    position_kernel: int = 128
    position_groups: int = 16

    @classmethod
    def of(cls, shapes: Mapping[str, Shape]) -> "WavLMSizes":
        """Sizes of a published state dict; where a tensor that tells them is missing, all the published ones."""
        layers = {int(found[1]) for name in shapes if (found := re.match(WAVLM + r"encoder\.layers\.(\d+)\.", name))}
        try:
            convolutions = [
                shapes[f"{WAVLM}feature_extractor.conv_layers.{layer}.0.weight"] for layer in range(len(STRIDES))
            ]
            feed_forward, width = shapes[f"{WAVLM}encoder.layers.0.fc1.weight"]
            buckets, heads = shapes[f"{WAVLM}encoder.layers.0.self_attn.relative_attention_bias.weight"]
            positions = shapes[f"{WAVLM}encoder.pos_conv.0.weight_v"]
            channels, kernels = (tuple(shape[axis] for shape in convolutions) for axis in (0, 2))
            groups = width // positions[1]
        except (KeyError, ValueError, IndexError, ZeroDivisionError):
            return cls()
        return cls(channels, kernels, width, feed_forward, len(layers), heads, buckets, positions[2], groups)

    def config(self) -> Any:
        """For WavLMModel."""
        return WavLMConfig(
            conv_dim=self.channels,
            conv_kernel=self.kernels,
            conv_stride=STRIDES,
            hidden_size=self.width,
            intermediate_size=self.feed_forward,
            num_hidden_layers=self.layers,
            num_attention_heads=self.heads,
            num_buckets=self.buckets,
            max_bucket_distance=MAX_DISTANCE,
            num_conv_pos_embeddings=self.position_kernel,
            num_conv_pos_embedding_groups=self.position_groups,
        )


# Shape suffixes: B windows, S samples, T frames, C width, L outputs of layers.
class Aesthetics(nn.Module):
    """Windows of 16 kHz audio to one value an axis, on the axis's normalised scale."""

    def __init__(self, sizes: WavLMSizes, config: AudioboxConfig) -> None:
        super().__init__()
        self.normalize_embed = config.normalize_embed
        self.wavlm_model = WavLMModel(sizes.config())
        self.proj_layer = nn.ModuleDict({axis: nn.Sequential(*_head(sizes.width, config)) for axis in AXES})
        self.layer_weights = nn.ParameterDict({axis: nn.Parameter(torch.ones(sizes.layers + 1)) for axis in AXES})
        self._published = published_names(self.state_dict(), WAVLM)
        self.register_state_dict_post_hook(_to_published)
        self.register_load_state_dict_pre_hook(_from_published)

    def forward(self, waveform_BS: Tensor, valid_BS: Tensor) -> dict[str, Tensor]:
        """Values [B] by axis.

        Args:
            waveform_BS: mono, zeros where it is padded.
            valid_BS: bool, False where it is padded.
        """
        layers_BTCL, valid_BT = self._layers(waveform_BS, valid_BS)
        weights_BT1 = valid_BT[..., None].to(layers_BTCL.dtype)
        values = {}
        for axis in AXES:
            mixed_BTC = layers_BTCL @ self.layer_weights[axis].softmax(dim=0)
            pooled_BC = (mixed_BTC * weights_BT1).sum(dim=1) / weights_BT1.sum(dim=1).clamp(min=1)
            if self.normalize_embed:
                pooled_BC = functional.normalize(pooled_BC, dim=-1)
            values[axis] = self.proj_layer[axis](pooled_BC)[:, 0]
        return values

    def _layers(self, waveform_BS: Tensor, valid_BS: Tensor) -> tuple[Tensor, Tensor]:
        """What enters WavLM's transformer and what each of its layers gives, and which frames hold audio."""
        encoder: Any = self.wavlm_model.encoder
        features_BTC = self.wavlm_model.feature_extractor(waveform_BS).transpose(1, 2)
        frames_BTC, _ = self.wavlm_model.feature_projection(features_BTC)
        valid_BT = _valid_frames(valid_BS, frames_BTC.shape[1])
        frames_BTC = frames_BTC.masked_fill(~valid_BT[..., None], 0)
        frames_BTC = encoder.layer_norm(frames_BTC + encoder.pos_conv_embed(frames_BTC))
        outputs, bias = [frames_BTC], None
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Support for mismatched", UserWarning)  # masks: one bool, one float
            for layer in encoder.layers:
                frames_BTC, bias = layer(frames_BTC, attention_mask=valid_BT, position_bias=bias)
                outputs.append(frames_BTC)
        return torch.stack(outputs, dim=-1), valid_BT


def _valid_frames(valid_BS: Tensor, frames: int) -> Tensor:
    """Which frames hold a sample of audio, bool [B, T], as the published code divides samples among frames."""
    each = valid_BS.shape[1] // frames
    return valid_BS[:, : frames * each].unflatten(1, (frames, each)).any(dim=2)


def _head(width: int, config: AudioboxConfig) -> Iterator[nn.Module]:
    for _ in range(config.proj_num_layer - 1):
        yield nn.Linear(width, width)
        if config.proj_ln:
            yield nn.LayerNorm(width)
        yield nn.GELU()
        if config.proj_dropout:
            yield nn.Dropout(config.proj_dropout)
    yield nn.Linear(width, 1)


def _to_published(network: Aesthetics, state_dict: dict[str, Any], prefix: str, _metadata: Any) -> None:
    for name, published in network._published.items():
        state_dict[prefix + published] = state_dict.pop(prefix + name)


def _from_published(network: Aesthetics, state_dict: dict[str, Any], prefix: str, *_: Any) -> None:
    for name, published in network._published.items():
        if prefix + published in state_dict:
            state_dict[prefix + name] = state_dict.pop(prefix + published)
