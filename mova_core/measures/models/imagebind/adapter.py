"""The IB-Score of a clip: cosine of ImageBind's embeddings of its video and its audio, with the user's weights.

The packages of the registry that hold ImageBind are copies of the research code that nobody keeps up, need torchvision,
timm and pytorchvideo, and load a pickle: the network is this project's, with the published names and shapes.
Weights: the state_dict `imagebind_huge.pth` of facebookresearch/ImageBind as safetensors, whole or without the parts
for text, depth, thermal images and motion sensors, which are not read.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mova_core.measures.clip import Clip, Measures, Unavailable
from mova_core.measures.models.imagebind.windows import PIECE_S, audio_pieces, video_crops
from mova_core.measures.models.inputs import why_no_audio, why_no_video, why_too_short
from mova_core.measures.models.weights_file import Published, check_weights, load_network

if TYPE_CHECKING:
    from mova_core.measures.models.imagebind.network import ImageBind

PARTS = ("preprocessors", "trunks", "heads", "postprocessors")
OTHER_MODALITIES = ("text", "depth", "thermal", "imu")
PUBLISHED = Published(
    "imagebind",
    "the state_dict of facebookresearch/ImageBind's imagebind_huge",
    unused=tuple(f"modality_{part}.{modality}." for part in PARTS for modality in OTHER_MODALITIES),
)


@dataclass(frozen=True, slots=True)
class ImageBindScore:
    """The adapter: `imagebind` of a clip, and the embeddings it is of."""

    network: "ImageBind"

    def __call__(self, clip: Clip) -> Measures:
        """Cosine in -1..1, unavailable for silence and for clips under 2 s."""
        audio = self.embed_audio(clip.audio, clip.rate_hz)
        if isinstance(audio, Unavailable):
            return {"imagebind": audio}
        video = self.embed_video(clip.frames, clip.fps)
        if isinstance(video, Unavailable):
            return {"imagebind": video}
        return {"imagebind": float(video @ audio / (np.linalg.norm(video) * np.linalg.norm(audio)))}

    def embed_video(self, frames: NDArray[np.uint8], fps: float) -> NDArray[np.float32] | Unavailable:
        """Embedding float32 [1024] of a video RGB [F, H, W, 3]; Unavailable under 2 s."""
        if reason := why_no_video(frames) or why_too_short(len(frames) / fps, PIECE_S):
            return Unavailable(reason)
        import torch

        from mova_core.model.single_thread import single_thread

        with single_thread(), torch.inference_mode():
            return self.network.embed_video(video_crops(frames, fps)).numpy()

    def embed_audio(self, audio: NDArray[np.float32], rate_hz: int) -> NDArray[np.float32] | Unavailable:
        """Embedding float32 [1024] of mono audio [S]; Unavailable under 2 s, for silence and what is no number."""
        if reason := why_no_audio(audio) or why_too_short(len(audio) / rate_hz, PIECE_S):
            return Unavailable(reason)
        import torch

        from mova_core.model.single_thread import single_thread

        with single_thread(), torch.inference_mode():
            return self.network.embed_audio(audio_pieces(audio, rate_hz)).numpy()


def check(path: Path) -> None:
    """Whether a file holds weights of ImageBind's video and audio parts, by its header alone.

    Raises:
        UsageError: it does not.
    """
    check_weights(path, _network, PUBLISHED)


def load(path: Path) -> ImageBindScore:
    """The adapter with weights that were checked."""
    return ImageBindScore(load_network(path, _network))


def _network() -> "ImageBind":
    from mova_core.measures.models.imagebind.network import ImageBind

    return ImageBind()
