"""The network of SyncNet, its parts named as in the published weights: one embedding of lips, one of speech.

Source: J. S. Chung and A. Zisserman, "Out of time: automated lip sync in the wild" (ACCV workshop 2016);
joonson/syncnet_python, `SyncNetModel.py`.
"""

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from mova_core.measures.models.syncnet.face_detector import DetectorSizes, FaceDetector
from mova_core.measures.models.syncnet.windows import WINDOW_FRAMES

BATCH = 20  # windows at once: bounds memory


@dataclass(frozen=True, slots=True)
class Sizes:
    """Sizes of the network; the defaults are the published ones.

    Args:
        audio: channels of the six convolutions over MFCC windows.
        video: channels of the first convolution over frames, of the next four, of the last.
        embedding: width of both embeddings.
        detector: of the face detector.
    """

    audio: tuple[int, int, int, int, int, int] = (64, 192, 384, 256, 256, 512)
    video: tuple[int, int, int] = (96, 256, 512)
    embedding: int = 1024
    detector: DetectorSizes = field(default_factory=DetectorSizes)


class SyncNet(nn.Module):
    """Both branches, and the face detector of the same project as `s3fd`."""

    def __init__(self, sizes: Sizes = Sizes()) -> None:
        super().__init__()
        self.netcnnaud = _audio_layers(sizes)
        self.netfcaud = _head(sizes.audio[-1], sizes.embedding)
        self.netcnnlip = _video_layers(sizes)
        self.netfclip = _head(sizes.video[-1], sizes.embedding)
        self.s3fd = FaceDetector(sizes.detector)

    def video_features(self, frames: Tensor) -> Tensor:
        """Embeddings [F - 4, D] of all windows of 5 frames.

        Args:
            frames: a face in BGR, 0..255, float32 [F, 3, 224, 224].
        """
        windows = len(frames) - WINDOW_FRAMES + 1
        pieces = [frames[start : min(start + BATCH, windows) + WINDOW_FRAMES - 1] for start in range(0, windows, BATCH)]
        # Only the first layer looks across frames, so that a run of frames gives the features of each of its windows.
        features = [self.netcnnlip(piece.transpose(0, 1)[None])[0].flatten(1).T for piece in pieces]
        return self.netfclip(torch.cat(features))

    def audio_features(self, windows: Tensor) -> Tensor:
        """Embeddings [N, D] of MFCC windows [N, 1, 13, 20]."""
        return self.netfcaud(self.netcnnaud(windows).flatten(1))


def _audio_layers(sizes: Sizes) -> nn.Sequential:
    first, second, third, fourth, fifth, last = sizes.audio
    return nn.Sequential(
        *_convolved(nn.Conv2d(1, first, 3, padding=1)),
        nn.MaxPool2d(1, 1),  # keeps the published numbers of the layers after
        *_convolved(nn.Conv2d(first, second, 3, padding=1)),
        nn.MaxPool2d(3, (1, 2)),
        *_convolved(nn.Conv2d(second, third, 3, padding=1)),
        *_convolved(nn.Conv2d(third, fourth, 3, padding=1)),
        *_convolved(nn.Conv2d(fourth, fifth, 3, padding=1)),
        nn.MaxPool2d(3, 2),
        *_convolved(nn.Conv2d(fifth, last, (5, 4))),
    )


def _video_layers(sizes: Sizes) -> nn.Sequential:
    first, middle, last = sizes.video
    by_frame = (1, 3, 3)
    return nn.Sequential(
        *_convolved(nn.Conv3d(3, first, (WINDOW_FRAMES, 7, 7), (1, 2, 2))),
        nn.MaxPool3d(by_frame, (1, 2, 2)),
        *_convolved(nn.Conv3d(first, middle, (1, 5, 5), (1, 2, 2), (0, 1, 1))),
        nn.MaxPool3d(by_frame, (1, 2, 2), (0, 1, 1)),
        *_convolved(nn.Conv3d(middle, middle, by_frame, padding=(0, 1, 1))),
        *_convolved(nn.Conv3d(middle, middle, by_frame, padding=(0, 1, 1))),
        *_convolved(nn.Conv3d(middle, middle, by_frame, padding=(0, 1, 1))),
        nn.MaxPool3d(by_frame, (1, 2, 2)),
        *_convolved(nn.Conv3d(middle, last, (1, 6, 6))),
    )


def _convolved(layer: nn.Conv2d | nn.Conv3d) -> tuple[nn.Module, nn.Module, nn.Module]:
    norm = nn.BatchNorm2d if isinstance(layer, nn.Conv2d) else nn.BatchNorm3d
    return layer, norm(layer.out_channels), nn.ReLU()


def _head(channels: int, embedding: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(channels, channels), nn.BatchNorm1d(channels), nn.ReLU(), nn.Linear(channels, embedding)
    )
