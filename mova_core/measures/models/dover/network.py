"""The network of DOVER, its parts named as in the published weights: two branches, each with a head.

Source: H. Wu et al., "Exploring Video Quality Assessment on User Generated Contents from Aesthetic and Technical
Perspectives" (ICCV 2023, arXiv:2211.04894); VQAssessment/DOVER, `dover.yml`, `dover/models/`.
"""

from dataclasses import dataclass, field

from torch import Tensor, nn

from mova_core.measures.models.dover.convnext import ConvNext3D, ConvNextSizes
from mova_core.measures.models.dover.swin import SwinSizes, SwinTransformer3D


@dataclass(frozen=True, slots=True)
class Sizes:
    """Sizes of the network; the defaults are the published ones.

    Args:
        technical: of the branch over fragments.
        aesthetic: of the branch over the resized view.
        hidden: channels within the heads.
    """

    technical: SwinSizes = field(default_factory=SwinSizes)
    aesthetic: ConvNextSizes = field(default_factory=ConvNextSizes)
    hidden: int = 64


class Dover(nn.Module):
    """Both branches and their heads."""

    def __init__(self, sizes: Sizes = Sizes()) -> None:
        super().__init__()
        self.technical_backbone = SwinTransformer3D(sizes.technical)
        self.aesthetic_backbone = ConvNext3D(sizes.aesthetic)
        self.technical_head = Head(8 * sizes.technical.width, sizes.hidden)
        self.aesthetic_head = Head(sizes.aesthetic.widths[-1], sizes.hidden)

    def technical(self, clips: Tensor) -> float:
        """The mean answer over all places of clips [B, 3, 32, 224, 224] of fragments."""
        return float(self.technical_head(self.technical_backbone(clips)).mean())

    def aesthetic(self, clips: Tensor) -> float:
        """The mean answer over all places of clips [B, 3, 32, 224, 224] of resized frames."""
        return float(self.aesthetic_head(self.aesthetic_backbone(clips)).mean())


class Head(nn.Module):
    """An answer for each place."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc_hid = nn.Conv3d(width, hidden, 1)
        self.fc_last = nn.Conv3d(hidden, 1, 1)

    def forward(self, features: Tensor) -> Tensor:
        """[B, C, D, H, W] to [B, 1, D, H, W]."""
        return self.fc_last(nn.functional.gelu(self.fc_hid(features)))
