"""VideoMAE: an embedding of a video for the Fréchet video distance, by transformers' model with the user's weights.

16 frames of 224 x 224, every 4th of the video, make one input, as many as follow each other without overlap; a short
video is taken at a smaller step. The embedding of an input is the mean over its tokens, normalised where the weights
have the norm before the classifier (fine-tuned ones do); that of a video is the mean over its inputs: float32 [D], 768
for the base model.
Weights: `model.safetensors` of a published model, such as MCG-NJU/videomae-base-finetuned-kinetics. All sizes are read
from its header; no other file counts. transformers' own image processor needs torchvision and is not taken.
Sources: Z. Tong et al., "VideoMAE" (NeurIPS 2022, arXiv:2203.12602), MCG-NJU/VideoMAE `run_class_finetuning.py`; for
the distance S. Ge et al., "On the Content Bias in Fréchet Video Distance" (CVPR 2024), songweige/content-debiased-fvd.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mova_core.measures.clip import Clip, Unavailable
from mova_core.measures.models.inputs import center_crop, normalized, short_side, why_no_video
from mova_core.measures.models.weights_file import Published, check_weights, file_shapes, load_network

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import VideoMAEConfig

    from mova_core.measures.models.videomae.network import VideoMAEEmbedder

FRAMES, STEP = 16, 4
SIDE_PX = 224
RGB_MEAN, RGB_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
HEADS = {384: 6, 768: 12, 1024: 16, 1280: 16}  # of attention, by width: small, base, large, huge
PATCHES, FIRST_PERCEPTRON = (
    "videomae.embeddings.patch_embeddings.projection.weight",
    "videomae.encoder.layer.0.intermediate.dense.weight",
)
PUBLISHED = Published(
    "videomae",
    "model.safetensors of a VideoMAE of transformers, such as MCG-NJU/videomae-base-finetuned-kinetics",
    unused=("classifier.", "decoder.", "encoder_to_decoder.", "mask_token"),
    renamed={".q_bias": ".query.bias", ".v_bias": ".value.bias"},  # transformers named them so before version 5
)


def inputs_of(frames: NDArray[np.uint8]) -> Iterator["Tensor"]:
    """The inputs of a video one by one, float32 [16, 3, 224, 224], colours normalised.

    Args:
        frames: RGB [F, H, W, 3], at least 16.
    """
    step = min(STEP, (len(frames) - 1) // (FRAMES - 1))
    taken = frames[::step]
    for start in range(0, len(taken) - FRAMES + 1, FRAMES):
        square = center_crop(short_side(taken[start : start + FRAMES], SIDE_PX, "bilinear"), SIDE_PX)
        yield normalized(square, RGB_MEAN, RGB_STD)


@dataclass(frozen=True, slots=True)
class VideoMAE:
    """Embeds videos."""

    network: "VideoMAEEmbedder"

    def of_clip(self, clip: Clip) -> NDArray[np.float32] | Unavailable:
        """Embedding of a clip's video, as `embed_video`."""
        return self.embed_video(clip.frames, clip.fps)

    def embed_video(self, frames: NDArray[np.uint8], fps: float) -> NDArray[np.float32] | Unavailable:
        """Embedding float32 [D] of a video; Unavailable under 16 frames.

        Args:
            frames: RGB [F, H, W, 3].
            fps: frames per second; the model was trained on every 4th frame whatever the rate, and so are they taken.
        """
        if reason := why_no_video(frames):
            return Unavailable(reason)
        if len(frames) < FRAMES:
            return Unavailable(f"it has {len(frames)} frames, and the model needs {FRAMES}")
        import torch

        from mova_core.model.single_thread import single_thread

        with single_thread(), torch.inference_mode():
            each = [self.network(one[None])[0] for one in inputs_of(frames)]
            return torch.stack(each).mean(dim=0).numpy()


def check(path: Path) -> None:
    """Whether a file holds weights of a VideoMAE of a known width, by its header alone.

    Raises:
        UsageError: it does not.
    """
    check_weights(path, lambda: _network(path), PUBLISHED)


def load(path: Path) -> VideoMAE:
    """What embeds videos, with weights that were checked."""
    return VideoMAE(load_network(path, lambda: _network(path), PUBLISHED))


def _network(path: Path) -> "VideoMAEEmbedder":
    from mova_core.measures.models.videomae.network import VideoMAEEmbedder

    return VideoMAEEmbedder(_config(path))


def _config(path: Path) -> "VideoMAEConfig":
    """Sizes as the header tells them.

    Raises:
        UsageError: the header tells none, or a width that no published model has.
    """
    from transformers import VideoMAEConfig

    shapes = file_shapes(path, PUBLISHED)
    if missing := [name for name in (PATCHES, FIRST_PERCEPTRON) if name not in shapes]:
        raise PUBLISHED.refuse(path, f"has no {missing[0]}")
    width, channels, pair, patch, _ = shapes[PATCHES]
    if width not in HEADS:
        raise PUBLISHED.refuse(path, f"is {width} wide, not one of {', '.join(map(str, HEADS))}")
    return VideoMAEConfig(
        image_size=SIDE_PX,
        patch_size=patch,
        num_channels=channels,
        num_frames=FRAMES,
        tubelet_size=pair,
        hidden_size=width,
        num_hidden_layers=len([name for name in shapes if name.endswith(".layernorm_before.weight")]),
        num_attention_heads=HEADS[width],
        intermediate_size=shapes[FIRST_PERCEPTRON][0],
        use_mean_pooling="fc_norm.weight" in shapes,
    )
