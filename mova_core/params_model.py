"""Sections of `params.yaml` for the model half: generation, training, evaluation, serving.

Same rules as `params.py`: closed, frozen, every value with its range and its meaning.
"""

from pydantic import Field

from mova_core.params import Section


class GenerateParams(Section):
    """How a model generates unless a request says otherwise; written into its `model_index.json`."""

    steps: int = Field(8, ge=1, le=1000)  # denoising steps
    text_guidance_scale: float = Field(3.0, ge=0, allow_inf_nan=False)  # s_T; 1 = off
    bridge_guidance_scale: float = Field(2.0, ge=0, allow_inf_nan=False)  # s_B; higher is tighter sync
    video_shift: float = Field(5.0, gt=0, allow_inf_nan=False)  # sigma shift: higher spends more steps at high noise
    audio_shift: float = Field(5.0, gt=0, allow_inf_nan=False)
    lufs: float | None = Field(None, ge=-60, le=0)  # loudness of the sound; None leaves it as it comes


class AudioPhaseParams(Section):
    """One phase of training in which the audio tower is alone: text to sound."""

    steps: int = Field(300, ge=1)  # optimizer steps
    batch: int = Field(64, ge=1)  # clips a step, of all processes together
    audio_shift: float = Field(1.0, gt=0, allow_inf_nan=False)  # sigma shift
    text_dropout: float = Field(0.2, ge=0, le=1)  # share of clips trained on the empty text
    lufs: bool = False  # sound at the loudness of encode.lufs instead of as it is
    lr_end: float = Field(0.1, ge=0, le=1)  # share of the peak learning rate that is left at the last step


class JointPhaseParams(AudioPhaseParams):
    """One phase of training both towers and the Bridge."""

    steps: int = Field(1000, ge=1)
    batch: int = Field(16, ge=1)
    video_shift: float = Field(5.0, gt=0, allow_inf_nan=False)
    audio_shift: float = Field(5.0, gt=0, allow_inf_nan=False)
    bridge_dropout: float = Field(0.15, ge=0, le=1)  # share of clips trained with the Bridge off, apart from the text
    first_frame: float = Field(0.5, ge=0, le=1)  # share of clips given their first frame; the others a white one
    lr_end: float = Field(0.2, ge=0, le=1)


class OptimizerParams(Section):
    """AdamW and its learning rate: warm-up, flat, then linear to the phase's `lr_end`."""

    lr: float = Field(1.5e-3, gt=0, allow_inf_nan=False)  # peak, of the towers
    bridge_lr_factor: float = Field(2.0, gt=0, allow_inf_nan=False)  # the Bridge starts from nothing: report, 2
    weight_decay: float = Field(0.001, ge=0, allow_inf_nan=False)  # report
    warmup_steps: int = Field(50, ge=0)
    flat_until: float = Field(0.6, ge=0, le=1)  # share of the steps after which it falls
    clip_norm: float = Field(1.0, gt=0, allow_inf_nan=False)  # of all gradients together
    ema_decay: float = Field(0.99, ge=0, lt=1)


class LossParams(Section):
    """Weights of the parts of the loss."""

    video_weight: float = Field(1.0, ge=0, allow_inf_nan=False)  # lambda_v, report
    audio_weight: float = Field(0.2, ge=0, allow_inf_nan=False)  # lambda_a, report
    first_latent_weight: float = Field(2.0, ge=0, allow_inf_nan=False)  # of the first latent frame against the others


class CheckpointParams(Section):
    """How often a run is saved and measured; neither changes what it learns."""

    save_every: int = Field(250, ge=1)  # steps
    keep: int = Field(2, ge=1)  # the newest this many stay
    validate_every: int = Field(250, ge=1)  # steps


class TrainParams(Section):
    """Training: what each phase does, and what they share."""

    optimizer: OptimizerParams = OptimizerParams()
    loss: LossParams = LossParams()
    checkpoints: CheckpointParams = CheckpointParams()
    audio: AudioPhaseParams = AudioPhaseParams()
    phase1: JointPhaseParams = JointPhaseParams(audio_shift=1.0, text_dropout=0.5)
    phase2: JointPhaseParams = JointPhaseParams(steps=800, lufs=True)
    phase3: JointPhaseParams = JointPhaseParams(steps=800, lufs=True, lr_end=0.02)
