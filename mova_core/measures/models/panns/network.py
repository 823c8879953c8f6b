"""The convolutional network Cnn14 of PANNs, from log-mel to embedding and logits.

Names and shapes of its state dict are those of the published Cnn14_mAP=0.431.pth, key `model`. The package
panns_inference holds the published network, but downloads and unpickles its weights, so the network is written here.
Source: Q. Kong and others, "PANNs: Large-Scale Pretrained Audio Neural Networks for Audio Pattern Recognition"
(arXiv:1912.10211); qiuqiangkong/audioset_tagging_cnn, pytorch/models.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from mova_core.measures.models.panns.front_end import BINS, MEL
from mova_core.measures.models.weights_file import Shape

HALVINGS = 5  # of time and bands, by every block but the last


@dataclass(frozen=True, slots=True)
class Cnn14Sizes:
    """What differs between networks of this kind; the defaults are the published ones.

    Args:
        channels: of the six blocks; the last is the embedding's length.
        classes: of AudioSet.
    """

    channels: tuple[int, ...] = (64, 128, 256, 512, 1024, 2048)
    classes: int = 527

    @classmethod
    def of(cls, shapes: Mapping[str, Shape]) -> "Cnn14Sizes":
        """Sizes of a state dict; where a tensor is missing, the published size."""
        published = cls()
        blocks = (shapes.get(f"conv_block{block}.conv1.weight") for block in range(1, len(published.channels) + 1))
        channels = tuple(
            shape[0] if shape else default for shape, default in zip(blocks, published.channels, strict=True)
        )
        return cls(channels, shapes.get("fc_audioset.bias", (published.classes,))[0])


# Shape suffixes: B batch, C channels, T frames, M mel bands, K classes, D embedding.
class Cnn14(nn.Module):
    """Log-mel to embedding and logits.

    The untrained layers that compute the log-mel in the published code (`front_end.py`) are held and not called.
    """

    def __init__(self, sizes: Cnn14Sizes) -> None:
        super().__init__()
        fourier = {part: nn.Conv1d(1, BINS, MEL.window, bias=False) for part in ("conv_real", "conv_imag")}
        self.spectrogram_extractor = nn.ModuleDict({"stft": nn.ModuleDict(fourier)})
        self.logmel_extractor = nn.ParameterDict({"melW": nn.Parameter(torch.empty(BINS, MEL.bands))})
        self.bn0 = nn.BatchNorm2d(MEL.bands)
        before = (1, *sizes.channels[:-1])
        for block, (inputs, outputs) in enumerate(zip(before, sizes.channels, strict=True), start=1):
            self.add_module(f"conv_block{block}", ConvBlock(inputs, outputs))
        self.blocks = len(sizes.channels)
        self.fc1 = nn.Linear(sizes.channels[-1], sizes.channels[-1])
        self.fc_audioset = nn.Linear(sizes.channels[-1], sizes.classes)

    def forward(self, log_mel_BTM: Tensor) -> tuple[Tensor, Tensor]:
        """Embedding [B, D] and logits [B, K] of log-mel in dB [B, T, M], T at least 32 (five halvings)."""
        x_BCTM = self.bn0(log_mel_BTM.transpose(1, 2)[..., None]).permute(0, 3, 2, 1)
        for block in range(1, self.blocks + 1):
            x_BCTM = self.get_submodule(f"conv_block{block}")(x_BCTM)
            if block <= HALVINGS:
                x_BCTM = functional.avg_pool2d(x_BCTM, 2)
        x_BCT = x_BCTM.mean(dim=3)
        embedding_BD = functional.relu(self.fc1(x_BCT.amax(dim=2) + x_BCT.mean(dim=2)))
        return embedding_BD, self.fc_audioset(embedding_BD)


class ConvBlock(nn.Module):
    """Two convolutions of 3 x 3, each with batch normalisation and ReLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.bn2 = nn.BatchNorm2d(outputs)

    def forward(self, x_BCTM: Tensor) -> Tensor:
        """Of the same length and bands."""
        x_BCTM = functional.relu(self.bn1(self.conv1(x_BCTM)))
        return functional.relu(self.bn2(self.conv2(x_BCTM)))
