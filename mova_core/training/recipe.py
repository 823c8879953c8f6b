"""The four phases of training: what each trains, what it starts from, and at which picture size.

Sources: MOVA report (arXiv:2602.08794) section 3: the audio tower alone, then both towers and the Bridge in three
phases, the last one at the largest picture. Shifts, dropouts and learning rates are params (`TrainParams`).
"""

from dataclasses import dataclass

from mova_core.errors import UsageError
from mova_core.geometry import ClipGeometry
from mova_core.params import Params
from mova_core.params.model import AudioPhaseParams, TrainParams


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase.

    Args:
        name: in commands, params and folders.
        number: part of what its randomness is keyed by.
        previous: the phase whose selected weights it starts from; None for fresh ones.
        joint: both towers and the Bridge, or the audio tower alone.
        largest_picture: at the largest of the preset's geometries, or at the smallest.
    """

    name: str
    number: int
    previous: str | None
    joint: bool
    largest_picture: bool

    def geometry(self, params: Params) -> ClipGeometry:
        """The clip geometry whose latents it reads."""
        return params.geometries[-1 if self.largest_picture else 0]

    def params(self, train: TrainParams) -> AudioPhaseParams:
        """Its section; a `JointPhaseParams` where the phase is joint."""
        section: AudioPhaseParams = getattr(train, self.name)
        return section


PHASES: dict[str, Phase] = {
    phase.name: phase
    for phase in (
        Phase("audio", 0, None, joint=False, largest_picture=False),
        Phase("phase1", 1, "audio", joint=True, largest_picture=False),
        Phase("phase2", 2, "phase1", joint=True, largest_picture=False),
        Phase("phase3", 3, "phase2", joint=True, largest_picture=True),
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
