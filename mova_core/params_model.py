"""Sections of `params.yaml` for the model half: generation, training, evaluation, serving.

Same rules as `params.py`: closed, frozen, every value with its range and its meaning.
"""

from pydantic import Field

from mova_core.params import Section


class GenerateParams(Section):
    """How a model generates unless a request says otherwise; written into its `model_index.json`."""

    steps: int = Field(8, ge=1, le=1000)  # denoising steps
    text_guidance_scale: float = Field(3.0, ge=0, allow_inf_nan=False)  # s_T; 1 = off
    bridge_guidance_scale: float = Field(
        2.0, ge=0, allow_inf_nan=False
    )  # s_B; higher is tighter sync
    video_shift: float = Field(5.0, gt=0, allow_inf_nan=False)  # sigma shift: higher spends more steps at high noise
    audio_shift: float = Field(5.0, gt=0, allow_inf_nan=False)
    lufs: float | None = Field(None, ge=-60, le=0)  # loudness of the sound; None leaves it as it comes
