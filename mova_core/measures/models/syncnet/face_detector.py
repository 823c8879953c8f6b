"""Faces in frames by S3FD, the detector that SyncNet's published pipeline finds them with.

No detector travels with the installed packages (OpenCV's FaceDetectorYN needs an ONNX file that the user would bring),
so the published one is taken, its parts named as in `sfd_face.pth`: a VGG-16 with six heads, boxes decoded against
one square prior a place, frames at a quarter of their size.
Sources: S. Zhang et al., "S3FD: Single Shot Scale-invariant Face Detector" (arXiv:1708.05237); joonson/syncnet_python,
`detectors/s3fd/` and `run_pipeline.py`.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

SCALE = 0.25
MEAN_RGB = (123.0, 117.0, 104.0)
LEAST_PX = 32  # sides of a scaled frame that leave something after five halvings
CONFIDENCE_OVER = 0.9
OVERLAPS = (0.3, 0.1)  # at most: of what one pass of suppression leaves, then the next
STRIDES = (4, 8, 16, 32, 64, 128)
PRIORS_PX = (16, 32, 64, 128, 256, 512)
VARIANCES = (0.1, 0.2)


@dataclass(frozen=True, slots=True)
class DetectorSizes:
    """Channels of the detector; the defaults are the published ones.

    Args:
        stages: of the five stages of VGG-16.
        top: of its two last layers.
        extras: of the four layers after.
    """

    stages: tuple[int, int, int, int, int] = (64, 128, 256, 512, 512)
    top: int = 1024
    extras: tuple[int, int, int, int] = (256, 512, 128, 256)


class FaceDetector(nn.Module):
    """S3FD."""

    def __init__(self, sizes: DetectorSizes = DetectorSizes()) -> None:
        super().__init__()
        third, fourth, fifth = sizes.stages[2:]
        heads = (third, fourth, fifth, sizes.top, sizes.extras[1], sizes.extras[3])
        self.vgg = nn.ModuleList(_vgg(sizes))
        self.L2Norm3_3, self.L2Norm4_3, self.L2Norm5_3 = ChannelNorm(third), ChannelNorm(fourth), ChannelNorm(fifth)
        first, second, third_extra, last = sizes.extras
        self.extras = nn.ModuleList(
            [
                nn.Conv2d(sizes.top, first, 1),
                nn.Conv2d(first, second, 3, 2, 1),
                nn.Conv2d(second, third_extra, 1),
                nn.Conv2d(third_extra, last, 3, 2, 1),
            ]
        )
        self.loc = nn.ModuleList(nn.Conv2d(channels, 4, 3, padding=1) for channels in heads)
        self.conf = nn.ModuleList(
            nn.Conv2d(channels, 2 if level else 4, 3, padding=1) for level, channels in enumerate(heads)
        )

    def detect(self, frame: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Boxes of the faces of one frame: left, top, right, bottom in its pixels [N, 4], the surest first.

        Args:
            frame: RGB [H, W, 3].
        """
        import cv2

        small = cv2.resize(frame, None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_LINEAR).astype(np.float32)
        if min(small.shape[:2]) < LEAST_PX:
            return np.empty((0, 4))
        pixels = torch.from_numpy(small - np.array(MEAN_RGB, np.float32)).permute(2, 0, 1)
        boxes, scores = self(pixels[None])
        sure = scores > CONFIDENCE_OVER
        back = [frame.shape[axis] / small.shape[axis] for axis in (1, 0, 1, 0)]
        return suppressed(boxes[sure].numpy() * np.array(back), scores[sure].numpy())

    def forward(self, frame: Tensor) -> tuple[Tensor, Tensor]:
        """Boxes [N, 4] in pixels and scores [N] of all places of one frame [1, 3, H, W]."""
        boxes, scores = [], []
        for level, features in enumerate(self._pyramid(frame)):
            answer = self.conf[level](features)[0]
            background = answer[:-1].amax(dim=0)  # the finest level has three kinds of background
            scores.append(torch.softmax(torch.stack([background, answer[-1]]), dim=0)[1].flatten())
            shift = self.loc[level](features)[0].flatten(1).T
            boxes.append(decoded(shift, features.shape[2], features.shape[3], level))
        return torch.cat(boxes), torch.cat(scores)

    def _pyramid(self, x: Tensor) -> list[Tensor]:
        norms = {15: self.L2Norm3_3, 22: self.L2Norm4_3, 29: self.L2Norm5_3}
        levels = []
        for number, layer in enumerate(self.vgg):
            x = layer(x)
            if number in norms:
                levels.append(norms[number](x))
        levels.append(x)
        for number, layer in enumerate(self.extras):
            x = torch.relu(layer(x))
            if number % 2:
                levels.append(x)
        return levels


class ChannelNorm(nn.Module):
    """Each place divided by its length over channels, channels scaled."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] to the same."""
        return self.weight[:, None, None] * x / (x.norm(dim=1, keepdim=True) + 1e-10)


def decoded(shift: Tensor, height: int, width: int, level: int) -> Tensor:
    """Boxes [places, 4] in pixels from what a head tells of the prior at each place.

    Args:
        shift: of center and of log size, in shares of the prior and of `VARIANCES` [places, 4].
        height: of the level's features.
        width: of the level's features.
        level: number of the head.
    """
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    centers = (torch.stack([columns, rows], dim=-1).flatten(0, 1) + 0.5) * STRIDES[level]
    middle = centers + shift[:, :2] * VARIANCES[0] * PRIORS_PX[level]
    half = PRIORS_PX[level] * torch.exp(shift[:, 2:] * VARIANCES[1]) / 2
    return torch.cat([middle - half, middle + half], dim=1)


def suppressed(boxes: NDArray[np.floating], scores: NDArray[np.floating]) -> NDArray[np.float64]:
    """Boxes [N, 4] that no surer one overlaps, the surest first."""
    import cv2

    left = boxes.astype(np.float64)
    for most in OVERLAPS if len(left) else ():
        corner_and_size = np.hstack([left[:, :2], left[:, 2:] - left[:, :2]])
        kept = np.array(cv2.dnn.NMSBoxes(corner_and_size.tolist(), scores.tolist(), 0.0, most), int)
        left, scores = left[kept], scores[kept]
    return left


def _vgg(sizes: DetectorSizes) -> list[nn.Module]:
    layers: list[nn.Module] = []
    before = 3
    for stage, channels in enumerate(sizes.stages):
        for _ in range(2 if stage < 2 else 3):
            layers += [nn.Conv2d(before, channels, 3, padding=1), nn.ReLU()]
            before = channels
        layers.append(nn.MaxPool2d(2, 2, ceil_mode=stage == 2))
    layers += [nn.Conv2d(before, sizes.top, 3, padding=6, dilation=6), nn.ReLU()]
    return [*layers, nn.Conv2d(sizes.top, sizes.top, 1), nn.ReLU()]
