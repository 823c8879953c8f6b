"""What the process that generates tells the one that divides its guidance branches."""

from typing import NamedTuple

from torch import Tensor

from mova_core.flow_matching import PairSchedule
from mova_core.model.towers.dual_tower import LatentPair
from mova_core.params.generate import Modality
from mova_core.sampling.conditioning.conditioning import Conditioning
from mova_core.sampling.guidance import Guidance


class BeginRun(NamedTuple):
    """Before a run's first step."""

    only: Modality | None  # whose tower runs alone
    schedule: PairSchedule
    guidance: Guidance
    video_fps: float
    conditioning: Conditioning  # without known latents, which are already in those of a step


class NextStep(NamedTuple):
    """At each of its steps: arguments of `Sampler.velocity`."""

    latents: LatentPair
    timestep_2: Tensor
    expert: str
