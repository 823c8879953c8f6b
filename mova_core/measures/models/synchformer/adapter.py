"""DeSync of a clip by Synchformer, with weights that the user brings.

No maintained package holds the model (the public code is a research repository): the network is this project's, with
the names and shapes of the published weights, so that these load unchanged.
Weights: `model` of v-iashin/Synchformer's checkpoint 24-01-04T16-39-21 (AudioSet), written as safetensors.
Source: V. Iashin, W. Xie, E. Rahtu and A. Zisserman, "Synchformer: Efficient Synchronization from Sparse Cues"
(ICASSP 2024, arXiv:2401.16423).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from mova_core.measures.clip import Clip, Measures, Unavailable
from mova_core.measures.models.inputs import frame_numbers, why_unusable
from mova_core.measures.models.synchformer.windows import (
    FPS,
    LEAST_S,
    RATE_HZ,
    SEGMENTS,
    audio_segments,
    desync_s,
    judged_segments,
    video_segments,
)
from mova_core.measures.models.weights_file import Published, check_weights, load_network
from mova_core.media.audio.resample import resample

if TYPE_CHECKING:
    from torch import Tensor

    from mova_core.measures.models.synchformer.network import Synchformer

PUBLISHED = Published(
    "synchformer",
    "the state_dict of Synchformer, such as `model` of v-iashin/Synchformer's 24-01-04T16-39-21",
    unused=("vfeat_extractor.patch_embed.",),  # of single images; the network embeds patches of two frames
)


class OffsetNetwork(Protocol):
    """What tells the offset of segments."""

    def video_features(self, segments: "Tensor") -> "Tensor":
        """Features [S, tokens, D] of segments [S, T, 3, 224, 224], each on its own."""

    def audio_features(self, segments: "Tensor") -> "Tensor":
        """Features [S, tokens, D] of segments [S, M, 66], each on its own."""

    def offset_logits(self, video: "Tensor", audio: "Tensor") -> "Tensor":
        """Logits [B, K] of the offsets between features [B, 14, tokens, D] of video and of audio."""


@dataclass(frozen=True, slots=True)
class Desync:
    """The adapter: `desync_s` of a clip."""

    network: OffsetNetwork

    def __call__(self, clip: Clip) -> Measures:
        """Seconds between audio and video, 0..2, unavailable for silence and for clips under 4.8 s."""
        import torch

        from mova_core.model.single_thread import single_thread

        if reason := why_unusable(clip, LEAST_S):
            return {"desync_s": Unavailable(reason)}
        shown = frame_numbers(len(clip.frames), clip.fps, FPS)
        samples = resample(clip.audio, clip.rate_hz, RATE_HZ)
        segments = judged_segments(len(shown), len(samples))
        if not segments:
            return {"desync_s": Unavailable(f"it holds fewer than {SEGMENTS} segments of video and audio")}
        with single_thread(), torch.inference_mode():
            each = [self.network.video_features(one[None]) for one in video_segments(clip.frames, shown, segments)]
            video, audio = torch.cat(each), self.network.audio_features(audio_segments(samples, segments))
            logits = self.network.offset_logits(
                torch.stack([video[:SEGMENTS], video[-SEGMENTS:]]), torch.stack([audio[:SEGMENTS], audio[-SEGMENTS:]])
            )
        return {"desync_s": desync_s(logits)}


def check(path: Path) -> None:
    """Whether a file holds weights of Synchformer, by its header alone.

    Raises:
        UsageError: it does not.
    """
    check_weights(path, _network, PUBLISHED)


def load(path: Path) -> Desync:
    """The adapter with weights that were checked."""
    return Desync(load_network(path, _network))


def _network() -> "Synchformer":
    from mova_core.measures.models.synchformer.network import Synchformer

    return Synchformer()
