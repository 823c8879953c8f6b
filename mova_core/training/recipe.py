"""The recipe of training: the four phases as one table. Light: it imports no torch.

Sources: MOVA report (arXiv:2602.08794) section 3: the audio tower alone, then both towers and the Bridge in three
phases, the last one at the largest canvas. Steps, shifts, dropouts and learning rates are params (`TrainParams`).
Curation decides which clips a phase takes (`curation/assess/phase_filters.py`), by the names that params give to both.
"""

from dataclasses import dataclass
from typing import Literal

from mova_core.errors import UsageError
from mova_core.geometry import ClipGeometry
from mova_core.model.pretrained.index import TOWER_COMPONENTS
from mova_core.params import PHASE_NAMES, Params, PhaseName
from mova_core.params.model import AudioPhaseParams, TrainParams


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase.

    Args:
        name: in commands, params and folders.
        starts_from: the phase whose selected weights it starts from; None for fresh ones.
        trains: components that learn. Of the two video experts, one learns in a step: high noise first, then in turn.
        canvas: which of the preset's geometries its latents have.
        caption: the kind of text context that it trains on (`latent_shards.CONTEXT_KINDS`).
    """

    name: PhaseName
    starts_from: PhaseName | None
    trains: tuple[str, ...]
    canvas: Literal["smallest", "largest"] = "smallest"
    caption: str = "merged"

    @property
    def number(self) -> int:
        """Position in the recipe, from 0; part of the seed of everything random in the phase."""
        return PHASE_NAMES.index(self.name)

    @property
    def joint(self) -> bool:
        """Whether both towers and the Bridge learn, not the audio tower alone."""
        return len(self.trains) > 1

    def geometry(self, params: Params) -> ClipGeometry:
        """The clip geometry whose latents it reads."""
        return params.geometries[-1 if self.canvas == "largest" else 0]

    def params(self, train: TrainParams) -> AudioPhaseParams:
        """Its section; a `JointPhaseParams` where the phase is joint."""
        section: AudioPhaseParams = getattr(train, self.name)
        return section


PHASES: dict[str, Phase] = {
    phase.name: phase
    for phase in (
        Phase("audio", None, ("audio_dit",), caption="merged_with_duration"),
        Phase("phase1", "audio", TOWER_COMPONENTS),
        Phase("phase2", "phase1", TOWER_COMPONENTS, caption="merged_without_subtitles"),
        Phase("phase3", "phase2", TOWER_COMPONENTS, canvas="largest"),
    )
}


def phase_named(name: str) -> Phase:
    """The phase of that name.

    Raises:
        UsageError: no such phase.
    """
    if name not in PHASES:
        raise UsageError(f"phase is {name!r}, expected one of {', '.join(PHASES)}")
    return PHASES[name]
