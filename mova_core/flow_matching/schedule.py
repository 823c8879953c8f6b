"""Noise levels of a run: one column for the video, one for the audio, each with its own shift.

Levels run linearly from 1 to `SIGMA_MIN`, are shifted per modality, and the last step goes to 0. Timestep = 1000 sigma.
Two conventions of the released system matter for parity and are kept apart here:
- with equal shifts the update uses the entry of a 1000-entry table nearest to the step's timestep. At the table's own
  shift it differs from the step's sigma by at most half the table's largest gap: 1.7e-3 at shift 5. A smaller shift has
  steps below the table's last entry, which are moved up to it: by 0.0059 for shift 3 and 0.0118 for shift 1 of a table
  at shift 5. With unequal shifts the table would be wrong for one column, so each column's own sigma is used;
- training draws an index of the same 1000-entry table.
Source: released scheduler's config (sigma_max 1, sigma_min 0.003/1.002) and the golden case `scheduler`.
"""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from mova_core.errors import UsageError
from mova_core.flow_matching.shift import shift_sigma

TRAINING_STEPS = 1000  # entries of the table, and the scale between sigma and timestep
SIGMA_MIN = 0.003 / 1.002


@dataclass(frozen=True)
class PairSchedule:
    """Sigmas of both modalities.

    Args:
        steps: denoising steps, at least 1.
        video_shift: sigma shift of the video, above 0.
        audio_shift: sigma shift of the audio, above 0.
        table_shift: shift of the 1000-entry table that equal shifts look their sigma up in (the model's own shift).

    Raises:
        UsageError: steps or a shift is out of range.
    """

    steps: int
    video_shift: float = 5.0
    audio_shift: float = 5.0
    table_shift: float = 5.0

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise UsageError(f"steps is {self.steps}, must be at least 1")
        for name in ("video_shift", "audio_shift", "table_shift"):
            if not getattr(self, name) > 0:
                raise UsageError(f"{name} is {getattr(self, name)}, must be above 0")

    @cached_property
    def sigmas(self) -> Tensor:
        """[steps, 2] float32, column 0 video, 1 audio: the noise level that the model sees at each step."""
        columns = (shifted_levels(self.steps, self.video_shift), shifted_levels(self.steps, self.audio_shift))
        return torch.stack(columns, dim=1)

    @property
    def timesteps(self) -> Tensor:
        """[steps, 2] float32, 1000 sigma."""
        return self.sigmas * TRAINING_STEPS

    @cached_property
    def update_sigmas(self) -> Tensor:
        """[steps + 1, 2] float32: from row k to row k + 1 is step k; the last row is 0."""
        sigmas = self.sigmas
        if self.video_shift == self.audio_shift:
            table = shifted_levels(TRAINING_STEPS, self.table_shift)
            distance = (table[None, None] * TRAINING_STEPS - self.timesteps[..., None]).abs()
            sigmas = table[distance.argmin(dim=-1)]
        return torch.cat([sigmas, torch.zeros(1, 2)])


def shifted_levels(steps: int, shift: float) -> Tensor:
    """[steps] float32: levels from 1 to SIGMA_MIN, both included (a single step is at 1), shifted."""
    return shift_sigma(torch.linspace(1.0, SIGMA_MIN, steps), shift)
