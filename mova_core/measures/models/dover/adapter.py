"""DOVER's scores of a video, with weights that the user brings.

No package of the registry holds the model: the network is this project's, with the published names and shapes.
Weights: the state_dict `DOVER.pth` of VQAssessment/DOVER (not DOVER++ or DOVER-Mobile) as safetensors.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from mova_core.measures.clip import Clip, Measures, Unavailable
from mova_core.measures.models.dover.views import aesthetic_score, aesthetic_view, technical_score, technical_view
from mova_core.measures.models.inputs import why_no_video
from mova_core.measures.models.weights_file import Published, check_weights, load_network

if TYPE_CHECKING:
    from torch import Tensor

    from mova_core.measures.models.dover.network import Dover

PUBLISHED = Published("dover", "the state_dict DOVER.pth of VQAssessment/DOVER")
LEAST_FRAMES = 32  # as many as the aesthetic branch takes


class QualityNetwork(Protocol):
    """What answers for both qualities."""

    def technical(self, clips: "Tensor") -> float:
        """The mean raw answer for clips of fragments."""

    def aesthetic(self, clips: "Tensor") -> float:
        """The mean raw answer for clips of resized frames."""


@dataclass(frozen=True, slots=True)
class DoverQuality:
    """The adapter: `dover_technical` and `dover_aesthetic` of a clip's video."""

    network: QualityNetwork

    def __call__(self, clip: Clip) -> Measures:
        """Scores in 0..1, unavailable for a video of under 32 frames; audio does not count."""
        reason = why_no_video(clip.frames)
        if reason is None and len(clip.frames) < LEAST_FRAMES:
            reason = f"it has {len(clip.frames)} frames, and the model needs {LEAST_FRAMES}"
        if reason is not None:
            return {"dover_aesthetic": Unavailable(reason), "dover_technical": Unavailable(reason)}
        import torch

        from mova_core.model.single_thread import single_thread

        with single_thread(), torch.inference_mode():
            return {
                "dover_aesthetic": aesthetic_score(self.network.aesthetic(aesthetic_view(clip.frames))),
                "dover_technical": technical_score(self.network.technical(technical_view(clip.frames))),
            }


def check(path: Path) -> None:
    """Whether a file holds weights of DOVER, by its header alone.

    Raises:
        UsageError: it does not.
    """
    check_weights(path, _network, PUBLISHED)


def load(path: Path) -> DoverQuality:
    """The adapter with weights that were checked."""
    return DoverQuality(load_network(path, _network))


def _network() -> "Dover":
    from mova_core.measures.models.dover.network import Dover

    return Dover()
