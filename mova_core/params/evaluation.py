"""Sections of `params.yaml` for what each phase's evaluation generates and measures, and for the gates behind it."""

from typing import Literal

from pydantic import Field

from mova_core.params.section import Section

Footage = Literal["synthetic", "other"]


class EvaluateParams(Section):
    """What is generated and measured after each phase. The sampler is that of `generate`."""

    footage: Footage = Field(
        "synthetic",
        description="synthetic | other, whose events and classes are not known: decides the suite and the gates",
    )
    clips_per_class: int = Field(16, ge=1, description="of the suite; four classes")
    candidate_clips_per_class: int = Field(
        4, ge=1, description="of its part that ranks a run's checkpoints; the best two generate all of it"
    )
    seed: int = Field(90_000, ge=0, description="of the first clip's noise, the others count up")
    batch: int = Field(16, ge=1, description="clips generated together")
    data_clips: int = Field(64, ge=1, description="validation clips measured for comparison")
    bootstrap_samples: int = Field(1000, ge=1, description="of the bootstrap over clips")
    sweep: tuple[float, ...] = Field((0.0, 1.0, 2.0, 3.5), description="Bridge guidance scales, at text scale 1")
    metrics: tuple[str, ...] | None = Field(
        None, description="more to measure, of those that docs/metrics.md marks; null = none for nano, all for mova"
    )
    samples: int = Field(8, ge=0, description="clips written as files to look at")


class AudioGateParams(Section):
    """Limits that a selected checkpoint of phase audio must hold; null asks nothing of that measure."""

    audio_class_at_least: float | None = Field(0.90, ge=0, le=1)
    onset_rate_within_data_at_least: float | None = Field(
        0.3, ge=0, le=1, description="share of clips with about as many onsets a second as the data's"
    )


class JointGateParams(Section):
    """Limits that a selected checkpoint of a joint phase must hold; numbers of phase 1."""

    audio_class_at_least: float | None = Field(0.90, ge=0, le=1)
    video_class_at_least: float | None = Field(0.90, ge=0, le=1)
    event_f1_at_least: float | None = Field(0.52, ge=0, le=1)
    event_f1_over_shuffled_at_least: float | None = Field(0.24, ge=-1, le=1, description="over wrongly paired clips")
    offset_s_at_most: float | None = Field(0.12, ge=0)
    desync_s_at_most: float | None = Field(0.08, ge=0)
    sync_gain_at_least: float | None = Field(
        0.38, ge=-1, le=1, description="event F1 over that with the Bridge off, s_T 1"
    )
    event_rate_within_data_at_least: float | None = Field(0.8, ge=0, le=1)
    onset_rate_within_data_at_least: float | None = Field(0.8, ge=0, le=1)
    memorised_share_at_most: float | None = Field(
        0.25, ge=0, le=1, description="share of clips nearer to a training clip than 95 % of held-out clips"
    )


class OtherFootageGateParams(Section):
    """Limits where footage is not synthetic, so that classes and events are not known; phase audio is asked what needs
    no video."""

    loss_gain_over_start_interval_above: float | None = Field(
        0.0, description="the whole 95 % interval over held-out clips, as of each limit named so"
    )
    loss_gain_by_bridge_interval_above: float | None = Field(0.0)
    collapsed_share_at_most: float | None = Field(0.05, ge=0, le=1)
    memorised_share_at_most: float | None = Field(0.25, ge=0, le=1)
    loudness_within_data_at_least: float | None = Field(0.8, ge=0, le=1)
    audible_share_at_least: float | None = Field(0.9, ge=0, le=1)
    decodable_share_at_least: float | None = Field(1.0, ge=0, le=1)
    validation_loss_at_most: float | None = Field(None, gt=0)


class OtherFootageSyncParams(Section):
    """Limits besides, after the last phase: its model is the one that is packaged."""

    av_align_over_shuffled_interval_above: float | None = Field(
        None, ge=-1, lt=1, description="null for nano, whose models in step do not reach it; 0 for mova"
    )
    onset_lag_under_shuffled_s_interval_above: float | None = Field(0.0, ge=-1, lt=1)


class SelectParams(Section):
    """Absolute gates: a phase whose checkpoint misses one hands nothing on.

    Pinned from trainings with several seeds: the worst of them less 0.11 of F1, twice the half-width of its bootstrap
    interval. docs/evaluation.md shows the values.
    """

    audio: AudioGateParams = AudioGateParams()
    phase1: JointGateParams = JointGateParams()
    phase2: JointGateParams = JointGateParams(
        event_f1_at_least=0.65, event_f1_over_shuffled_at_least=0.41, sync_gain_at_least=0.44
    )
    phase3: JointGateParams = JointGateParams(
        event_f1_at_least=0.75, event_f1_over_shuffled_at_least=0.56, offset_s_at_most=0.11, sync_gain_at_least=0.55
    )
    other_footage: OtherFootageGateParams = OtherFootageGateParams()
    other_footage_phase3: OtherFootageSyncParams = OtherFootageSyncParams()
